/* Traces of the same name whose tokens grow, as growth.py. */

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
