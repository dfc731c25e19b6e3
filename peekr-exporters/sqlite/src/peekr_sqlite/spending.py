"""What model calls took and cost: rows read as bytes, decoded and added up without making spans of them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Sequence, Tuple

from peekr.errors import StoreError
from peekr.runs import BILLED_KINDS
from peekr.secondcore import WORTH_IT, Worker
from peekr.selection import Selection
from peekr.spending import (
    EVERYTHING,
    CallCost,
    Cost,
    Spending,
    by_cost,
    check_dimensions,
    hottest,
)
from peekr.sqlquery import as_store_error
from peekr_sqlite.halves import start_half
from peekr_sqlite.tally import COLUMNS, Tally, read_call

#: The attributes of a model call that has ended; NULL for every other span.
_CALL = (
    f"CASE WHEN kind IN ({', '.join(repr(kind) for kind in sorted(BILLED_KINDS))}) AND end_time IS NOT NULL"
    " THEN CAST(attributes AS BLOB) END"
)
#: Bytes of a database that are read from the system's own pages.
_MAPPED = 1 << 36
#: The part of the rows for the process that is there already; the other one has to start first.
_OWN_PART = 0.53
_WRITE_BATCH = 1000


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
        tally = Tally(by, top)
        first, last = next(iter(list(self.rows("SELECT MIN(rowid), MAX(rowid) FROM spans"))))
        middle = (first or 0) + int(((last or 0) - (first or 0)) * _OWN_PART)
        half = None
        if (last or 0) - (first or 0) >= WORTH_IT:
            half = start_half(self.target, by, selection, top, middle)
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
        call = read_call(attributes or b"")
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

    columns = "".join(f", {COLUMNS[name]}" for name in by if name in COLUMNS)
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
