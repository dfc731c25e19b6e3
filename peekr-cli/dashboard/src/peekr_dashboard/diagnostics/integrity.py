"""Whether the spans fit together: parents that are missing, parents in a circle, clocks that disagree."""

from __future__ import annotations

from array import array
from itertools import chain
from time import time
from typing import Any, Dict, List, Sequence, Tuple, Union

from peekr_dashboard.diagnostics.records import Record

#: A span that starts this long before its parent, or this far in the future, was stamped by another clock.
SKEW_S, FUTURE_S = 0.05, 3600.0
_HEX = 16
#: A span id; as a number it takes half the memory, of which a million take much.
_Key = Union[int, str]


def _key(span_id: str) -> _Key:
    try:
        return int(span_id, 16) if len(span_id) == _HEX else span_id
    except ValueError:
        return span_id


class IntegrityTally:
    """Counts spans in any order. A span is placed when its parent is; what waits at the end has none.

    :param now: the present, in Unix seconds.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._horizon = (now or time()) + FUTURE_S
        self._placed: Dict[_Key, float] = {}
        self._waiting: Dict[_Key, List[Tuple[_Key, float]]] = {}  # parent → its children
        self._packed: Tuple[Sequence[int], Sequence[float]] = ((), ())
        self._last = "", 0.0  # a parent that is placed, and its start: often that of the next span, too
        self.open = self.future = self.skewed = 0
        self.skew_s = 0.0

    def add(self, record: Record) -> None:
        """Count any span."""
        start = record.start
        if record.open:
            self.open += 1
        if start > self._horizon:
            self.future += 1
        key = _key(record.id)
        parent = record.parent
        if parent is None:
            self._placed[key] = start
        elif parent == self._last[0]:  # as of the span before: no need to look it up
            if self._last[1] - start > SKEW_S:
                self._note(self._last[1] - start)
            self._placed[key] = start
        else:
            parent_key = _key(parent)
            if not self._below(parent_key, key, start):
                return
            self._last = parent, self._placed[parent_key]
        if key in self._waiting:
            self._settle([(key, start)])

    def _below(self, parent: _Key, key: _Key, start: float) -> bool:
        """Place a span if its parent is; else let it wait."""
        begun = self._placed.get(parent)
        if begun is None:
            waiting = self._waiting.get(parent)
            if waiting is None:
                waiting = self._waiting[parent] = []
            waiting.append((key, start))
            return False
        if begun - start > SKEW_S:
            self._note(begun - start)
        self._placed[key] = start
        return True

    def _note(self, skew_s: float) -> None:
        self.skewed += 1
        self.skew_s = max(self.skew_s, skew_s)

    def _settle(self, placed: List[Tuple[_Key, float]]) -> None:
        """Place whatever waited for these, and for those in turn."""
        while placed:
            key, start = placed.pop()
            for child, begun in self._waiting.pop(key, ()):
                if start - begun > SKEW_S:
                    self._note(start - begun)
                self._placed[child] = begun
                placed.append((child, begun))

    def absorb(self, other: IntegrityTally) -> None:
        """Add what another has counted, of other spans. Its placed spans are looked at, and not kept."""
        self.open += other.open
        self.future += other.future
        self.skewed += other.skewed
        self.skew_s = max(self.skew_s, other.skew_s)
        for parent, children in other._waiting.items():
            for key, start in children:
                if self._below(parent, key, start):
                    self._settle([(key, start)])
        missing = set(self._waiting)
        for parent, begun in chain(other._placed.items(), zip(*other._packed)):
            if parent in missing:
                self._settle([(parent, begun)])

    def __getstate__(self) -> Tuple[Any, ...]:
        """For another process: what is placed in rows of numbers, a tenth of the memory, to be absorbed."""
        numbers = [key for key in self._placed if type(key) is int]
        packed = array("Q", numbers), array("d", [self._placed[key] for key in numbers])
        others = {key: start for key, start in self._placed.items() if type(key) is str}
        return packed, others, self._waiting, self._horizon, self.open, self.future, self.skewed, self.skew_s

    def __setstate__(self, state: Tuple[Any, ...]) -> None:
        packed, self._placed, self._waiting, self._horizon, self.open, self.future, self.skewed, self.skew_s = state
        self._packed, self._last = packed, ("", 0.0)

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
