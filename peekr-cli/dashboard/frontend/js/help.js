// Help: what is set up (told from the data), words, snippets, trouble, keys.

const SHORTCUTS = [["1 – 5", "Switch tabs"], ["/", "Search the calls"], ["R", "Clear all filters"], ["Esc", "Close the panel"], ["J  K", "Next or previous call, in the panel"], ["↑  ↓", "Move in the list of calls"], ["T", "Light or dark"], ["?", "These keys"]];

const GLOSSARY = [
  ["Call", "One request to a language model, of any provider. Judges' own calls are not counted."],
  ["Trace", "Everything that happened for one request to your program: calls, tools, steps."],
  ["Hallucination", "How much of an answer its context supports: 1.00 all of it, 0.00 nothing."],
  ["Health", "100 × the mean Hallucination score of the newest third of the scored calls."],
  ["Baseline", "The oldest third, from six scored calls on."],
  ["Flagged", "Scored below 0.50."],
  ["Contradicted", "A claim against which the context speaks."],
  ["Unsupported", "A claim of which the context says nothing."],
  ["Invented citation", "A reference in the answer that is not in the context."],
  ["Tenant", "The customer a call was made for; where none is set, the user."],
  ["Hit rate", "Recalled memories whose text the answer used, among all recalled."],
];

const SNIPPETS = [
  ["Is the answer in the context?", "peekr.instrument(evaluators=[\n    peekr.eval.Hallucination(detailed=True),\n])"],
  ["Are references real? (no judge)", "peekr.instrument(evaluators=[\n    peekr.eval.CitationAccuracy(),\n])"],
  ["Your own criteria", "peekr.eval.Rubric(\n    \"Polite, under 100 words, names a next step\",\n    name=\"Tone\")"],
  ["Your own code", "class HasPrice(peekr.eval.BaseEvaluator):\n    def evaluate(self, span):\n        return \"€\" in span.attributes[\"output\"]"],
  ["Who is it for?", "with peekr.session(user_id=\"u1\", tenant_id=\"acme\"):\n    answer(question)"],
  ["Score old calls", "$ peekr eval traces.db --evaluator CitationAccuracy"],
];

const TROUBLE = [
  ["There is a call but no score", "The judge needs a key (OPENAI_API_KEY or ANTHROPIC_API_KEY). A call whose judge failed says why in its panel, under “Not scored”."],
  ["Costs are missing", "The price of the model is not known, and none is guessed. peekr.set_price(model, input=…, output=…) and peekr cost --reprice mend it."],
  ["Question and answer are missing", "They were not captured: instrument(capture_io=False), or they are encrypted with another key."],
  ["A text ends in the middle", "Stores keep 1,000 characters of a text beside the whole payload, and this report 12,000. All of it: peekr view --io --trace ID."],
  ["No endpoint row in the heatmap", "No call has an endpoint. The middleware sets it, or span.attributes[\"endpoint\"] = request.url.path."],
];

function checklist() {
  const calls = D.calls;
  const some = (test) => calls.some(test) || D.others.some(test);
  return [
    ["Spans are recorded", D.meta.spans > 0, "peekr.instrument() before the first call"],
    ["LLM calls are traced", D.meta.calls > 0, "install the provider's plugin: pip install \"peekr[openai]\""],
    ["Question and answer are captured", calls.some((call) => call.t.q || call.t.a), "instrument(capture_io=True)"],
    ["An evaluator scores the answers", calls.some((call) => call.scores), "instrument(evaluators=[peekr.eval.Hallucination()])"],
    ["Claims are taken apart", calls.some((call) => call.claims), "Hallucination(detailed=True)"],
    ["Citations are checked", calls.some((call) => call.cites), "add CitationAccuracy()"],
    ["Tenants or users are known", calls.some((call) => call.tenant || call.user), "with peekr.session(tenant_id=…, user_id=…)"],
    ["Endpoints are known", some((each) => each.endpoint), "peekr's middleware, or attributes[\"endpoint\"]"],
    ["Costs are known", calls.some((call) => isNumber(call.cost)), "peekr.set_price(…) for models without a price"],
    ["Tools are traced", D.others.some((each) => each.kind === "tool"), "@peekr.trace in tool.py, or trace.tool(…)"],
    ["Memory is recorded", D.others.some((each) => each.kind === "memory_read"), "peekr.recall(query, memories)"],
  ];
}

function drawHelp(view) {
  const list = checklist();
  const done = list.filter(([, ok]) => ok).length;
  replace(view,
    h("div.grid.two.top", null,
      card("Setup", `${done} of ${list.length}, told from this file`, h("ul.checks", null, list.map(([what, ok, how]) => h("li" + (ok ? ".done" : ""), null, h("i.tick", { role: "img", "aria-label": ok ? "done" : "open" }, ok ? "✓" : ""), h("div", null, h("span", null, what), ok ? null : h("code", null, how)))))),
      h("div", null, card("Keys", null, keyList()), aboutCard())),
    card("Evaluators", "copy and adapt", h("div.grid.snippets", null, SNIPPETS.map(([title, text]) => h("section", null, h("h4", null, title), h("pre.code", { tabindex: 0 }, text))))),
    h("div.grid.two.top", null,
      card("Words", null, h("dl.glossary", null, GLOSSARY.map(([word, text]) => h("div", null, h("dt", null, word), h("dd", null, text))))),
      card("When something is missing", null, TROUBLE.map(([title, text]) => h("details.trouble", null, h("summary", null, title), h("p", null, text))))));
}

function aboutCard() {
  const meta = D.meta;
  return card("This report", null, h("dl.facts", null, [
    ["From", clip(meta.source, 80)], ["Made", date(meta.made, fullTime)], ["Spans", number(meta.spans)], ["Traces", number(meta.traces)],
    ["LLM calls", number(meta.calls)], ["In full", number(meta.calls_in_full)], ["Peekr", meta.version], ["Network", "none: the page may not ask any server"],
  ].map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))), meta.notes.length ? h("ul.plain", null, meta.notes.map((note) => h("li", null, plain(note)))) : null);
}

function keyList() {
  return h("dl.keys", null, SHORTCUTS.map(([key, what]) => h("div", null, h("dt", null, key.split(/\s{2}/).map((one) => h("kbd", null, one))), h("dd", null, what))));
}

function showKeys() {
  const overlay = $("overlay");
  if (overlay.open) return overlay.close();
  replace(overlay, h("header.card-head", null, h("h2", { id: "overlay-title" }, "Keyboard"), h("button.icon", { type: "button", "aria-label": "Close", onclick: () => overlay.close() }, "✕")), keyList());
  overlay.showModal();
}
