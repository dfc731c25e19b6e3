// Figures over the filtered calls: health, metric cards, trends, the narrative. Pure functions of lists.

const FLAG = 0.5;
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
const sum = (list, key) => list.reduce((total, each) => total + (each[key] || 0), 0);

// Newest and oldest third, contract DASH-7: a baseline needs at least six.
function thirds(values) {
  const size = Math.max(1, Math.floor(values.length / 3));
  return {
    now: values.length ? mean(values.slice(-size)) : null,
    before: values.length >= 6 ? mean(values.slice(0, size)) : null,
  };
}

function change(values) {
  const { now, before } = thirds(values);
  return now === null || before === null ? null : now - before;
}

const TIERS = [
  [0.85, "Healthy", "good"],
  [0.7, "Watch", "warn"],
  [0.5, "Needs attention", "serious"],
  [-Infinity, "Regressing", "bad"],
];

function tierOf(value) {
  if (value === null) return ["Not scored", "none"];
  const [, label, tone] = TIERS.find(([floor]) => value >= floor);
  return [label, tone];
}

// Flagged are the calls whose ranking score is below 0.5, as the rules count them.
function health(scored, calls) {
  const values = scored.map(halluc);
  let ranked = 0, flagged = 0;
  for (const call of calls) {
    if (call.ranked === null) continue;
    ranked += 1;
    if (call.ranked < FLAG) flagged += 1;
  }
  const { now, before } = thirds(values);
  const [label, tone] = tierOf(now);
  return {
    value: now === null ? null : Math.round(now * 100),
    label, tone,
    flagged,
    ranked,
    delta: now === null || before === null ? null : (now - before) * 100,
    values,
  };
}

function metrics(calls) {
  const rubric = [], grounded = [], failed = [];
  for (const call of calls) {
    if (call.rubric !== null) rubric.push(call.rubric);
    if (call.cites && call.cites.total) grounded.push(call.cites.grounded / call.cites.total);
    else if (call.scores && isNumber(call.scores.CitationAccuracy) && !call.cites) grounded.push(call.scores.CitationAccuracy);
    failed.push(call.status === "error" ? 1 : 0);
  }
  return { halluc: calls.map(halluc).filter((value) => value !== null), rubric, grounded, failed };
}

// Means of so many slices, for a sparkline.
function slices(values, most = 28) {
  if (values.length <= most) return values;
  const out = [];
  for (let at = 0; at < most; at++) {
    out.push(mean(values.slice(Math.floor((at * values.length) / most), Math.floor(((at + 1) * values.length) / most))));
  }
  return out;
}

// {value → {calls, scored, mean, flagged}} of one channel.
function byChannel(calls, name) {
  const groups = new Map();
  for (const call of calls) {
    const value = call.channel[name];
    if (value === undefined || value === null) continue;
    let group = groups.get(value);
    if (!group) groups.set(value, (group = { value, calls: 0, scored: 0, total: 0, flagged: 0, errors: 0, cost: 0, tok: 0, priced: 0 }));
    group.calls += 1;
    group.errors += call.status === "error" ? 1 : 0;
    group.tok += call.tok || 0;
    if (isNumber(call.cost)) { group.cost += call.cost; group.priced += 1; }
    const own = halluc(call);
    if (own !== null) { group.scored += 1; group.total += own; group.flagged += own < FLAG ? 1 : 0; }
  }
  for (const group of groups.values()) group.mean = group.scored ? group.total / group.scored : null;
  return groups;
}

function worstChannel(calls) {
  let worst = null;
  for (const [name, label] of CHANNELS.slice(0, 3)) {
    const groups = [...byChannel(calls, name).values()];
    if (groups.length < 2) continue;
    for (const group of groups) {
      if (group.scored >= 3 && (!worst || group.mean < worst.mean)) worst = { ...group, channel: name, label: label.toLowerCase() };
    }
  }
  return worst;
}

function citationsOf(calls) {
  let total = 0, invented = 0;
  for (const call of calls) if (call.cites) { total += call.cites.total || 0; invented += call.cites.invented || 0; }
  return { total, invented };
}

