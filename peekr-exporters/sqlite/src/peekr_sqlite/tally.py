"""Adding up model calls, row by row: what :meth:`peekr.ReadStore.spending` does to a million of them."""

from __future__ import annotations

from array import array
from itertools import compress
from math import inf
from operator import attrgetter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import msgspec

from peekr.runs import number_of
from peekr.spending import Key, UsageSum, local_day

Number = Union[int, float, None]
_NUMBERS = ("tokens_input", "tokens_output", "tokens_total", "tokens_cached", "cost_usd")
#: Time zones differ by quarters of an hour: within one, all moments are of one day.
_QUARTER_S = 900
#: Dimension → the column that holds it. The others are attributes.
COLUMNS = {
    "tenant": "tenant_id",
    "user": "user_id",
    "session": "session_id",
    "day": f"CAST(start_time / {_QUARTER_S} AS INTEGER)",
    "operation": "name",
}
#: Calls after which those that cannot be among the hottest are told, and where the line is drawn, from the top.
_SAMPLE, _SHARES = 20_000, (0.99, 0.97, 0.95, 0.9, 0.8, 0.6)


class Call(msgspec.Struct, gc=False):
    """The wanted attributes; a call whose attributes have other types is read without this."""

    model: Optional[str] = None
    provider: Optional[str] = None
    feature: Optional[str] = None
    cost_usd: Number = None
    tokens_input: Number = None
    tokens_output: Number = None
    tokens_total: Number = None
    tokens_cached: Number = None
    billed: Any = None


_decode = msgspec.json.Decoder(Call).decode


def read_call(attributes: bytes) -> Call:
    """Return the wanted attributes of a column. Never raises."""
    try:
        return _decode(attributes)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_anything(attributes)


def _read_anything(attributes: bytes) -> Call:
    """Records of others: what is no number or text counts as absent."""
    try:
        found = msgspec.json.decode(attributes)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        return Call()
    numbers: Dict[str, Any] = {name: number_of(found.get(name)) for name in _NUMBERS}
    texts: Dict[str, Any] = {
        name: str(found[name]) for name in ("model", "provider", "feature") if found.get(name) is not None
    }
    return Call(**numbers, **texts, billed=found.get("billed"))


class Tally:
    """Sums by key, as :class:`peekr.spending.SpendTally` makes them of spans.

    One loop with few calls: it runs for each of a million rows. Until :meth:`sums`, keys are raw: the columns as they
    were read, and what the attributes have.
    """

    def __init__(self, by: Sequence[str], top: int) -> None:
        self._by = tuple(by)
        names = [name for name in by if name not in COLUMNS]
        self._texts: Callable[[Call], Any] = attrgetter(*names) if names else lambda _: None
        self._top = top
        self._found: Dict[Any, List[Any]] = {}
        self.spans = self.errors = 0
        #: Of the calls that may be among the hottest.
        self.costs, self.durations, self.rowids = array("d"), array("d"), array("q")

    def add(self, rows: Iterable[Tuple[Any, ...]]) -> None:
        """Count rows: the attributes (None of what is no call), whether it failed, its duration, its rowid, and the
        columns of the key.
        """
        found, texts, decode = self._found, self._texts, _decode
        costs, durations, rowids = self.costs, self.durations, self.rowids
        spans = errors = 0
        dear, slow = (-1.0, -1.0) if self._top else (inf, inf)
        for row in rows:
            spans += 1
            attributes, failed, duration = row[0], row[1], row[2]
            errors += failed
            if attributes is None:
                continue
            try:
                call = decode(attributes)
            except (msgspec.DecodeError, UnicodeDecodeError):
                call = _read_anything(attributes)
            if call.billed is False:
                continue
            key = (row[4:], texts(call))
            total = found.get(key)
            if total is None:
                total = found[key] = [0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0]
            cost, given, made = call.cost_usd, call.tokens_input, call.tokens_output
            total[0] += 1
            if failed:
                total[1] += 1
            if cost is not None:
                total[8] += cost
                total[9] += 1
            elif given is not None or made is not None:
                total[2] += 1
            if given:
                total[3] += given
            if made:
                total[4] += made
            if call.tokens_total:
                total[5] += call.tokens_total
            if call.tokens_cached:
                total[6] += call.tokens_cached
            if duration:
                total[7] += duration
            if (cost or 0.0) > dear or (duration or 0.0) > slow:
                costs.append(cost or 0.0)
                durations.append(duration or 0.0)
                rowids.append(row[3])
                if len(rowids) == _SAMPLE and dear < 0:
                    dear, slow = self._drop_dominated()
        self.spans += spans
        self.errors += errors

    def _drop_dominated(self) -> Tuple[float, float]:
        """Drop calls that cannot be among the hottest; return what cost or what duration another one has to exceed.

        However cost and latency are weighed, a call that exceeds neither of as many others as are asked for is behind
        them.
        """
        for share in _SHARES:
            dear, slow = (sorted(values)[int(len(values) * share)] for values in (self.costs, self.durations))
            calls = zip(self.costs, self.durations)
            if sum(cost >= dear and duration >= slow for cost, duration in calls) >= self._top:
                break
        else:
            return 0.0, -1.0  # no line parts them: every duration exceeds this, so all are kept
        kept = [
            cost > dear or duration > slow or (cost == dear and duration == slow)
            for cost, duration in zip(self.costs, self.durations)
        ]
        self.costs[:] = array("d", compress(self.costs, kept))
        self.durations[:] = array("d", compress(self.durations, kept))
        self.rowids[:] = array("q", compress(self.rowids, kept))
        return dear, slow

    def parts(self) -> Tuple[Any, ...]:
        """Return everything as plain values, for :meth:`absorb`."""
        return self._found, self.spans, self.errors, self.costs, self.durations, self.rowids

    def absorb(self, parts: Tuple[Any, ...]) -> None:
        """Add the parts of another tally."""
        found, spans, errors, costs, durations, rowids = parts
        _merge(self._found, found.items())
        self.spans += spans
        self.errors += errors
        self.costs.extend(costs)
        self.durations.extend(durations)
        self.rowids.extend(rowids)

    def sums(self) -> Iterator[UsageSum]:
        """Yield the sums."""
        found: Dict[Key, List[Any]] = {}
        _merge(found, ((self._key(*raw), total) for raw, total in self._found.items()))
        for key, total in found.items():
            calls, errors, unpriced, given, made, both, cached = (int(value) for value in total[:7])
            cost = total[8] if total[9] else None
            yield UsageSum(key, calls, errors, unpriced, given, made, both, cached, total[7], cost)

    def _key(self, columns: Tuple[Any, ...], texts: Any) -> Key:
        """Put the parts of a raw key into the order asked for."""
        of_columns, of_texts = iter(columns), iter(texts if isinstance(texts, tuple) else (texts,))
        key = []
        for name in self._by:
            value = next(of_columns if name in COLUMNS else of_texts)
            key.append(local_day(value * _QUARTER_S) if name == "day" else value)
        return tuple(key)


def _merge(into: Dict[Any, List[Any]], sums: Iterable[Tuple[Any, List[Any]]]) -> None:
    for key, total in sums:
        known = into.get(key)
        into[key] = total if known is None else [a + b for a, b in zip(known, total)]
