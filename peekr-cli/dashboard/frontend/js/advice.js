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

// What to try for one call: the same form of rules over this call. How long its texts are is known only in full.
function actionsFor(call) {
  const detail = detailOf(call);
  if (!call.t.f) detail.context = detail.answer = null;
  if (call.actions === undefined) call.actions = PeekrEngine.actions(D.actions, call, detail);
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
  return h("article.advice." + (TONES[each.severity] || "info"), null,
    h("header", null, badge(each.severity), h("h3", null, plain(each.title)),
      evidence.scope === "whole file" && filtered() ? h("span.tag", null, "whole file") : null),
    h("p", null, plain(each.cause)),
    each.fixes && each.fixes.length ? h("ol", null, each.fixes.map((text) => h("li", null, plain(text)))) : null,
    examples((evidence.calls || []).slice(0, 5)));
}

// The calls that show it. A tool or a recall has no panel of its own: it is seen in that of a call of its trace.
function examples(found) {
  if (!found.length) return null;
  return h("p.advice-calls", null, h("span.quiet", null, "Look at"), found.map((each) => {
    const own = D.byId.get(each.span_id), call = own || D.byTrace.get(each.trace_id);
    const text = own ? (own.t.q || own.model || own.name) : each.name + (each.error_reason ? " · " + each.error_reason : "");
    const shown = clip(String(text).replace(/\s+/g, " "), 44) + (own && rank(own) !== null ? " · " + score(rank(own)) : "");
    return call ? h("button.link", { type: "button", onclick: () => openCall(call.id) }, shown) : h("span.example", null, shown, " ", h("code", null, "trace " + clip(each.trace_id, 12)));
  }));
}
