// The report's data: decoded from the page, in the shape in which Python had it (columns.py is the encoder).

// Records have every key of their table, undefined where there is no value: engines read many alike objects several
// times as fast as those that differ in their keys. An object inside a record has only the keys that it had.
function decodeColumns(table, inner) {
  const out = [];
  const keys = Object.keys(table.c);
  const columns = keys.map((key) => readColumn(table.c[key]));
  for (let row = 0; row < table.n; row++) {
    const each = {};
    for (let at = 0; at < keys.length; at++) {
      const value = columns[at][row];
      if (value !== null && value !== undefined) each[keys[at]] = value;
      else if (!inner) each[keys[at]] = undefined;
    }
    out.push(each);
  }
  return out;
}

function readColumn(column) {
  if (column.v) return column.v;
  if (column.d) return column.i.map((at) => (at < 0 ? null : column.d[at]));
  const rows = decodeColumns(column.o, true);
  return rows.map((row) => (Object.keys(row).length ? row : null));
}

async function readData() {
  const element = $("peekr-data");
  if (!element) throw new Error("this page has no data");
  document.documentElement.dataset.encoding = element.dataset.encoding;
  if (element.dataset.encoding !== "gzip") return JSON.parse(element.textContent);
  const bytes = bytesOf(element.textContent);
  element.remove(); // its text is not needed any more; a script's text may not be set under this page's policy
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const CHANNELS = [
  ["tenant", "Tenant"],
  ["model", "Model"],
  ["endpoint", "Endpoint"],
  ["feature", "Feature"],
  ["user", "User"],
];

// What the report holds; set once by prepare().
const D = { meta: {}, calls: [], others: [], rest: [], traces: {}, rules: [], actions: [], cards: [], byId: new Map(), byTrace: new Map(), newest: 0, last: 0, oldest: 0 };

function prepare(data) {
  D.meta = data.meta;
  D.rules = data.rules;
  D.actions = data.actions;
  D.cards = data.cards;
  D.traces = data.traces;
  D.calls = decodeColumns(data.calls);
  D.others = decodeColumns(data.others);
  D.rest = decodeColumns(data.rest);
  D.calls.forEach((call, at) => {
    call.at = at;
    call.t = data.texts[at];
    call.channel = channelsOf(call);
    call.hay = call.actions = undefined;
    readScores(call);
    D.byId.set(call.id, call);
    D.byTrace.set(call.trace, call);
  });
  D.others.forEach((record) => (record.channel = channelsOf(record)));
  const future = D.meta.made + 86400;
  D.oldest = D.meta.first === null ? 0 : D.meta.first;
  D.newest = 0;
  for (const call of D.calls) if (call.start > D.newest && call.start <= future) D.newest = call.start;
  D.last = D.newest;
  for (const record of D.others) if (record.start > D.last && record.start <= future) D.last = record.start;
  if (!D.newest) D.newest = D.meta.last || (D.calls.length ? D.calls[D.calls.length - 1].start : 0);
}

// Contract DASH-12: the tenant channel is the tenant, else the user.
function channelsOf(record) {
  return {
    tenant: record.tenant !== undefined ? record.tenant : record.user,
    model: record.model,
    endpoint: record.endpoint,
    feature: record.feature,
    user: record.user,
  };
}

const isRubric = (name) => /^Rubric(_\d+$|\b)/.test(name);

// Read once, for each filter looks at them again: the Hallucination score, the score that ranks the call (that one,
// else the lowest it has), and the mean of its rubrics; null where there is none.
function readScores(call) {
  let own = null, low = null, rubrics = 0, total = 0;
  for (const name in call.scores || {}) {
    const value = call.scores[name];
    if (!isNumber(value)) continue;
    if (name === "Hallucination") own = value;
    if (low === null || value < low) low = value;
    if (isRubric(name)) { rubrics += 1; total += value; }
  }
  call.own = own;
  call.ranked = own === null ? low : own;
  call.rubric = rubrics ? total / rubrics : null;
}

const halluc = (call) => call.own;
const rank = (call) => call.ranked;

// Lower-case text that the search looks through; made on first use.
function haystack(call) {
  if (call.hay === undefined) {
    const t = call.t;
    const parts = [call.trace, call.id, call.model, call.name, call.tenant, call.user, call.endpoint, call.feature, call.reason, t.q, t.a, t.e];
    if (t.m) for (const [, text] of t.m) parts.push(text);
    if (t.cl) for (const [text] of t.cl) parts.push(text);
    call.hay = parts.filter(Boolean).join("\n").toLowerCase();
  }
  return call.hay;
}
