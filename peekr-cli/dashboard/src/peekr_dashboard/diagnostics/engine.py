"""Diagnosis of a store: records, aggregates, rules, cards."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional

import attrs

from peekr import ReadStore, Span
from peekr_dashboard.diagnostics.aggregation import aggregates
from peekr_dashboard.diagnostics.counting import Progress, count_store
from peekr_dashboard.diagnostics.evaluation import evaluate
from peekr_dashboard.diagnostics.reading import EVERYTHING, Question
from peekr_dashboard.diagnostics.registry import Rules, installed_rules
from peekr_dashboard.diagnostics.rule import Card


@attrs.define(slots=True, frozen=True)
class Diagnosis:
    """:ivar aggregates: of :func:`~peekr_dashboard.diagnostics.aggregation.aggregates`.

    :ivar cards: the worst first.
    """

    aggregates: Dict[str, Any]
    cards: List[Card]


def diagnose(spans: Iterable[Span], rules: Optional[Rules] = None) -> List[Dict[str, Any]]:
    """Return the cards of spans: ``[{"rule", "severity", "title", "cause", "fixes", "evidence"}]``, the worst first.

    One pass, any order. ``rules``: by default those of all installed plugins.
    """
    found = aggregates(spans)
    return [card.as_dict() for card in _judged(found, rules or installed_rules(), None, None)]


def diagnose_store(
    store: ReadStore,
    question: Question = EVERYTHING,
    rules: Optional[Rules] = None,
    progress: Progress = lambda done: None,
) -> Diagnosis:
    """Diagnose a store, or a part of it. Rules that are Python code look at the whole of it.

    :param progress: called now and then with the number of spans read.
    :raises StoreError: if it cannot be read, or the trace asked for is not there.
    """
    rules = rules or installed_rules()
    found = count_store(store, question, progress).result()
    whole = found
    if rules.code and not question.whole:
        whole = count_store(store, EVERYTHING, progress).result()
    return Diagnosis(found, _judged(found, rules, whole, store))


def _judged(
    found: Dict[str, Any], rules: Rules, whole: Optional[Dict[str, Any]], store: Optional[ReadStore]
) -> List[Card]:
    return evaluate(rules.data, found, rules.run_code(found if whole is None else whole, store))
