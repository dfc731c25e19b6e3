/* The diagnostic engine of the page: the same aggregates, conditions, texts and cards as peekr_dashboard.diagnostics
 * in Python, held equal by tests/dashboard/vectors. Plain ES2019, no dependency; pure functions.
 *
 * PeekrEngine.aggregates(calls, options)   records of all kinds -> named aggregates (aggregation.py lists the names).
 *                                          options.whole: the records are all spans, so check how they fit together;
 *                                          options.now: the present in Unix seconds.
 * PeekrEngine.evaluate(rules, aggregates, others)   -> cards, the worst first; others: cards of rules in Python.
 * PeekrEngine.callAggregates(call, detail), PeekrEngine.actions(rules, call, detail)   -> what to try for one call.
 */
"use strict";

const PeekrEngine = (() => {
  const SEVERITIES = ["high", "medium", "low", "info", "good"];
  const PROBLEMS = 3;
  const EXAMPLES = 5;
  const ITEMS = 20;
  const FLAGGED_BELOW = 0.5;
  const RANK_DROP = 0.5;
  const SIMILARITY_DROP = 0.05;
  const SKEW_S = 0.05;
  const FUTURE_S = 3600;
  const DAY_S = 86400;

  // -- expressions (expressions.py) ---------------------------------------------------------------------------------

  const isNumber = (value) => typeof value === "number";
  const known = (value) => value !== undefined && value !== null;

  function lookup(scope, path) {
    let value = scope;
    for (const name of path.split(".")) {
      if (typeof value !== "object" || value === null || !Object.prototype.hasOwnProperty.call(value, name)) {
        return null;
      }
      value = value[name];
    }
    return known(value) ? value : null;
  }

  const ORDER = { ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b };
  const ARITHMETIC = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b };

  function valueOf(expression, scope, thresholds) {
    if (typeof expression !== "object" || expression === null) return expression;
    if ("agg" in expression) return lookup(scope, expression.agg);
    if ("threshold" in expression) return thresholds[expression.threshold];
    const op = expression.op;
    if ("of" in expression) return listed(op, expression.of.map((each) => valueOf(each, scope, thresholds)));
    const left = valueOf(expression.left, scope, thresholds);
    const right = valueOf(expression.right, scope, thresholds);
    if (op === "==") return left === right;
    if (op === "!=") return left !== right;
    if (!isNumber(left) || !isNumber(right)) return op in ORDER ? false : null;
    if (op in ORDER) return ORDER[op](left, right);
    return op === "/" && right === 0 ? null : ARITHMETIC[op](left, right);
  }

  function listed(op, values) {
    if (op === "and") return values.every((value) => value === true);
    if (op === "or") return values.some((value) => value === true);
    if (op === "not") return values[0] !== true;
    const numbers = values.filter(isNumber);
    return numbers.length ? numbers.reduce((a, b) => (op === "max" ? Math.max(a, b) : Math.min(a, b))) : null;
  }

  // -- texts (texts.py) ---------------------------------------------------------------------------------------------

  const MAX_NAME = 120;
  const MAX_LIST = 5;
  const PLACE = /\{([a-z_][a-z0-9_.]*)(?::([a-z]+)|\?([^{}|]*)\|([^{}|]*))?\}/g;

  const render = (text, scope) => text.replace(PLACE, (_, path, form, one, many) => {
    const value = lookup(scope, path);
    if (one === undefined) return show(value, form || "");
    return value === 1 ? one : many;
  });

  function show(value, form) {
    if (!known(value)) return "–";
    if (Array.isArray(value)) return shownList(value.map(plain));
    if (!isNumber(value)) return plain(value);
    return (FORMS[form] || shownNumber)(value);
  }

  function shownList(names) {
    const more = names.length - MAX_LIST;
    return names.slice(0, MAX_LIST).join(", ") + (more > 0 ? ` and ${more} more` : "");
  }

  function plain(value) {
    if (isNumber(value)) return shownNumber(value);
    const text = typeof value === "string" ? value : typeof value === "boolean" ? String(value) : "–";
    if (text.length <= MAX_NAME) return text;
    const characters = Array.from(text.slice(0, 2 * MAX_NAME + 2));
    return characters.length <= MAX_NAME ? text : characters.slice(0, MAX_NAME - 1).join("") + "…";
  }

  function rounded(value, digits) {
    const factor = 10 ** digits;
    const units = Math.floor(Math.abs(value) * factor + 0.5);
    const sign = value < 0 && units ? "-" : "";
    const whole = sign + String(Math.floor(units / factor)).replace(/\B(?=(\d{3})+$)/g, ",");
    return digits ? `${whole}.${String(units % factor).padStart(digits, "0")}` : whole;
  }

  const shownNumber = (value) => rounded(value, 2).replace(/0+$/, "").replace(/\.$/, "");
  const FORMS = {
    percent: (value) => {
      const text = rounded(value * 100, 1);
      return (text.endsWith(".0") || Math.abs(value) >= 0.1 ? text.slice(0, -2) : text) + "%";
    },
    score: (value) => rounded(value, 2),
    change: (value) => (value > 0 ? "+" : "") + rounded(value, 2),
    drop: (value) => rounded(Math.abs(value), 2),
    days: (value) => {
      const days = Math.floor(value / DAY_S);
      return `${rounded(days, 0)} day${days === 1 ? "" : "s"}`;
    },
  };

  // -- rules -> cards (evaluation.py) -------------------------------------------------------------------------------

  function evaluate(rules, aggregates, others) {
    const cards = (others || []).slice();
    for (const rule of rules) if (!rule.last) cards.push(...cardsOf(rule, aggregates));
    const scope = Object.assign({}, aggregates, { cards: countsOf(cards) });
    for (const rule of rules) if (rule.last) cards.push(...cardsOf(rule, scope));
    return cards.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  }

  function countsOf(cards) {
    const counts = { problems: 0 };
    SEVERITIES.forEach((severity, place) => {
      counts[severity] = cards.filter((card) => card.severity === severity).length;
      if (place < PROBLEMS) counts.problems += counts[severity];
    });
    return counts;
  }

  function cardsOf(rule, aggregates) {
    const base = Object.assign({}, aggregates, { rule: rule.thresholds });
    const scopes = known(rule.each)
      ? (lookup(aggregates, rule.each) || []).map((item) => Object.assign({}, base, { item }))
      : [base];
    const found = [];
    for (const scope of scopes) {
      if (valueOf(rule.when, scope, rule.thresholds) !== true) continue;
      found.push(cardOf(rule, scope));
      if (found.length === rule.limit) break;
    }
    return found;
  }

  function cardOf(rule, scope) {
    const holds = (condition) => valueOf(condition, scope, rule.thresholds) === true;
    const severity = SEVERITIES.find((each) => each in rule.escalate && holds(rule.escalate[each]));
    const fixes = rule.fixes.filter((fix) => typeof fix === "string" || holds(fix.when));
    return {
      rule: rule.id,
      severity: severity || rule.severity,
      title: render(rule.title, scope),
      cause: render(rule.cause, scope),
      fixes: fixes.map((fix) => render(typeof fix === "string" ? fix : fix.text, scope)),
      evidence: evidenceOf(rule, scope),
    };
  }

  function evidenceOf(rule, scope) {
    const evidence = { scope: "selection", numbers: {} };
    for (const name of rule.numbers) evidence.numbers[name] = lookup(scope, name);
    if (known(rule.each)) {
      evidence.item = Object.assign({}, scope.item);
      delete evidence.item.calls;
    }
    if (known(rule.calls)) {
      const at = rule.calls.startsWith("item.") ? rule.calls : `examples.${rule.calls}`;
      evidence.calls = (lookup(scope, at) || []).slice();
    }
    return evidence;
  }

  // -- records -> aggregates (tallies.py, aggregation.py) -----------------------------------------------------------

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

  class Traces {
    constructor() {
      this.traces = new Map();
    }

    add(record) {
      let trace = this.traces.get(record.trace);
      if (!trace) {
        trace = { start: record.start, tokens: 0, root: null, rootId: null };
        this.traces.set(record.trace, trace);
      }
      trace.start = Math.min(trace.start, record.start);
      trace.tokens += record.tok || 0;
      if (known(record.root) && trace.root === null) {
        trace.root = record.root;
        trace.rootId = known(record.parent) ? null : record.id;
      }
    }

    growth() {
      const runs = new Map();
      for (const [id, trace] of this.traces) {
        if (trace.root === null || !trace.tokens) continue;
        if (!runs.has(trace.root)) runs.set(trace.root, []);
        runs.get(trace.root).push(Object.assign({ id }, trace));
      }
      const items = [];
      for (const [name, found] of runs) {
        found.sort((a, b) => a.start - b.start);
        let first = found.length - 1;
        while (first && found[first - 1].tokens < found[first].tokens) first -= 1;
        const streak = found.slice(first);
        if (streak.length > 1) items.push(grown(name, found.length, streak));
      }
      return items.sort((a, b) => b.ratio - a.ratio || b.streak - a.streak).slice(0, ITEMS);
    }
  }

  function grown(name, runs, streak) {
    const last = streak[streak.length - 1].tokens;
    return {
      root: name,
      runs,
      streak: streak.length,
      first_tokens: streak[0].tokens,
      last_tokens: last,
      ratio: last / streak[0].tokens,
      calls: streak
        .slice(-EXAMPLES)
        .map((run) => ({ trace_id: run.id, span_id: run.rootId, name, tokens_total: run.tokens })),
    };
  }

  // -- memories (memory.py) -----------------------------------------------------------------------------------------

  class Memories {
    constructor() {
      this.recalls = 0;
      this.seen = new Map();
      this.hits = new Map();
      this.worst = new Worst();
    }

    add(record) {
      if (!record.memories || !record.memories.length) return;
      this.recalls += 1;
      this.worst.addNewest(record);
      for (const each of record.memories) {
        if (!this.seen.has(each.id)) this.seen.set(each.id, []);
        this.seen.get(each.id).push(Object.assign({ start: record.start, trace: record.trace }, each));
      }
    }

    addHits(record) {
      if (!this.hits.has(record.trace)) this.hits.set(record.trace, new Set());
      for (const id of record.hits) this.hits.get(record.trace).add(id);
    }

    result(history) {
      const dropped = history.length >= 6 && this.seen.size ? this.dropped(history) : [];
      return {
        recalls: this.recalls,
        dropped: {
          count: dropped.length,
          names: dropped.map((item) => item.id),
          changes: dropped.map(change),
          items: dropped.slice(0, ITEMS),
        },
        at_top: this.atTop(),
      };
    }

    dropped(history) {
      const window = windows(history);
      const found = [];
      for (const [id, recalls] of this.seen) {
        const before = recalls.filter((seen) => window(seen) === -1);
        const after = recalls.filter((seen) => window(seen) === 1);
        const item = before.length && after.length ? compared(id, before, after) : null;
        if (item) found.push(item);
      }
      return found.sort((a, b) => b.worse - a.worse);
    }

    atTop() {
      const items = [];
      for (const [id, recalls] of this.seen) {
        const top = recalls.filter((seen) => seen.rank === 1);
        const ages = top.map((seen) => seen.age).filter(known);
        if (!ages.length) continue;
        const judged = top.filter((seen) => this.hits.has(seen.trace));
        const hits = judged.filter((seen) => this.hits.get(seen.trace).has(id)).length;
        items.push({
          id,
          age_s: ages.reduce((a, b) => Math.max(a, b)),
          recalls: recalls.length,
          top: top.length,
          hits,
          hit_rate: share(hits, judged.length),
        });
      }
      const rate = (item) => (item.hit_rate === null ? 2 : item.hit_rate);
      return items.sort((a, b) => rate(a) - rate(b) || b.age_s - a.age_s).slice(0, 10 * ITEMS);
    }
  }

  function windows(history) {
    const size = history.length;
    const third = Math.floor(size / 3);
    const side = (place) => (place < third ? -1 : place >= size - third ? 1 : 0);
    const ofTrace = new Map();
    history.forEach((each, place) => {
      const earlier = ofTrace.has(each.trace) ? ofTrace.get(each.trace) : side(place);
      ofTrace.set(each.trace, earlier === side(place) ? earlier : 0);
    });
    return (seen) => {
      if (ofTrace.has(seen.trace)) return ofTrace.get(seen.trace);
      let place = history.findIndex((each) => each.start >= seen.start);
      if (place < 0) place = size - 1;
      return side(place);
    };
  }

  function compared(id, before, after) {
    const meanOf = (recalls, field) => mean(recalls.map((seen) => seen[field]).filter(known));
    const ranks = [meanOf(before, "rank"), meanOf(after, "rank")];
    const likeness = [meanOf(before, "similarity"), meanOf(after, "similarity")];
    const fell = ranks.includes(null) ? null : ranks[1] - ranks[0];
    const faded = likeness.includes(null) ? null : likeness[0] - likeness[1];
    if (!(fell !== null && fell >= RANK_DROP) && !(faded !== null && faded >= SIMILARITY_DROP)) return null;
    return {
      id,
      rank_before: ranks[0],
      rank_after: ranks[1],
      similarity_before: likeness[0],
      similarity_after: likeness[1],
      worse: Math.max(fell || 0, faded || 0),
    };
  }

  function change(item) {
    const ranked = known(item.rank_before) && known(item.rank_after);
    const field = ranked && item.rank_after - item.rank_before >= RANK_DROP ? "rank" : "similarity";
    return `${show(item.id)} (${field} ${show(item[`${field}_before`])} → ${show(item[`${field}_after`])})`;
  }

  // -- how spans fit together (integrity.py) ------------------------------------------------------------------------

  class Integrity {
    constructor(now) {
      this.horizon = (now || Date.now() / 1000) + FUTURE_S;
      this.placed = new Map();
      this.waiting = new Map();
      this.open = this.future = this.skewed = this.skewS = 0;
    }

    add(record) {
      if (record.open) this.open += 1;
      if (record.start > this.horizon) this.future += 1;
      if (!known(record.parent)) {
        this.place(record.id, record.start);
      } else if (this.placed.has(record.parent)) {
        this.note(this.placed.get(record.parent) - record.start);
        this.place(record.id, record.start);
      } else {
        if (!this.waiting.has(record.parent)) this.waiting.set(record.parent, []);
        this.waiting.get(record.parent).push([record.id, record.start]);
      }
    }

    note(skewS) {
      if (skewS <= SKEW_S) return;
      this.skewed += 1;
      this.skewS = Math.max(this.skewS, skewS);
    }

    place(id, start) {
      this.placed.set(id, start);
      this.settle([[id, start]]);
    }

    settle(placed) {
      while (placed.length) {
        const [id, start] = placed.pop();
        const children = this.waiting.get(id) || [];
        this.waiting.delete(id);
        for (const [child, begun] of children) {
          this.note(start - begun);
          this.placed.set(child, begun);
          placed.push([child, begun]);
        }
      }
    }

    result() {
      const waiting = new Set();
      for (const children of this.waiting.values()) for (const [child] of children) waiting.add(child);
      let orphans = 0;
      for (const parent of Array.from(this.waiting.keys())) {
        if (waiting.has(parent) || this.placed.has(parent)) continue;
        const children = this.waiting.get(parent);
        this.waiting.delete(parent);
        orphans += children.length;
        for (const [child, start] of children) this.placed.set(child, start);
        this.settle(children.slice());
      }
      let cycles = 0;
      for (const children of this.waiting.values()) cycles += children.length;
      return {
        orphans,
        cycles,
        skewed: this.skewed,
        skew_s: this.skewS,
        future: this.future,
        open: this.open,
        problems: orphans + cycles + this.skewed + this.future,
      };
    }
  }

  function aggregates(calls, options) {
    const { whole = false, now = 0 } = options || {};
    const answers = new Answers();
    const channels = new Channels();
    const tools = new Tools();
    const traces = new Traces();
    const memories = new Memories();
    const integrity = whole ? new Integrity(now) : null;
    const failed = new Worst();
    const reasons = new Map();
    let llmCalls = 0;
    let errors = 0;
    let errorsAll = 0;
    const counted = calls.filter((record) => record.kind !== "internal");
    for (const record of counted) {
      const isError = record.status === "error";
      errorsAll += isError ? 1 : 0;
      traces.add(record);
      if (integrity) integrity.add(record);
      if (record.kind === "llm") {
        llmCalls += 1;
        if (isError) {
          errors += 1;
          count(reasons, record.reason || "other");
          failed.addNewest(record);
        }
        channels.add(record, answers.add(record));
        if (known(record.hits)) memories.addHits(record);
      } else if (record.kind === "tool") {
        tools.add(record);
      } else if (record.kind === "memory_read") {
        memories.add(record);
      }
    }
    const history = answers.history.slice().sort((a, b) => a.start - b.start);
    const frequent = ranked(reasons);
    const examples = { errors: failed.examples(), recalls: memories.worst.examples() };
    for (const [name, worst] of Object.entries(answers.worst)) examples[name] = worst.examples();
    examples.flagged = examples.lowest.filter((each) => each.score < FLAGGED_BELOW);
    return Object.assign(
      {
        spans: counted.length,
        traces: traces.traces.size,
        calls: llmCalls,
        errors,
        error_share: share(errors, llmCalls),
        errors_all: errorsAll,
        reasons: frequent.map(([reason, times]) => ({ reason, count: times, share: times / errors })),
        main_reason: frequent.length ? frequent[0][0] : null,
      },
      answers.result(llmCalls),
      {
        hallucination: driftOf(history),
        channels: channels.result(llmCalls, answers.flagged),
        tools: tools.result(),
        growth: traces.growth(),
        memory: memories.result(history),
        integrity: integrity ? integrity.result() : null,
        examples,
      }
    );
  }

  // -- one call (actions.py) ----------------------------------------------------------------------------------------

  const MONTH = "January|February|March|April|May|June|July|August|September|October|November|December";
  const WEEKDAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday";
  const NUMERIC = new RegExp(`[0-9]|(${MONTH})`);
  const DATES = new RegExp(`(${MONTH}|${WEEKDAY})`, "g");
  const PROPER = /[^.!?:\s]\s+["'(]?[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ]/;
  const KINDS = ["url", "arxiv", "doi", "title"];
  const VERDICTS = ["supported", "contradicted", "unsupported"];

  const characters = (text) => (text === null ? null : Array.from(text.trim()).length);

  function callAggregates(call, detail) {
    const claims = isEmpty(call.claims) ? countedClaims(detail.claims) : call.claims;
    const texts = detail.claims.filter((each) => each.verdict === "contradicted").map((each) => each.text);
    const score = (call.scores || {}).Hallucination;
    return {
      context_chars: characters(detail.context),
      answer_chars: characters(detail.answer),
      score: known(score) ? score : null,
      failed: call.status === "error",
      claims: Object.assign({}, claims, {
        contradicted_share: share(claims.contradicted || 0, claims.total),
        unsupported_share: share(claims.unsupported || 0, claims.total),
      }),
      contradicted_numbers: texts.filter((text) => NUMERIC.test(text)).length,
      contradicted_names: texts.filter((text) => PROPER.test(text.replace(DATES, "x"))).length,
      invented: inventedOf(detail.citations),
    };
  }

  function countedClaims(claims) {
    const counts = { total: claims.length };
    for (const name of VERDICTS) counts[name] = claims.filter((each) => each.verdict === name).length;
    return counts;
  }

  function inventedOf(citations) {
    const kinds = citations.filter((each) => !each.grounded).map((each) => each.kind);
    const counts = { other: kinds.filter((kind) => !KINDS.includes(kind)).length, total: kinds.length };
    for (const kind of KINDS) counts[kind] = kinds.filter((each) => each === kind).length;
    return counts;
  }

  const actions = (rules, call, detail) => evaluate(rules, callAggregates(call, detail));

  return { aggregates, evaluate, callAggregates, actions, valueOf, render };
})();

if (typeof module !== "undefined") module.exports = PeekrEngine;
