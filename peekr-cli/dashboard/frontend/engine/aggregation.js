/* Records of all kinds become named aggregates, as aggregation.py, which lists the names. */

/**
 * @param {Object[]} calls records of all kinds
 * @param {{whole: boolean, now: number}} options whole: the records are all spans, so check how they fit together;
 *     now: the present in Unix seconds
 */
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
