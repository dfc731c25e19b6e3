"""The few spans that evidence names."""

from __future__ import annotations

from bisect import insort
from typing import Any, Dict, List, Tuple

from peekr_dashboard.diagnostics.records import Record, score_of

#: Spans kept as examples.
EXAMPLES = 5


def example(record: Record) -> Dict[str, Any]:
    """Return how evidence names a span."""
    out: Dict[str, Any] = {"trace_id": record.trace, "span_id": record.id, "name": record.name}
    if record.model is not None:
        out["model"] = record.model
    score = score_of(record)
    if score is not None:
        out["score"] = score
    if record.reason is not None:
        out["error_reason"] = record.reason
    return out


class Worst:
    """The few records of the greatest weight; among equals those offered first.

    :ivar least: what a weight must exceed to be kept.
    """

    __slots__ = ("_kept", "_offered", "least")

    def __init__(self) -> None:
        self._kept: List[Tuple[float, int, Record]] = []  # the least first
        self.least = float("-inf")
        self._offered = 0

    def add(self, weight: float, record: Record) -> None:
        """Offer a record."""
        if weight <= self.least:
            return
        self._offered -= 1
        kept = self._kept
        insort(kept, (weight, self._offered, record))
        if len(kept) > EXAMPLES:
            del kept[0]
        if len(kept) == EXAMPLES:
            self.least = kept[0][0]

    def add_newest(self, record: Record) -> None:
        """Offer a record to those of which the newest count."""
        self.add(record.start, record)

    def absorb(self, other: Worst) -> None:
        """Offer what another has kept, as later ones."""
        for weight, _, record in sorted(other._kept, key=lambda entry: -entry[1]):
            self.add(weight, record)

    def examples(self) -> List[Dict[str, Any]]:
        """Return them, the first the worst."""
        return [example(entry[2]) for entry in reversed(self._kept)]
