// One call: context against answer, verdicts, citations, advice. Used by the panel and by the worst offenders.

const VERDICTS = { supported: ["good", "Supported"], contradicted: ["bad", "Contradicted"], unsupported: ["warn", "Unsupported"] };

function scoreTone(value) {
  return value === null || value === undefined ? "none" : value < 0.5 ? "bad" : value < 0.7 ? "serious" : value < 0.85 ? "warn" : "good";
}

function scoreBadge(value) {
  return h("span.score." + scoreTone(value), null, value === null || value === undefined ? DASH : score(value));
}

function sides(call) {
  const t = call.t;
  const asked = t.m || (t.q ? [["question", t.q]] : []);
  return h("div.sides", null,
    h("section", { "aria-label": "Context" }, h("h4", null, "Context"),
      asked.length || t.ev ? h("div.text", { tabindex: 0, role: "group", "aria-label": "Context text" }, asked.map(([role, text]) => h("div.message", null, h("span.role", null, clip(role, 20)), h("pre", null, plain(text)))),
        (t.ev || []).map(([n, title, text]) => h("div.message", null, h("span.role", null, "chunk " + (n === null ? "" : n) + (title ? " · " + clip(title, 60) : "")), h("pre", null, plain(text)))))
        : h("p.quiet", null, "No input was recorded.")),
    h("section", { "aria-label": "Answer" }, h("h4", null, "Answer"),
      t.a ? h("div.text", { tabindex: 0, role: "group", "aria-label": "Answer text" }, h("pre", null, highlighted(t.a, t.cl || []))) : h("p.quiet", null, call.status === "error" ? "The call failed before it answered." : "No output was recorded.")));
}

// The answer with the contradicted (and unsupported) claims marked where they can be found.
function highlighted(answer, claims) {
  const found = [];
  for (const [text, verdict] of claims) {
    if (verdict === "supported") continue;
    const place = locate(answer, text);
    if (place && !found.some((other) => place[0] < other.end && other.start < place[1])) found.push({ start: place[0], end: place[1], verdict });
  }
  found.sort((a, b) => a.start - b.start);
  const out = [];
  let at = 0;
  for (const each of found) {
    out.push(plain(answer.slice(at, each.start)), h("mark." + each.verdict, { title: VERDICTS[each.verdict] ? VERDICTS[each.verdict][1] : each.verdict }, plain(answer.slice(each.start, each.end))));
    at = each.end;
  }
  out.push(plain(answer.slice(at)));
  return out;
}

// Where a claim stands: word for word, else the sentence that shares most of its words.
function locate(answer, claim) {
  const bare = claim.trim().replace(/[.!?]+$/, "");
  if (bare.length < 3) return null;
  const exact = answer.toLowerCase().indexOf(bare.toLowerCase());
  if (exact >= 0) return [exact, exact + bare.length];
  const words = new Set(wordsOf(bare));
  let best = null, most = 0.5;
  for (const match of answer.slice(0, 20000).matchAll(/[^\n]+?(?:[.!?]+(?=\s|$)|$|(?=\n))/gm)) {
    const own = new Set(wordsOf(match[0]));
    let shared = 0;
    for (const word of words) if (own.has(word)) shared += 1;
    const part = words.size ? shared / words.size : 0;
    if (part > most) { most = part; const lead = match[0].length - match[0].trimStart().length; best = [match.index + lead, match.index + match[0].length]; }
  }
  return best;
}

const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) || [];

function verdicts(call) {
  const claims = call.t.cl || [];
  if (!claims.length) {
    if (!call.claims || !call.claims.total) return null;
    return h("p.quiet", null, `${call.claims.total} claims: ${call.claims.supported || 0} supported, ${call.claims.contradicted || 0} contradicted, ${call.claims.unsupported || 0} unsupported.`);
  }
  return h("ul.verdicts", { "aria-label": "Claim verdicts" }, claims.map(([text, verdict]) => {
    const [tone, word] = VERDICTS[verdict] || ["warn", verdict];
    return h("li", null, h("span.verdict." + tone, null, word), h("span", null, plain(text)));
  }));
}

function citations(call) {
  const items = call.t.ci || [];
  if (!items.length) return null;
  return h("ul.verdicts", { "aria-label": "Citations" }, items.map(([kind, text, grounded]) =>
    h("li", null, h("span.verdict." + (grounded ? "good" : "bad"), null, grounded ? "Grounded" : "Invented"), h("span", null, plain(text), " ", h("small.quiet", null, clip(kind, 20))))));
}

function tries(call) {
  const found = actionsFor(call);
  if (!found.length) return null;
  return h("div.tries", null, found.map((each) => h("section", null, h("h5", null, h("i.key." + (TONES[each.severity] || "info")), plain(each.title)), h("p", null, plain(each.cause)),
    h("ol", null, (each.fixes || []).map((text) => h("li", null, plain(text)))))));
}

// Facts as small labelled values.
function facts(call) {
  const rows = [
    ["Time", date(call.start, fullTime)], ["Duration", ms(call.ms)],
    ["Tokens", isNumber(call.tok) || isNumber(call.tin) ? `${number(call.tin)} in · ${number(call.tout)} out` : null],
    ["Cost", isNumber(call.cost) ? money(call.cost) : null],
    ["Tenant", call.tenant], ["User", call.user], ["Endpoint", call.endpoint], ["Feature", call.feature], ["Session", call.session],
  ].filter(([, value]) => value !== null && value !== undefined && value !== DASH);
  return h("dl.facts", null, rows.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, clip(value, 120)))));
}

function part(title, content) {
  return content ? h("section.part", null, h("h4", null, title), content) : null;
}
