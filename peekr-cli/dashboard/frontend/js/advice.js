// The diagnosis: of the whole file as Python found it, of a selection as the same rules find it here.

const ORDER = ["high", "medium", "low", "info", "good"];
const TONES = { high: "bad", medium: "serious", low: "warn", info: "info", good: "good" };

function cards() {
  if (V.cards) return V.cards;
  if (!filtered()) return (V.cards = D.cards);
  const code = D.cards.filter((each) => each.evidence && each.evidence.scope === "whole file");
  return (V.cards = PeekrEngine.evaluate(D.rules, PeekrEngine.aggregates(V.calls.concat(V.others), { whole: false }), code));
}

// Judging tens of thousands of calls takes a moment: the rest of the page shows first. The frame stands meanwhile.
function whenJudged(make) {
  if (V.cards || !filtered() || V.calls.length < MANY) return make();
  const place = h("section.card.judging", { "aria-busy": "true" }, h("p.quiet", null, "Looking for causes…"));
  afterPaint(() => {
    if (!place.isConnected) return;
    const made = make();
    if (made) place.replaceWith(made);
    else place.remove();
  });
  return place;
}

// What to try for one call: the same form of rules over this call.
function actionsFor(call) {
  if (call.actions === undefined) call.actions = PeekrEngine.actions(D.actions, call, detailOf(call));
  return call.actions;
}

function detailOf(call) {
  const t = call.t;
  return {
    context: t.x || (t.m ? t.m.map(([, text]) => text).join("\n\n") : t.q || ""),
    answer: t.a || "",
    error: t.e || null,
    claims: (t.cl || []).map(([text, verdict]) => ({ text, verdict })),
    citations: (t.ci || []).map(([kind, text, grounded]) => ({ kind, text, grounded: Boolean(grounded) })),
    chunks: t.ev || [],
  };
}

function badge(severity) {
  return h("span.badge." + (TONES[severity] || "info"), null, severity);
}

function adviceCard(each) {
  const evidence = each.evidence || {};
  const calls = (evidence.calls || []).map((call) => D.byId.get(call.span_id)).filter(Boolean).slice(0, 5);
  return h("article.advice." + (TONES[each.severity] || "info"), null,
    h("header", null, badge(each.severity), h("h3", null, plain(each.title)),
      evidence.scope === "whole file" && filtered() ? h("span.tag", null, "whole file") : null),
    h("p", null, plain(each.cause)),
    each.fixes && each.fixes.length ? h("ol", null, each.fixes.map((text) => h("li", null, plain(text)))) : null,
    calls.length ? h("p.advice-calls", null, h("span.quiet", null, "Look at"), calls.map((call) =>
      h("button.link", { type: "button", onclick: () => openCall(call.id) }, clip((call.t.q || call.model || call.name).replace(/\s+/g, " "), 44) + (rank(call) === null ? "" : " · " + score(rank(call)))))) : null);
}
