// Diagnose: likely causes with fixes, and the calls to look at.

const WORST = 12;

// The lowest scores; of the same score the newest calls.
function worstCalls() {
  if (V.worst) return V.worst;
  const worse = (a, b) => a.ranked - b.ranked || b.start - a.start;
  const found = [];
  for (const call of V.calls) {
    if (call.ranked === null || (found.length === WORST && worse(call, found[WORST - 1]) >= 0)) continue;
    let at = found.length;
    while (at && worse(call, found[at - 1]) < 0) at -= 1;
    found.splice(at, 0, call);
    if (found.length > WORST) found.pop();
  }
  return (V.worst = found);
}

function drawDiagnose(view) {
  if (!V.calls.length && D.calls.length) return replace(view, nothingLeft());
  replace(view,
    h("section", { "aria-labelledby": "causes" },
      h("header.section-head", null, h("h2", { id: "causes" }, "Likely causes & next steps"), h("p.quiet", null, filtered() ? "for the calls that are filtered" : "for the whole file")),
      whenJudged(causes)),
    D.calls.length ? below(view, offenders) : null);
}

function offenders() {
  const worst = worstCalls();
  return h("section", { "aria-labelledby": "offenders" },
    h("header.section-head", null, h("h2", { id: "offenders" }, "Worst offenders"), h("p.quiet", null, worst.length ? `the ${worst.length} lowest-scoring calls` : null)),
    worst.length ? worst.map(offender) : empty("No scored calls", "With an evaluator, the lowest-scoring calls are compared with their context here."));
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
