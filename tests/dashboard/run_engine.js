// Runs the page's engine over vectors: node run_engine.js < {engine, rules, actions, vectors, calls, now} > results
"use strict";

const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const engine = new Function(`${given.engine} return PeekrEngine;`)();
const sets = given.vectors.map((records) => {
  const aggregates = engine.aggregates(records, { whole: true, now: given.now });
  return { aggregates, cards: engine.evaluate(given.rules, aggregates) };
});
const calls = given.calls.map(({ call, detail }) => engine.actions(given.actions, call, detail));
const expressions = given.expressions.map(([expression, scope]) => {
  const value = engine.valueOf(expression, scope, given.thresholds);
  return value === undefined ? null : value;
});
const texts = given.texts.map(([text, scope]) => engine.render(text, scope));
process.stdout.write(JSON.stringify({ sets, calls, expressions, texts }));
