// Overview: how it is (hero), what happened (narrative), four figures, what to do first, then money, tokens, tools.

function drawOverview(view) {
  if (!D.calls.length) return replace(view, noCalls(), V.others.some((each) => each.kind === "tool" || each.memories) ? [h("div.grid.two", null, toolCard(), memoryCard())] : null);
  if (!V.calls.length && !V.rest.length) return forgetInside(view), replace(view, nothingLeft());
  V.state = V.state || health(V.scored, V.calls);
  replace(view,
    h("div.lead", null, hero(V.state), story()),
    metricCards(),
    whenJudged(firstSteps),
    below(view, () => [h("div.grid.two", null, trendCard("tokens"), trendCard("cost")), otherPanels()]));
}

function noCalls() {
  const anything = D.meta.spans > 0;
  return h("div.empty.large", null,
    h("p.empty-title", null, anything ? "No LLM calls in this file" : "No spans in this file yet"),
    h("p", null, anything ? `${plural(D.meta.spans, "span")} in ${plural(D.meta.traces, "trace")} ${D.meta.spans === 1 ? "was" : "were"} read, but none is an LLM call.` : "Run your program once with tracing on, then make the report again."),
    h("pre.code", null, "import peekr\n\npeekr.instrument()      # before the first call\n…\n$ peekr dashboard traces.jsonl"),
    h("p", null, h("button.link", { type: "button", onclick: () => goTo("help") }, "What to set up, step by step")));
}

function nothingLeft() {
  return empty("No call fits these filters", "Take one away, or clear them all.", h("p", null, h("button.primary", { type: "button", onclick: clearFilters }, "Clear all filters")));
}

function hero(state) {
  const delta = state.delta;
  return h("section.card.hero", { "aria-label": "Health" },
    h("p.eyebrow", null, "Health"),
    h("div.hero-line", null,
      h("span.dot." + state.tone, { "aria-hidden": "true" }),
      h("span.hero-value", null, state.value === null ? DASH : String(state.value)),
      state.value === null ? null : h("span.hero-of", null, "/ 100")),
    h("p.hero-tier." + state.tone, null, state.label),
    state.value === null
      ? h("p.quiet", null, "Health is the mean Hallucination score. ", h("button.link", { type: "button", onclick: () => goTo("help") }, "Add an evaluator"), " to see it.")
      : h("dl.hero-facts", null,
        h("div", null, h("dt", null, "Flagged"), h("dd", null, number(state.flagged), h("small", null, " of " + number(state.ranked) + " scored"))),
        h("div", null, h("dt", null, "Against baseline"), h("dd" + (delta === null ? "" : delta < -0.5 ? ".down" : delta > 0.5 ? ".up" : ""), null, delta === null ? h("small", null, "needs 6 scored calls") : (signed(delta, 0) === "±0" ? "±0" : (delta > 0 ? "▲ " : "▼ ") + Math.abs(delta).toFixed(0) + " pts")))),
    sparkline(state.values, state.tone, 320, 44));
}

function story() {
  const said = narrative(V.calls, V.scored, V.state);
  return h("section.card.story", { "aria-label": "What happened" }, h("p.eyebrow", null, "What happened"),
    h("ul.bullets", null, said.map((each) => h("li", null, h("i.key." + each.tone), h("span", null, each.text)))));
}

function metricCards() {
  const found = metrics(V.calls);
  const failed = found.failed.reduce((all, one) => all + one, 0);
  return h("div.grid.four", null,
    metric("Hallucination", found.halluc, { hint: scoreHint, format: score, none: "Add Hallucination() to the evaluators." }),
    metric("Rubric", found.rubric, { hint: scoreHint, format: score, none: "Add Rubric(\"…\") to the evaluators." }),
    metric("Citations", found.grounded, { hint: (now) => (now < 0.7 ? "Check references after the answer." : now < 1 ? "A few references are invented: see Quality." : "All references are grounded."), format: (value) => percent(value), none: "Add CitationAccuracy() to the evaluators.", points: true }),
    metric("Errors", found.failed, { hint: () => (failed === 0 ? "No call failed." : failed / found.failed.length > 0.05 ? "See the reasons in Diagnose." : "Below the 5% that raise a diagnosis."), value: number(failed + sum(V.rest, "errors")), format: (value) => percent(value, 1), inverse: true, points: true, none: "" }));
}

const scoreHint = (now) => (now < 0.5 ? "Look at the worst calls in Diagnose." : now < 0.7 ? "Below the warning line of 0.70." : now < 0.85 ? "Watch it: 0.85 is healthy." : "Healthy. Guard it with a ScoreFloor alert.");

function metric(name, values, { hint, format, none, value, inverse, points }) {
  if (!values.length) return h("section.card.metric.off", { "aria-label": name }, h("h3", null, name), h("p.metric-value", null, DASH), h("p.hint", null, none));
  const { now } = thirds(values);
  const delta = change(values);
  const better = delta === null || Math.abs(delta) < 0.005 ? "" : (delta > 0) !== Boolean(inverse) ? ".up" : ".down";
  const tone = inverse ? (now > 0.05 ? "bad" : now > 0 ? "warn" : "good") : scoreTone(now);
  return h("section.card.metric", { "aria-label": name },
    h("h3", null, name),
    h("div.metric-line", null, h("p.metric-value", null, value || format(now)), sparkline(values, tone)),
    h("p.metric-facts", null,
      h("span.delta" + better, { title: "Newest third against the oldest third" }, delta === null ? "no baseline yet" : (points ? signed(delta * 100, 1) + " pts" : signed(delta))),
      h("span.quiet", null, inverse ? percent(mean(values), 1) + " of " + number(values.length) : number(values.length) + " scored")),
    h("p.hint", null, hint(now)));
}

function firstSteps() {
  const shown = cards().slice(0, 3);
  if (!shown.length) return null;
  return h("section.card.steps", { "aria-label": "Do this first" },
    h("header.card-head", null, h("h3", null, "Do this first"), h("button.link", { type: "button", onclick: () => goTo("diagnose") }, "All causes and fixes")),
    h("ol.step-list", null, shown.map((each) => h("li", null, badge(each.severity), h("div", null, h("b", null, plain(each.title)), each.fixes && each.fixes.length ? h("p", null, plain(each.fixes[0])) : null)))));
}

function otherPanels() {
  return [h("div.grid.two", null, tenantCard(), memoryCard()), toolCard()];
}
