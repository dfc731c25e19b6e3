"""Sums over recalls: how memories rank before and after the score moved, and which stale ones come first."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from peekr_dashboard.diagnostics.records import Record
from peekr_dashboard.diagnostics.tallies import ITEMS, Worst, share
from peekr_dashboard.diagnostics.texts import show

#: A memory has dropped when its mean rank is worse by this, or its mean similarity lower by that.
RANK_DROP, SIMILARITY_DROP = 0.5, 0.05

#: Start, score and trace of each scored call, by start.
History = Sequence[Tuple[float, float, str]]
#: Start, trace, rank, similarity, age of a memory in one recall.
_Seen = Tuple[float, str, Optional[float], Optional[float], Optional[float]]


class MemoryTally:
    """Recalls, and the memories that answers used."""

    def __init__(self) -> None:
        self.recalls = 0
        self._seen: Dict[str, List[_Seen]] = {}
        self._hits: Dict[str, Set[str]] = {}
        self._worst = Worst()

    def add(self, record: Record) -> None:
        """Count a recall."""
        if not record.memories:
            return
        self.recalls += 1
        self._worst.add_newest(record)
        for each in record.memories:
            seen = (record.start, record.trace, each.get("rank"), each.get("similarity"), each.get("age"))
            self._seen.setdefault(each["id"], []).append(seen)

    def add_hits(self, record: Record) -> None:
        """Note which memories the answer of an LLM call used."""
        if record.hits is not None:
            self._hits.setdefault(record.trace, set()).update(record.hits)

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
        window = _windows(history, {seen[1] for each in self._seen.values() for seen in each})
        found = []
        for memory_id, recalls in self._seen.items():
            before = [seen for seen in recalls if window(seen) == -1]
            after = [seen for seen in recalls if window(seen) == 1]
            if before and after:
                item = _compared(memory_id, before, after)
                if item is not None:
                    found.append(item)
        return sorted(found, key=lambda item: -item["worse"])

    # -- stale --------------------------------------------------------------------------------------------------------

    def _at_top(self) -> List[Dict[str, Any]]:
        items: List[Dict[str, Any]] = []
        for memory_id, recalls in self._seen.items():
            top = [seen for seen in recalls if seen[2] == 1]
            ages = [seen[4] for seen in top if seen[4] is not None]
            if not top or not ages:
                continue
            known = [seen for seen in top if seen[1] in self._hits]
            hits = sum(memory_id in self._hits[seen[1]] for seen in known)
            items.append(
                {
                    "id": memory_id,
                    "age_s": max(ages),
                    "recalls": len(recalls),
                    "top": len(top),
                    "hits": hits,
                    "hit_rate": share(hits, len(known)),
                }
            )
        items.sort(key=lambda item: (2 if item["hit_rate"] is None else item["hit_rate"], -item["age_s"]))
        return items[: 10 * ITEMS]


def _windows(history: History, traces: Set[str]) -> Any:
    """Return the function that tells whether a recall belongs to the oldest third (-1), the newest (1), or neither (0).

    It belongs to where the scored calls of its trace are; without any, to that of the next scored call.
    """
    third = len(history) // 3
    starts = [start for start, _, _ in history]
    of_trace: Dict[str, int] = {}
    for place, (_, _, trace) in enumerate(history):
        if trace in traces:
            side = _side(place, third, len(history))
            of_trace[trace] = side if of_trace.get(trace, side) == side else 0

    def window(seen: _Seen) -> int:
        known = of_trace.get(seen[1])
        if known is not None:
            return known
        return _side(min(bisect_left(starts, seen[0]), len(history) - 1), third, len(history))

    return window


def _side(place: int, third: int, count: int) -> int:
    return -1 if place < third else 1 if place >= count - third else 0


def _compared(memory_id: str, before: List[_Seen], after: List[_Seen]) -> Optional[Dict[str, Any]]:
    ranks = _mean_at(2, before), _mean_at(2, after)
    likeness = _mean_at(3, before), _mean_at(3, after)
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


def _mean_at(field: int, recalls: List[_Seen]) -> Optional[float]:
    total, count = 0.0, 0
    for seen in recalls:
        value: Any = seen[field]
        if value is not None:
            total, count = total + value, count + 1
    return total / count if count else None


def _change(item: Dict[str, Any]) -> str:
    name = show(item["id"])
    if item["rank_before"] != item["rank_after"]:
        return f"{name} (rank {show(item['rank_before'])} → {show(item['rank_after'])})"
    return f"{name} (similarity {show(item['similarity_before'])} → {show(item['similarity_after'])})"
