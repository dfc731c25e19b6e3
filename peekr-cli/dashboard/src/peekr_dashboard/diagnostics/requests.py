"""Which request a call is a part of: the endpoint and the feature that stand on a span around it (contract DASH-4)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Iterable, Iterator, List, Optional, Tuple

import attrs

from peekr_dashboard.diagnostics.records import Record

#: Kinds of spans that inherit.
CALLS = ("llm", "embedding")
#: Calls that wait for the end of their traces, and traces whose requests are remembered for calls that come later.
MOST_WAITING, MOST_REMEMBERED = 20_000, 10_000
_ENDLESS = float("inf")
#: Clocks are read one after the other, and rounded.
_SLACK_S = 0.002

#: Begin and end in Unix seconds, endpoint, feature.
Request = Tuple[float, float, Optional[str], Optional[str]]


@attrs.define(slots=True)
class Requests:
    """Fills in ``endpoint`` and ``feature`` of calls that have none of their own.

    "Around" goes by time, within the trace; of several requests around a call the innermost one counts.
    """

    _known: OrderedDict[str, List[Request]] = attrs.field(factory=OrderedDict)
    _waiting: OrderedDict[str, List[Record]] = attrs.field(factory=OrderedDict)
    _held: int = 0

    def add(
        self, trace: str, start: float, ms: Optional[float], endpoint: Optional[str], feature: Optional[str]
    ) -> None:
        """Remember a request."""
        end = _ENDLESS if ms is None else start + ms / 1000
        found = self._known.setdefault(trace, [])
        found.append((start - _SLACK_S, end + _SLACK_S, endpoint, feature))
        found.sort(key=_begin, reverse=True)

    def fill(self, record: Record) -> Record:
        """Return the record; a call has what is known of its request by now."""
        if record.kind in CALLS and record.trace in self._known:
            for begin, end, endpoint, feature in self._known[record.trace]:
                if begin <= record.start <= end:
                    record.endpoint = endpoint if record.endpoint is None else record.endpoint
                    record.feature = feature if record.feature is None else record.feature
        return record

    def through(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield all records, in one pass and bounded memory.

        A file has spans as they ended, what is inside first and the root of the trace last: calls wait for that.
        """
        for record in records:
            if record.kind in CALLS:
                if record.parent is not None:
                    yield from self._wait(record)
                    continue
            elif record.endpoint is not None or record.feature is not None:
                self.add(record.trace, record.start, record.ms, record.endpoint, record.feature)
                if len(self._known) > MOST_REMEMBERED:
                    self._known.popitem(last=False)
            yield record
            if record.parent is None and record.trace in self._waiting:
                yield from self._release(record.trace)
        for trace in list(self._waiting):
            yield from self._release(trace)

    def _wait(self, call: Record) -> List[Record]:
        """Keep a call, and return those that have waited long enough for it."""
        self._waiting.setdefault(call.trace, []).append(call)
        self._held += 1
        return self._release(next(iter(self._waiting))) if self._held > MOST_WAITING else []

    def _release(self, trace: str) -> List[Record]:
        calls = self._waiting.pop(trace)
        self._held -= len(calls)
        return [self.fill(call) for call in calls]


def _begin(request: Request) -> float:
    return request[0]
