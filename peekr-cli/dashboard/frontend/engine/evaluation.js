/* Rules become cards, as evaluation.py. */

const SEVERITIES = ["high", "medium", "low", "info", "good"];
const PROBLEMS = 3;

/** Return the cards, the worst first; others: cards of rules in Python. */
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
