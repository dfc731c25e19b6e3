"""What model calls took and cost: rows read as bytes, decoded and added up without making spans of them."""

from __future__ import annotations

import sqlite3
from array import array
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import msgspec

from peekr.errors import StoreError
from peekr.runs import BILLED_KINDS, number_of
from peekr.selection import Selection
from peekr.spending import (
    EVERYTHING,
    CallCost,
    Cost,
    Key,
    Spending,
    UsageSum,
    by_cost,
    check_dimensions,
    hottest,
    local_day,
)
from peekr.sqlquery import as_store_error
from peekr_sqlite.halves import WORTH_IT, Half, start_half

Number = Union[int, float, None]
_NUMBERS = ("tokens_input", "tokens_output", "tokens_total", "tokens_cached", "cost_usd")
#: The attributes of a model call that has ended; NULL for every other span.
_CALL = (
    f"CASE WHEN kind IN ({', '.join(repr(kind) for kind in sorted(BILLED_KINDS))}) AND end_time IS NOT NULL"
    " THEN CAST(attributes AS BLOB) END"
)
#: Dimension → the column that holds it. The others are attributes.
_COLUMNS = {
    "tenant": "tenant_id",
    "user": "user_id",
    "session": "session_id",
    "day": "start_time",
    "operation": "name",
}
#: Time zones differ by quarters of an hour: within one, all moments are of one day.
_QUARTER_S = 900
_WRITE_BATCH = 1000


class _Call(msgspec.Struct, gc=False):
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


_decode = msgspec.json.Decoder(_Call).decode


def _read(attributes: bytes) -> _Call:
    try:
        return _decode(attributes)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_anything(attributes)


def _read_anything(attributes: bytes) -> _Call:
    """Records of others: what is no number or text counts as absent."""
    try:
        found = msgspec.json.decode(attributes)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        return _Call()
    numbers: Dict[str, Any] = {name: number_of(found.get(name)) for name in _NUMBERS}
    texts: Dict[str, Any] = {
        name: str(found[name]) for name in ("model", "provider", "feature") if found.get(name) is not None
    }
    return _Call(**numbers, **texts, billed=found.get("billed"))


class SpendQueries:
    """Mixin of the SQLite store: the fast half of :class:`peekr.spending.SpendReader`."""

    if TYPE_CHECKING:
        target: str

        def rows(self, statement: str, params: Sequence[Any] = ()) -> Iterator[Tuple[Any, ...]]: ...
        def close(self) -> None: ...

    def spending(self, by: Sequence[str] = ("model",), selection: Selection = EVERYTHING, top: int = 0) -> Spending:
        """Add up the calls; see :meth:`peekr.spending.SpendReader.spending`."""
        check_dimensions(by)
        tally = Tally(by, bool(top))
        first, last = next(iter(list(self.rows("SELECT MIN(rowid), MAX(rowid) FROM spans"))))
        middle = ((first or 0) + (last or 0)) // 2
        half = None
        if (last or 0) - (first or 0) >= WORTH_IT:
            half = start_half(self.target, by, selection, bool(top), middle)
        if half is None:
            add_rows(self, tally, by, selection)
        else:
            self._add_both(half, tally, by, selection, middle)
        hot, slow = hottest(tally.costs, tally.durations, top)
        lists = [[self._call(tally.rowids[at]) for at in places] for places in (hot, slow)]
        return Spending(tally.spans, tally.errors, by_cost(tally.sums()), *lists)

    def _add_both(self, half: Half, tally: Tally, by: Sequence[str], selection: Selection, middle: int) -> None:
        try:
            add_rows(self, tally, by, selection, "rowid <= ?", middle)
        except BaseException:
            half.give_up()
            raise
        parts = half.result()
        if parts is None:
            add_rows(self, tally, by, selection, "rowid > ?", middle)
        else:
            tally.absorb(parts)

    def _call(self, rowid: int) -> CallCost:
        names = "span_id, trace_id, name, start_time, duration_ms, CAST(attributes AS BLOB)"
        row = next(iter(list(self.rows(f"SELECT {names} FROM spans WHERE rowid = ?", (rowid,)))))
        span_id, trace_id, name, start, duration, attributes = row
        call = _read(attributes or b"")
        tokens = int(call.tokens_total or 0)
        return CallCost(span_id, trace_id, name, call.model, start, duration or 0.0, tokens, call.cost_usd)

    def set_costs(self, costs: Iterable[Cost]) -> int:
        """Write costs into the rows; see :meth:`peekr.spending.SpendReader.set_costs`."""
        written = 0
        with as_store_error(self.target):
            connection = sqlite3.connect(self.target, timeout=30, isolation_level=None)
            try:
                for batch in _batches(costs):
                    connection.execute("BEGIN IMMEDIATE")
                    written += connection.executemany(
                        "UPDATE spans SET attributes = CASE WHEN ?1 IS NULL"
                        " THEN json_remove(attributes, '$.cost_usd')"
                        " ELSE json_set(attributes, '$.cost_usd', ?1) END"
                        " WHERE span_id = ?2 AND json_valid(attributes)",
                        [(cost, span_id) for span_id, cost in batch],
                    ).rowcount
                    connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if "readonly" in str(error):
                    raise StoreError(f"{self.target} may not be written.\nGive yourself the right to it") from error
                raise
            finally:
                connection.close()
        return written


