// Diagnose: likely causes with fixes, and the calls to look at.

const WORST = 12;

function worstCalls() {
  if (!V.worst || V.worstOf !== V.calls) {
    V.worstOf = V.calls;
    V.worst = V.calls.filter((call) => rank(call) !== null).map((call) => [rank(call), call]).sort((a, b) => a[0] - b[0] || b[1].start - a[1].start).slice(0, WORST).map((pair) => pair[1]);
  }
  return V.worst;
}

function drawDiagnose(view) {
  if (!V.calls.length && D.calls.length) return replace(view, nothingLeft());
  const worst = worstCalls();
  replace(view,
    h("section", { "aria-labelledby": "causes" },
      h("header.section-head", null, h("h2", { id: "causes" }, "Likely causes & next steps"), h("p.quiet", null, filtered() ? "for the calls that are filtered" : "for the whole file")),
      whenJudged(causes)),
    D.calls.length ? h("section", { "aria-labelledby": "offenders" },
      h("header.section-head", null, h("h2", { id: "offenders" }, "Worst offenders"), h("p.quiet", null, worst.length ? `the ${worst.length} lowest-scoring calls` : null)),
      worst.length ? worst.map(offender) : empty("No scored calls", "With an evaluator, the lowest-scoring calls are compared with their context here.")) : null);
}

function causes() {
  const found = cards();
  if (found.length) return h("div.advice-list", null, found.map(adviceCard));
  return D.calls.length ? empty("Nothing stands out", "No rule found a pattern in these calls.") : noCalls();
}

function offender(call, place) {
  return h("article.card.offender", { id: "worst-" + call.at, tabindex: -1, "aria-label": `Worst call ${place + 1}` },
    h("header.offender-head", null, h("span.place", null, String(place + 1)), scoreBadge(rank(call)),
      h("div", null, h("h3", null, clip(call.model || call.name, 60)), h("p.quiet", null, [date(call.start), call.channel.tenant, call.endpoint].filter(Boolean).map((text) => clip(text, 60)).join(" · "))),
      h("button.link", { type: "button", onclick: () => openCall(call.id) }, "Open the call")),
    sides(call),
    h("div.grid.three", null, part("Claim verdicts", verdicts(call)), part("Citations", citations(call)), part("What to try for this call", tries(call))));
}
