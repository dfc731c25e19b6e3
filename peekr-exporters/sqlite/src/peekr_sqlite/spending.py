"""What model calls took and cost: rows read as bytes, decoded and added up without making spans of them."""

from __future__ import annotations

import sqlite3
from array import array
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import msgspec

from peekr.errors import StoreError
from peekr.runs import BILLED_KINDS, number_of
from peekr.secondcore import WORTH_IT, Worker
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
from peekr_sqlite.halves import start_half

Number = Union[int, float, None]
_NUMBERS = ("tokens_input", "tokens_output", "tokens_total", "tokens_cached", "cost_usd")
#: The attributes of a model call that has ended; NULL for every other span.
_CALL = (
    f"CASE WHEN kind IN ({', '.join(repr(kind) for kind in sorted(BILLED_KINDS))}) AND end_time IS NOT NULL"
    " THEN CAST(attributes AS BLOB) END"
)
#: Time zones differ by quarters of an hour: within one, all moments are of one day.
_QUARTER_S = 900
#: Dimension → the column that holds it. The others are attributes.
_COLUMNS = {
    "tenant": "tenant_id",
    "user": "user_id",
    "session": "session_id",
    "day": f"CAST(start_time / {_QUARTER_S} AS INTEGER)",
    "operation": "name",
}
#: Bytes of a database that are read from the system's own pages.
_MAPPED = 1 << 36
#: The part of the rows for the process that is there already; the other one has to start first.
_OWN_PART = 0.53
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
        def _connected(self) -> sqlite3.Connection: ...
        def close(self) -> None: ...

    def spending(self, by: Sequence[str] = ("model",), selection: Selection = EVERYTHING, top: int = 0) -> Spending:
        """Add up the calls; see :meth:`peekr.spending.SpendReader.spending`."""
        check_dimensions(by)
        tally = Tally(by, bool(top))
        first, last = next(iter(list(self.rows("SELECT MIN(rowid), MAX(rowid) FROM spans"))))
        middle = (first or 0) + int(((last or 0) - (first or 0)) * _OWN_PART)
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

    def _add_both(self, half: Worker, tally: Tally, by: Sequence[str], selection: Selection, middle: int) -> None:
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
                        "UPDATE spans SET attributes = CASE WHEN :cost IS NULL"
                        " THEN json_remove(attributes, '$.cost_usd')"
                        " ELSE json_set(attributes, '$.cost_usd', :cost) END"
                        " WHERE span_id = :span_id AND json_valid(attributes)",
                        [{"span_id": span_id, "cost": cost} for span_id, cost in batch],
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

    columns = "".join(f", {_COLUMNS[name]}" for name in by if name in _COLUMNS)
    clause, params = where(selection)
    if which:
        clause, params = f"{clause} {'AND' if clause else 'WHERE'} {which}", [*params, middle]
    statement = f"SELECT {_CALL}, status = 'error', duration_ms, rowid{columns} FROM spans {clause}"
    with as_store_error(store.target):
        connection = store._connected()
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")  # a scan is a fifth faster without copying each page
        try:
            tally.add(connection.execute(statement, params))
        finally:
            connection.execute("PRAGMA mmap_size = 0")


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

    One loop with few calls: it runs for each of a million rows. Until :meth:`sums`, keys are raw: the columns as they
    were read, and what the attributes have.
    """

    def __init__(self, by: Sequence[str], top: bool) -> None:
        self._by = tuple(by)
        names = [name for name in by if name not in _COLUMNS]
        self._texts: Callable[[_Call], Any] = attrgetter(*names) if names else lambda _: None
        self._top = top
        self._found: Dict[Any, List[Any]] = {}
        self.spans = self.errors = 0
        self.costs, self.durations, self.rowids = array("d"), array("d"), array("q")

    def add(self, rows: Iterable[Tuple[Any, ...]]) -> None:
        """Count rows of :data:`_CALL`, whether it failed, its duration, its rowid, and the columns of the key."""
        found, texts, top, decode = self._found, self._texts, self._top, _decode
        costs, durations, rowids = self.costs.append, self.durations.append, self.rowids.append
        spans = errors = 0
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
            if top:
                costs(cost or 0.0)
                durations(duration or 0.0)
                rowids(row[3])
        self.spans += spans
        self.errors += errors

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
            value = next(of_columns if name in _COLUMNS else of_texts)
            key.append(local_day(value * _QUARTER_S) if name == "day" else value)
        return tuple(key)


def _merge(into: Dict[Any, List[Any]], sums: Iterable[Tuple[Any, List[Any]]]) -> None:
    for key, total in sums:
        known = into.get(key)
        into[key] = total if known is None else [a + b for a, b in zip(known, total)]
