"""One pass over a store: which calls the page lists, and sums of the rest. What they say is read afterwards."""

from __future__ import annotations

import time
from heapq import heappush, heappushpop
from itertools import count
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

import attrs

from peekr import ReadStore
from peekr_dashboard.diagnostics.aggregation import Aggregator
from peekr_dashboard.diagnostics.reading import records_of
from peekr_dashboard.diagnostics.records import Record, score_of
from peekr_dashboard.rest import Rest

#: A start so much later than now comes from a wrong clock.
_FUTURE_S = 86_400
#: Evaluators' own spans, as old files have them (contract DASH-17).
_INTERNAL = ("peekr.internal", "peekr.eval.")
_STEP = 20_000
_ACTING = frozenset(("tool", "memory_read", "memory_write"))

Progress = Callable[[int], None]


@attrs.define(slots=True, frozen=True)
class Limits:
    """How much of a store is listed span by span.

    :ivar newest: calls.
    :ivar worst: of the older calls the worst so many.
    :ivar acting: tools and recalls, the newest.
    :ivar others: roots, and failed spans of other kinds, the newest.
    """

    newest: int = 45_000
    worst: int = 5_000
    acting: int = 40_000
    others: int = 10_000


DEFAULT = Limits()


class Largest:
    """The records with the largest keys, in any order of arrival; what is pushed out is handed on."""

    def __init__(self, most: int, key: Callable[[Record], float]) -> None:
        self._most, self._key, self._tie = most, key, count()
        self._heap: List[Tuple[float, int, Record]] = []

    def add(self, record: Record) -> Optional[Record]:
        """Take a record; return the one that is not among the largest any more."""
        entry = (self._key(record), next(self._tie), record)
        if len(self._heap) < self._most:
            heappush(self._heap, entry)
            return None
        return heappushpop(self._heap, entry)[2]

    def records(self) -> List[Record]:
        """Return them, in no order."""
        return [record for _, _, record in self._heap]


@attrs.define(slots=True)
class Counts:
    """What the whole store has, whether the page lists it or not."""

    spans: int = 0
    calls: int = 0
    errors: int = 0
    open: int = 0
    left_out: int = 0
    future: int = 0
    first: Optional[float] = None
    last: Optional[float] = None
    traces: Set[str] = attrs.field(factory=set)

    def add(self, record: Record, horizon: float) -> None:
        """Count one span; one that begins behind the horizon does not say when the store ends."""
        self.spans += 1
        self.errors += record.status == "error"
        self.open += record.open
        self.traces.add(record.trace)
        start = record.start
        if start > horizon:
            self.future += 1
            return
        if self.first is None or start < self.first:
            self.first = start
        if self.last is None or start > self.last:
            self.last = start


@attrs.define(slots=True)
class Collection:
    """What :func:`collect` found.

    :ivar calls: the LLM calls that are listed, by start.
    :ivar others: tools, recalls, roots and failures, by start.
    :ivar rest: sums of the calls that are not listed.
    :ivar aggregates: of the whole store, for the rules.
    """

    calls: List[Record]
    others: List[Record]
    rest: Rest
    counts: Counts
    aggregates: Dict[str, Any]


def collect(store: ReadStore, progress: Progress = lambda done: None, limits: Limits = DEFAULT) -> Collection:
    """Read the store once, in memory that does not grow with it (but for a set of trace ids).

    :param progress: called now and then with the number of spans read.
    """
    return gather(records_of(store), progress, limits)


def gather(records: Iterable[Record], progress: Progress = lambda done: None, limits: Limits = DEFAULT) -> Collection:
    """Do the work of :func:`collect` for any records, in any order."""
    counts, rest, tally, horizon = Counts(), Rest(), Aggregator(), time.time() + _FUTURE_S
    newest, worst = Largest(limits.newest, _start), Largest(limits.worst, badness)
    acting, others = Largest(limits.acting, _start), Largest(limits.others, _start)
    for record in records:
        if record.name.startswith(_INTERNAL):
            continue
        counts.add(record, horizon)
        tally.add(record)
        if counts.spans % _STEP == 0:
            progress(counts.spans)
        if record.kind == "llm":
            counts.calls += 1
            older = newest.add(record)
            gone = None if older is None else worst.add(older)
            if gone is not None:
                rest.add(gone)
        elif record.kind in _ACTING:
            counts.left_out += acting.add(record) is not None
        elif record.parent is None or record.status == "error":
            counts.left_out += others.add(record) is not None
    calls = sorted(newest.records() + worst.records(), key=_start)
    return Collection(calls, sorted(acting.records() + others.records(), key=_start), rest, counts, tally.result())


def _start(record: Record) -> float:
    return record.start


def badness(record: Record) -> float:
    """Return how much a call asks to be looked at: 1 for the worst score, 0.9 for a failure, 0 for a good one."""
    score = score_of(record)
    if score is not None:
        return 1 - score
    return 0.9 if record.status == "error" else 0.0
