"""Whether the spans fit together: parents that are missing, parents in a circle, clocks that disagree."""

from __future__ import annotations

from time import time
from typing import Any, Dict, List, Tuple

from peekr_dashboard.diagnostics.records import Record

#: A span that starts this long before its parent, or this far in the future, was stamped by another clock.
SKEW_S, FUTURE_S = 0.05, 3600.0


class IntegrityTally:
    """Counts spans in any order. A span is placed when its parent is; what waits at the end has none.

    :param now: the present, in Unix seconds.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._horizon = (now or time()) + FUTURE_S
        self._placed: Dict[str, float] = {}
        self._waiting: Dict[str, List[Tuple[str, float]]] = {}  # parent → its children
        self.open = self.future = self.skewed = 0
        self.skew_s = 0.0

    def add(self, record: Record) -> None:
        """Count any span."""
        start, parent = record.start, record.parent
        if record.open:
            self.open += 1
        if start > self._horizon:
            self.future += 1
        if parent is None:
            self._place(record.id, start)
            return
        begun = self._placed.get(parent)
        if begun is None:
            self._waiting.setdefault(parent, []).append((record.id, start))
            return
        if begun - start > SKEW_S:
            self._note(begun - start)
        self._place(record.id, start)

    def _note(self, skew_s: float) -> None:
        self.skewed += 1
        self.skew_s = max(self.skew_s, skew_s)

    def _place(self, span_id: str, start: float) -> None:
        self._placed[span_id] = start
        if self._waiting:
            self._settle([(span_id, start)])

    def _settle(self, placed: List[Tuple[str, float]]) -> None:
        """Place whatever waited for these, and for those in turn."""
        while placed:
            span_id, start = placed.pop()
            for child, begun in self._waiting.pop(span_id, ()):
                if start - begun > SKEW_S:
                    self._note(start - begun)
                self._placed[child] = begun
                placed.append((child, begun))

    def result(self) -> Dict[str, Any]:
        """Return the aggregates; call it once."""
        waiting = {child for children in self._waiting.values() for child, _ in children}
        orphans = 0
        for parent in [parent for parent in self._waiting if parent not in waiting and parent not in self._placed]:
            children = self._waiting.pop(parent)
            orphans += len(children)
            self._placed.update(children)
            self._settle(children)
        in_circles = sum(len(children) for children in self._waiting.values())
        return {
            "orphans": orphans,
            "cycles": in_circles,
            "skewed": self.skewed,
            "skew_s": self.skew_s,
            "future": self.future,
            "open": self.open,
            "problems": orphans + in_circles + self.skewed + self.future,
        }