function claimsOf(calls) {
  const out = { total: 0, supported: 0, contradicted: 0, unsupported: 0 };
  for (const call of calls) {
    const claims = call.claims;
    if (!claims) continue;
    out.total += claims.total || 0;
    out.supported += claims.supported || 0;
    out.contradicted += claims.contradicted || 0;
    out.unsupported += claims.unsupported || 0;
  }
  return out;
}

// What happened, in sentences, the most urgent first: {weight, tone, text}. Contract DASH-18. state: their health().
function narrative(calls, scored, state) {
  const said = [];
  const add = (weight, tone, ...text) => said.push({ weight, tone, text: text.join("") });
  const slow = [];
  let errors = 0, judged = 0, cost = 0, tokens = 0;
  for (const call of calls) {
    if (call.status === "error") errors += 1;
    if (call.errs) judged += 1;
    cost += call.cost || 0;
    tokens += call.tok || 0;
    if (isNumber(call.ms)) slow.push(call.ms);
  }
  const cites = citationsOf(calls);
  const worst = worstChannel(scored);
  if (state.delta !== null && state.delta <= -5) {
    add(90 + Math.min(9, -state.delta / 5), state.delta < -25 ? "bad" : "serious", "Groundedness fell by ", Math.abs(state.delta).toFixed(0), " points against the oldest third of the calls.");
  } else if (state.delta !== null && state.delta >= 5) {
    add(30, "good", "Groundedness rose by ", state.delta.toFixed(0), " points against the oldest third of the calls.");
  } else if (state.delta !== null) {
    add(20, "none", "Groundedness is steady: ", signed(state.delta, 1), " points against the oldest third.");
  }
  if (worst && worst.mean < 0.85) {
    add(70 + (0.85 - worst.mean) * 20, worst.mean < FLAG ? "bad" : "serious", "The weakest ", worst.label, " is ", clip(worst.value, 60), ": ", score(worst.mean), " on average over ", plural(worst.scored, "scored call"), ".");
  }
  if (cites.total) {
    const rate = cites.invented / cites.total;
    add(rate > 0.3 ? 85 : rate > 0 ? 60 : 15, rate > 0.3 ? "bad" : rate > 0 ? "warn" : "good",
      rate > 0 ? percent(rate) + " of the citations are invented (" + number(cites.invented) + " of " + number(cites.total) + ")." : "All " + number(cites.total) + " citations are grounded in the context.");
  }
  if (errors) add(errors / calls.length > 0.05 ? 80 : 50, errors / calls.length > 0.05 ? "bad" : "warn", plural(errors, "call"), " failed, ", percent(errors / calls.length, 1), " of ", number(calls.length), ".");
  if (judged) add(judged >= Math.max(3, calls.length / 10) ? 88 : 40, "warn", "The judge gave no score on ", plural(judged, "call"), ".");
  if (state.flagged) add(55, "warn", plural(state.flagged, "call"), " scored below 0.50 and ", state.flagged === 1 ? "is" : "are", " flagged.");
  if (tokens) add(10, "none", number(tokens), " tokens", cost ? " for " + money(cost) : "", " in ", plural(calls.length, "call"), ".");
  if (!errors && calls.length) add(12, "good", "No call failed.");
  if (!scored.length && calls.length) add(65, "none", "No call has a Hallucination score yet, so its quality is not known.");
  if (said.length < 5 && slow.length) {
    const times = Float64Array.from(slow).sort();
    add(5, "none", "The median call takes ", ms(times[Math.floor((times.length - 1) / 2)]), ", one in twenty ", ms(times[Math.ceil(times.length * 0.95) - 1]), " or more.");
  }
  if (said.length < 3 && scored.length && state.delta === null) add(25, "none", "The mean Hallucination score is ", score(mean(state.values)), " over ", plural(scored.length, "scored call"), "; a trend needs 6.");
  if (said.length < 3) add(4, "none", plural(calls.length, "call"), " in ", plural(new Set(calls.map((call) => call.trace)).size, "trace"), ".");
  return said.sort((a, b) => b.weight - a.weight).slice(0, 5);
}

