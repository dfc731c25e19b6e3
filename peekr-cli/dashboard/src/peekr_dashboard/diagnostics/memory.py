"""Sums over recalls: how memories rank before and after the score moved, and which stale ones come first."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from math import nan
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Set

from peekr_dashboard.diagnostics.history import History
from peekr_dashboard.diagnostics.records import Record
from peekr_dashboard.diagnostics.tallies import ITEMS, share
from peekr_dashboard.diagnostics.texts import show
from peekr_dashboard.diagnostics.worst import Worst

#: A memory has dropped when its mean rank is worse by this, or its mean similarity lower by that.
RANK_DROP, SIMILARITY_DROP = 0.5, 0.05

_NONE: FrozenSet[str] = frozenset()
#: Start and trace of a recall → -1 for the oldest third, 1 for the newest, 0 for neither.
_Window = Callable[[float, str], int]


class _Recalls:
    """The recalls of one memory, in rows.

    :ivar ranks: not a number where there is none; so ``likeness``.
    :ivar first: traces of the recalls in which it came first.
    :ivar age_s: the greatest age at such a recall.
    """

    __slots__ = ("age_s", "first", "likeness", "ranks", "starts", "traces")

    def __init__(self) -> None:
        self.starts, self.ranks, self.likeness = array("d"), array("d"), array("d")
        self.traces: List[str] = []
        self.first: List[str] = []
        self.age_s: Optional[float] = None

    def absorb(self, other: _Recalls) -> None:
        for name in ("starts", "ranks", "likeness", "traces", "first"):
            getattr(self, name).extend(getattr(other, name))
        if other.age_s is not None:
            self.age_s = other.age_s if self.age_s is None else max(self.age_s, other.age_s)


class MemoryTally:
    """Recalls, and the memories that answers used."""

    def __init__(self) -> None:
        self.recalls = 0
        self._seen: Dict[str, _Recalls] = {}
        self._hits: Dict[str, FrozenSet[str]] = {}
        self._worst = Worst()

    def add(self, record: Record, trace: str) -> None:
        """Count a recall."""
        if not record.memories:
            return
        self.recalls += 1
        self._worst.add_newest(record)
        for each in record.memories:
            found = self._seen.get(each.id)
            if found is None:
                found = self._seen[each.id] = _Recalls()
            found.starts.append(record.start)
            found.traces.append(trace)
            found.ranks.append(nan if each.rank is None else each.rank)
            found.likeness.append(nan if each.similarity is None else each.similarity)
            if each.rank == 1:
                found.first.append(trace)
                if each.age is not None and (found.age_s is None or each.age > found.age_s):
                    found.age_s = each.age

    def add_hits(self, hits: List[str], trace: str) -> None:
        """Note which memories the answer of an LLM call used."""
        if hits:
            self._hits[trace] = self._hits.get(trace, _NONE).union(hits)
        elif trace not in self._hits:
            self._hits[trace] = _NONE

    def absorb(self, other: MemoryTally) -> None:
        """Add what another has counted, of later spans."""
        self.recalls += other.recalls
        self._worst.absorb(other._worst)
        for memory_id, theirs in other._seen.items():
            found = self._seen.get(memory_id)
            if found is None:
                self._seen[memory_id] = theirs
            else:
                found.absorb(theirs)
        for trace, hits in other._hits.items():
            self._hits[trace] = self._hits.get(trace, _NONE) | hits

    def result(self, history: History) -> Dict[str, Any]:
        """Return the aggregates.

        :param history: the calls with a Hallucination score, by start.
        """
        dropped = self._dropped(history) if len(history) >= 6 and self._seen else []
        at_top = self._at_top()
        return {
            "recalls": self.recalls,
            "dropped": {
                "count": len(dropped),
                "names": [item["id"] for item in dropped],
                "changes": [_change(item) for item in dropped],
                "items": dropped[:ITEMS],
            },
            "at_top": at_top,
        }

    def examples(self) -> List[Dict[str, Any]]:
        """Return the newest recalls."""
        return self._worst.examples()

    # -- ranks --------------------------------------------------------------------------------------------------------

    def _dropped(self, history: History) -> List[Dict[str, Any]]:
        window = _windows(history, {trace for each in self._seen.values() for trace in each.traces})
        items = (_compared(memory_id, recalls, window) for memory_id, recalls in self._seen.items())
        return sorted(filter(None, items), key=lambda item: -item["worse"])

    # -- stale --------------------------------------------------------------------------------------------------------

    def _at_top(self) -> List[Dict[str, Any]]:
        items: List[Dict[str, Any]] = []
        for memory_id, recalls in self._seen.items():
            if recalls.age_s is None:
                continue
            known = [trace for trace in recalls.first if trace in self._hits]
            hits = sum(memory_id in self._hits[trace] for trace in known)
            items.append(
                {
                    "id": memory_id,
                    "age_s": recalls.age_s,
                    "recalls": len(recalls.starts),
                    "top": len(recalls.first),
                    "hits": hits,
                    "hit_rate": share(hits, len(known)),
                }
            )
        items.sort(key=lambda item: (2 if item["hit_rate"] is None else item["hit_rate"], -item["age_s"]))
        return items[: 10 * ITEMS]


def _windows(history: History, traces: Set[str]) -> _Window:
    """Return the function that tells whether a recall belongs to the oldest third (-1), the newest (1), or neither (0).

    It belongs to where the scored calls of its trace are; without any, to that of the next scored call.
    """
    count = len(history)
    third, starts = count // 3, history.starts
    of_trace: Dict[str, int] = {}
    for place, trace in enumerate(history.traces):
        if trace in traces:
            side = _side(place, third, count)
            of_trace[trace] = side if of_trace.get(trace, side) == side else 0

    def window(start: float, trace: str) -> int:
        known = of_trace.get(trace)
        if known is not None:
            return known
        return _side(min(bisect_left(starts, start), count - 1), third, count)

    return window


def _side(place: int, third: int, count: int) -> int:
    return -1 if place < third else 1 if place >= count - third else 0


def _compared(memory_id: str, recalls: _Recalls, window: _Window) -> Optional[Dict[str, Any]]:
    sides = [window(start, trace) for start, trace in zip(recalls.starts, recalls.traces)]
    if -1 not in sides or 1 not in sides:
        return None
    ranks = [_mean_at(side, sides, recalls.ranks) for side in (-1, 1)]
    likeness = [_mean_at(side, sides, recalls.likeness) for side in (-1, 1)]
    fell = None not in ranks and ranks[1] - ranks[0]  # type: ignore[operator]
    faded = None not in likeness and likeness[0] - likeness[1]  # type: ignore[operator]
    if not (fell is not False and fell >= RANK_DROP) and not (faded is not False and faded >= SIMILARITY_DROP):
        return None
    return {
        "id": memory_id,
        "rank_before": ranks[0],
        "rank_after": ranks[1],
        "similarity_before": likeness[0],
        "similarity_after": likeness[1],
        "worse": max(fell or 0, faded or 0),
    }


def _mean_at(side: int, sides: List[int], values: Any) -> Optional[float]:
    """Return the mean of the values on one side, without those that are not a number."""
    total, count = 0.0, 0
    for at, value in zip(sides, values):
        if at == side and value == value:
            total, count = total + value, count + 1
    return total / count if count else None


def _change(item: Dict[str, Any]) -> str:
    """Return what made it count: its rank, or where that moved too little, its similarity."""
    ranks = item["rank_before"], item["rank_after"]
    field = "rank" if None not in ranks and ranks[1] - ranks[0] >= RANK_DROP else "similarity"
    return f"{show(item['id'])} ({field} {show(item[field + '_before'])} → {show(item[field + '_after'])})"
