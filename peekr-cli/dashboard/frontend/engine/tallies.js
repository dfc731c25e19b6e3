/* Records are counted by answers, channels and tools, as tallies.py. */

const EXAMPLES = 5;
const ITEMS = 20;
const FLAGGED_BELOW = 0.5;

const share = (part, whole) => (whole ? part / whole : null);
const isEmpty = (object) => !known(object) || Object.keys(object).length === 0;

function scoreOf(record) {
  if (isEmpty(record.scores)) return null;
  const found = record.scores.Hallucination;
  return known(found) ? found : minimum(Object.values(record.scores));
}

const minimum = (values) => values.reduce((a, b) => Math.min(a, b));

function example(record) {
  const out = { trace_id: record.trace, span_id: record.id, name: record.name };
  const score = scoreOf(record);
  if (known(record.model)) out.model = record.model;
  if (score !== null) out.score = score;
  if (known(record.reason)) out.error_reason = record.reason;
  return out;
}

/** The few records of the greatest weight; among equals those offered first. */
class Worst {
  constructor() {
    this.kept = [];
  }

  add(weight, record) {
    const kept = this.kept;
    let at = kept.length;
    if (at === EXAMPLES && weight <= kept[at - 1].weight) return;
    while (at && weight > kept[at - 1].weight) at -= 1;
    kept.splice(at, 0, { weight, record });
    if (kept.length > EXAMPLES) kept.length = EXAMPLES;
  }

  addNewest(record) {
    this.add(record.start, record);
  }

  examples() {
    return this.kept.map((each) => example(each.record));
  }
}

const count = (counts, key) => counts.set(key, (counts.get(key) || 0) + 1);
const ranked = (counts) => Array.from(counts).sort((a, b) => b[1] - a[1]);

class Answers {
  constructor() {
    this.scored = this.flagged = this.judgeFailed = 0;
    this.evaluators = new Set();
    this.history = [];
    this.claims = { total: 0, supported: 0, contradicted: 0, unsupported: 0 };
    this.citations = { total: 0, grounded: 0, invented: 0 };
    this.judgeReasons = new Map();
    this.worst = {};
    for (const name of ["lowest", "contradicted", "unsupported", "invented", "judge"]) {
      this.worst[name] = new Worst();
    }
  }

  /** Count an LLM call; return whether it is flagged. */
  add(record) {
    if (!isEmpty(record.errs)) {
      this.judgeFailed += 1;
      this.worst.judge.addNewest(record);
      for (const reason of Object.values(record.errs)) count(this.judgeReasons, reason);
    }
    this.addCounts(this.claims, record.claims, ["contradicted", "unsupported"], record);
    this.addCounts(this.citations, record.cites, ["invented"], record);
    if (isEmpty(record.scores)) return false;
    this.scored += 1;
    for (const name of Object.keys(record.scores)) this.evaluators.add(name);
    const found = record.scores.Hallucination;
    if (known(found)) this.history.push({ start: record.start, score: found, trace: record.trace });
    const score = scoreOf(record);
    if (score < 1) this.worst.lowest.add(-score, record);
    if (score >= FLAGGED_BELOW) return false;
    this.flagged += 1;
    return true;
  }

  addCounts(sums, found, notable, record) {
    if (!known(found)) return;
    for (const name of Object.keys(sums)) sums[name] += found[name];
    for (const name of notable) if (found[name]) this.worst[name].add(found[name], record);
  }

  result(calls) {
    const reasons = ranked(this.judgeReasons);
    const { claims, citations } = this;
    return {
      scored: this.scored,
      flagged: this.flagged,
      evaluator_names: Array.from(this.evaluators).sort(),
      claims: Object.assign({}, claims, {
        contradicted_share: share(claims.contradicted, claims.total),
        unsupported_share: share(claims.unsupported, claims.total),
      }),
      citations: Object.assign({}, citations, { invented_share: share(citations.invented, citations.total) }),
      judge: {
        failed: this.judgeFailed,
        failed_share: share(this.judgeFailed, calls),
        reason: reasons.length ? reasons[0][0] : null,
      },
    };
  }
}

const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);

function sixDigits(value) {
  const digits = Math.floor(Math.abs(value) * 1e6 + 0.5) / 1e6;
  return value < 0 ? -digits : digits;
}

function driftOf(history) {
  const third = Math.max(Math.floor(history.length / 3), 1);
  const scores = history.map((each) => each.score);
  const current = mean(scores.slice(-third));
  const baseline = scores.length >= 6 ? mean(scores.slice(0, third)) : null;
  return {
    scored: scores.length,
    mean: mean(scores),
    current,
    baseline,
    change: baseline === null || current === null ? null : sixDigits(current - baseline),
    health: current === null ? null : 100 * current,
  };
}

class Channels {
  constructor() {
    this.counts = { model: new Map(), tenant: new Map(), endpoint: new Map() };
  }

  add(record, flagged) {
    const tenant = known(record.tenant) ? record.tenant : record.user;
    const values = { model: record.model, tenant, endpoint: record.endpoint };
    for (const [dimension, value] of Object.entries(values)) {
      if (!known(value)) continue;
      const found = this.counts[dimension].get(value) || { calls: 0, flagged: 0 };
      found.calls += 1;
      found.flagged += flagged ? 1 : 0;
      this.counts[dimension].set(value, found);
    }
  }

  result(calls, flagged) {
    const items = [];
    for (const [dimension, values] of Object.entries(this.counts)) {
      for (const [value, found] of values) {
        if (!found.flagged) continue;
        items.push({
          dimension,
          value,
          calls: found.calls,
          flagged: found.flagged,
          share: found.flagged / flagged,
          share_of_calls: found.calls / calls,
          lift: found.flagged / flagged - found.calls / calls,
        });
      }
    }
    return items.sort((a, b) => b.lift - a.lift || b.share - a.share).slice(0, ITEMS);
  }
}

class Tools {
  constructor() {
    this.tools = new Map();
  }

  add(record) {
    const name = record.tool || record.name;
    if (!this.tools.has(name)) this.tools.set(name, { calls: 0, reasons: new Map() });
    const tool = this.tools.get(name);
    tool.calls += 1;
    if (!known(record.reason)) return;
    if (!tool.reasons.has(record.reason)) tool.reasons.set(record.reason, { errors: 0, worst: new Worst() });
    const failed = tool.reasons.get(record.reason);
    failed.errors += 1;
    failed.worst.addNewest(record);
  }

  result() {
    const items = [];
    for (const [tool, { calls, reasons }] of this.tools) {
      for (const [reason, { errors, worst }] of reasons) {
        items.push({ tool, reason, calls_total: calls, errors, share: errors / calls, calls: worst.examples() });
      }
    }
    return items.sort((a, b) => b.share - a.share || b.errors - a.errors).slice(0, ITEMS);
  }
}