// Sums over equal steps of time, from the listed calls and the rest: [{start, calls, errors, tin, tout, cost}].
function trend(calls, rest, most = 48) {
  let low = Infinity, high = -Infinity;
  for (const call of calls) { if (call.start < low) low = call.start; if (call.start > high && call.start <= D.newest) high = call.start; }
  for (const each of rest) { if (each.day < low) low = each.day; if (each.day > high) high = each.day; }
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { step: 1, rows: [] };
  const step = niceStep((high - low) / most, rest.length ? 86400 : 1);
  const first = Math.floor(low / step) * step;
  const rows = [];
  for (let at = first; at <= high; at += step) rows.push({ start: at, calls: 0, errors: 0, tin: 0, tout: 0, cost: 0 });
  const into = (start) => rows[Math.floor((start - first) / step)];
  for (const call of calls) {
    const row = into(call.start);
    if (!row) continue;
    row.calls += 1;
    row.errors += call.status === "error" ? 1 : 0;
    row.tin += call.tin || 0;
    row.tout += call.tout || 0;
    row.cost += call.cost || 0;
  }
  for (const each of rest) {
    const row = into(each.day);
    if (row) for (const key of ["calls", "errors", "tin", "tout", "cost"]) row[key] += each[key] || 0;
  }
  return { step, rows };
}

const STEPS = [1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 91 * 86400, 365 * 86400];
function niceStep(least, floor) {
  const wanted = Math.max(least, floor);
  return STEPS.find((step) => step >= wanted) || Math.ceil(wanted / STEPS[STEPS.length - 1]) * STEPS[STEPS.length - 1];
}

// Tool × status × reason, and recalls: contract DASH-19, MEM-3.
function toolsOf(others) {
  const tools = new Map();
  for (const record of others) {
    if (record.kind !== "tool") continue;
    const name = record.tool || record.name;
    let tool = tools.get(name);
    if (!tool) tools.set(name, (tool = { name, calls: 0, errors: 0, reasons: new Map(), times: [] }));
    tool.calls += 1;
    if (isNumber(record.ms)) tool.times.push(record.ms);
    if (record.status === "error") {
      tool.errors += 1;
      const reason = record.reason || "other";
      tool.reasons.set(reason, (tool.reasons.get(reason) || 0) + 1);
    } else if (record.reason) {
      tool.reasons.set(record.reason + " (ok)", (tool.reasons.get(record.reason + " (ok)") || 0) + 1);
    }
  }
  return [...tools.values()].sort((a, b) => b.errors / b.calls - a.errors / a.calls || b.calls - a.calls);
}

function memoriesOf(others, calls) {
  const hits = new Map();
  for (const call of calls) for (const id of call.hits || []) {
    if (!hits.has(call.trace)) hits.set(call.trace, new Set());
    hits.get(call.trace).add(id);
  }
  const memories = new Map();
  const out = { recalls: 0, recalled: 0, used: 0, rows: [] };
  for (const record of others) {
    if (record.kind !== "memory_read" || !record.memories) continue;
    out.recalls += 1;
    for (const each of record.memories) {
      const id = String(each.id);
      const used = hits.has(record.trace) && hits.get(record.trace).has(id) ? 1 : 0;
      let memory = memories.get(id);
      if (!memory) memories.set(id, (memory = { id, recalled: 0, used: 0, ranks: [], similar: [], age: null }));
      memory.recalled += 1;
      memory.used += used;
      out.recalled += 1;
      out.used += used;
      if (isNumber(each.rank)) memory.ranks.push(each.rank);
      if (isNumber(each.similarity)) memory.similar.push(each.similarity);
      if (isNumber(each.age)) memory.age = each.age;
    }
  }
  out.rows = [...memories.values()].sort((a, b) => b.recalled - a.recalled);
  return out;
}