def add_rows(
    store: SpendQueries, tally: Tally, by: Sequence[str], selection: Selection, which: str = "", middle: int = 0
) -> None:
    """Add a store's rows to a tally.

    :param which: a condition on the rowid, for which ``middle`` is bound.
    """
    from peekr_sqlite.store import where

    columns = "".join(", " + _COLUMNS.get(name, "NULL") for name in by)
    clause, params = where(selection)
    if which:
        clause, params = f"{clause} {'AND' if clause else 'WHERE'} {which}", [*params, middle]
    tally.add(store.rows(f"SELECT {_CALL}, status = 'error', duration_ms, rowid{columns} FROM spans {clause}", params))


def _batches(costs: Iterable[Cost]) -> Iterator[List[Cost]]:
    batch: List[Cost] = []
    for cost in costs:
        batch.append(cost)
        if len(batch) == _WRITE_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class Tally:
    """Sums by key, as :class:`peekr.spending.SpendTally` makes them of spans.

    One loop with few calls: it runs for each of a million rows.
    """

    def __init__(self, by: Sequence[str], top: bool) -> None:
        self._key = _key_of(by)
        self._top = top
        self._found: Dict[Key, List[Any]] = {}
        self.spans = self.errors = 0
        self.costs, self.durations, self.rowids = array("d"), array("d"), array("q")

    def add(self, rows: Iterable[Tuple[Any, ...]]) -> None:
        """Count rows of :data:`_CALL`, whether it failed, its duration, its rowid, and the columns of the key."""
        found, key_of, top = self._found, self._key, self._top
        spans = errors = 0
        for row in rows:
            spans += 1
            errors += row[1]
            if row[0] is None:
                continue
            try:
                call = _decode(row[0])
            except (msgspec.DecodeError, UnicodeDecodeError):
                call = _read_anything(row[0])
            if call.billed is False:
                continue
            key = key_of(call, row)
            total = found.get(key)
            if total is None:
                total = found[key] = [0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0]
            cost, duration = call.cost_usd, row[2] or 0.0
            given, made = call.tokens_input, call.tokens_output
            total[0] += 1
            total[1] += row[1]
            if cost is not None:
                total[8] += cost
                total[9] += 1
            elif given is not None or made is not None:
                total[2] += 1
            total[3] += given or 0
            total[4] += made or 0
            total[5] += call.tokens_total or 0
            total[6] += call.tokens_cached or 0
            total[7] += duration
            if top:
                self.costs.append(cost or 0.0)
                self.durations.append(duration)
                self.rowids.append(row[3])
        self.spans += spans
        self.errors += errors

    def parts(self) -> Tuple[Any, ...]:
        """Return everything as plain values, for :meth:`absorb`."""
        return self._found, self.spans, self.errors, self.costs, self.durations, self.rowids

    def absorb(self, parts: Tuple[Any, ...]) -> None:
        """Add the parts of another tally."""
        found, spans, errors, costs, durations, rowids = parts
        for key, total in found.items():
            known = self._found.get(key)
            self._found[key] = total if known is None else [a + b for a, b in zip(known, total)]
        self.spans += spans
        self.errors += errors
        self.costs.extend(costs)
        self.durations.extend(durations)
        self.rowids.extend(rowids)

    def sums(self) -> Iterator[UsageSum]:
        """Yield the sums."""
        for key, total in self._found.items():
            calls, errors, unpriced, given, made, both, cached = (int(value) for value in total[:7])
            cost = total[8] if total[9] else None
            yield UsageSum(key, calls, errors, unpriced, given, made, both, cached, total[7], cost)


def _key_of(by: Sequence[str]) -> Callable[[_Call, Tuple[Any, ...]], Key]:
    """Return what makes the key of a row."""
    if not by:
        return lambda call, row: ()
    parts = [_part(name, place) for place, name in enumerate(by, 4)]
    if len(parts) == 1:
        only = parts[0]
        return lambda call, row: (only(call, row),)
    if len(parts) == 2:
        first, second = parts
        return lambda call, row: (first(call, row), second(call, row))
    return lambda call, row: tuple([part(call, row) for part in parts])


def _part(name: str, place: int) -> Callable[[_Call, Tuple[Any, ...]], Optional[str]]:
    if name == "day":
        days: Dict[float, str] = {}

        def day(_: _Call, row: Tuple[Any, ...]) -> str:
            quarter = row[place] // _QUARTER_S
            known = days.get(quarter)
            if known is None:
                known = days[quarter] = local_day(row[place])
            return known

        return day
    if name in _COLUMNS:
        return lambda call, row: row[place]
    return {
        "model": lambda call, row: call.model,
        "provider": lambda call, row: call.provider,
        "feature": lambda call, row: call.feature,
    }[name]
