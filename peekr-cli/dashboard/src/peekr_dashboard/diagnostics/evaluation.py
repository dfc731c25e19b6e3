"""Rules and aggregates → cards. Pure; ``frontend/engine.js`` does the same in the page, proven by shared vectors."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from peekr_dashboard.diagnostics.expressions import Scope, lookup
from peekr_dashboard.diagnostics.expressions import evaluate as value_of
from peekr_dashboard.diagnostics.rule import PROBLEMS, SEVERITIES, Card, Fix, Rule
from peekr_dashboard.diagnostics.texts import render

Aggregates = Mapping[str, Any]
#: What filters of the page leave is the selection; a rule in Python sees the whole file.
SELECTION, WHOLE_FILE = "selection", "whole file"


def evaluate(rules: Sequence[Rule], aggregates: Aggregates, others: Sequence[Card] = ()) -> List[Card]:
    """Return the cards, the worst first; among equals in the order of the rules.

    :param others: cards of rules that are Python code; they stand among the rest, and count for the last rules.
    """
    cards = list(others)
    for rule in rules:
        if not rule.last:
            cards.extend(_cards(rule, aggregates))
    scope = {**aggregates, "cards": _counts(cards)}
    for rule in rules:
        if rule.last:
            cards.extend(_cards(rule, scope))
    return sorted(cards, key=lambda card: SEVERITIES.index(card.severity))


def _counts(cards: Sequence[Card]) -> Dict[str, int]:
    counts = {severity: sum(card.severity == severity for card in cards) for severity in SEVERITIES}
    counts["problems"] = sum(counts[severity] for severity in PROBLEMS)
    return counts


def _cards(rule: Rule, aggregates: Aggregates) -> List[Card]:
    found = []
    for scope in _scopes(rule, aggregates):
        if value_of(rule.when, scope, rule.thresholds) is True:
            found.append(_card(rule, scope))
            if len(found) == rule.limit:
                break
    return found


def _scopes(rule: Rule, aggregates: Aggregates) -> Iterator[Scope]:
    base = {**aggregates, "rule": dict(rule.thresholds)}
    if rule.each is None:
        yield base
    else:
        for item in lookup(aggregates, rule.each) or ():
            yield {**base, "item": item}


def _card(rule: Rule, scope: Scope) -> Card:
    return Card(
        rule=rule.id,
        severity=_severity(rule, scope),
        title=render(rule.title, scope),
        cause=render(rule.cause, scope),
        fixes=_fixes(rule, scope),
        evidence=_evidence(rule, scope),
    )


def _severity(rule: Rule, scope: Scope) -> str:
    for severity in SEVERITIES:
        if severity in rule.escalate and value_of(rule.escalate[severity], scope, rule.thresholds) is True:
            return severity
    return rule.severity


def _fixes(rule: Rule, scope: Scope) -> Tuple[str, ...]:
    texts = (
        fix.text if isinstance(fix, Fix) else fix
        for fix in rule.fixes
        if not isinstance(fix, Fix) or value_of(fix.when, scope, rule.thresholds) is True
    )
    return tuple(render(text, scope) for text in texts)


def _evidence(rule: Rule, scope: Scope) -> Dict[str, Any]:
    evidence: Dict[str, Any] = {"scope": SELECTION, "numbers": {name: lookup(scope, name) for name in rule.numbers}}
    if rule.each is not None:
        evidence["item"] = {name: value for name, value in scope["item"].items() if name != "calls"}
    if rule.calls is not None:
        at = rule.calls if rule.calls.startswith("item.") else "examples." + rule.calls
        evidence["calls"] = list(lookup(scope, at) or ())
    return evidence
