"""Reading a database of spans, with SQL where that is faster than looking at every span."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from peekr import sql
from peekr.sealed_spans import Opener
from peekr.sealing import Key
from peekr.selection import Selection, mentions
from peekr.spans import Span
from peekr.sqlquery import EmptyDatabase, as_store_error, connect, is_sqlite, stand_in
from peekr.stores import ReadStore, poll
from peekr.summary import TraceSummary, TraceTally, fits
from peekr_sqlite.changes import Changes
from peekr_sqlite.run_queries import LIGHT, RunQueries
from peekr_sqlite.spending import SpendQueries
from peekr_sqlite.upkeep import UpkeepQueries

COLUMNS = ", ".join(sql.COLUMNS)
#: What is encrypted has to be opened to be searched.
_MENTIONS = (
    "WHERE name LIKE ? ESCAPE '~' OR attributes LIKE ? ESCAPE '~' OR CAST(substr(payload, 1, 6) AS TEXT) = 'gAAAAA'"
)
_LAST = "\U0010ffff"
_PLAIN_TEXT = re.compile(r"[ !#-\[\]-~]+")  # printable ASCII that JSON does not escape


class SQLiteStore(RunQueries, SpendQueries, UpkeepQueries, ReadStore):
    """The spans of an SQLite file, by their start. Opened read only; writers and readers do not wait for each other.

    Files of every older version can be read; they stay as they are. Rows may be plain, compressed and encrypted,
    side by side; those that cannot be decrypted are shown without their content.

    :param encryption_key: the only key to try; by default ``TRACE_ENCRYPTION_KEY``, the one of the configuration, and
        the one in a file beside the database.
    """

    @classmethod
    def recognises(cls, target: str) -> bool:
        """Whether it is an SQLite file, by its first bytes."""
        return "://" not in target and is_sqlite(target)

    def __init__(self, target: str, encryption_key: Optional[Key] = None) -> None:
        self._connection: Optional[sqlite3.Connection] = None
        self._unmade = False
        self.opener = Opener(str(target), encryption_key)
        super().__init__(target)
        self._connected()

    def _connected(self) -> sqlite3.Connection:
        if self._unmade:  # there may be tables now
            self.close()
        if self._connection is None:
            try:
                self._connection, self._unmade = connect(self.target), False
            except EmptyDatabase:
                self._connection, self._unmade = stand_in(), True
            # SQLite's own lower() and LIKE know the letters of ASCII only.
            self._connection.create_function("peekr_lower", 1, lambda text: str(text).lower(), deterministic=True)
        return self._connection

    def close(self) -> None:
        """Close the connection; the store opens it again if it is used again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    __del__ = close  # a store that is used without "with"

    # -- rows -------------------------------------------------------------------------------------------------

    def rows(self, statement: str, params: Sequence[Any] = ()) -> Iterator[Tuple[Any, ...]]:
        """Yield the rows of a statement as they are read."""
        with as_store_error(self.target):
            # Not "yield from": left early, it would close the cursor, which fails once the connection is closed.
            for values in self._connected().execute(statement, params):  # noqa: UP028
                yield values

    def row(self, statement: str, params: Sequence[Any] = ()) -> Tuple[Any, ...]:
        """Return the only row of a statement."""
        return next(iter(list(self.rows(statement, params))))

    def span_rows(self, rest: str, params: Sequence[Any] = (), columns: str = COLUMNS) -> Iterator[Span]:
        """Yield the spans that ``SELECT … FROM spans`` with this rest gives; count those that are none."""
        skipped = 0
        names = tuple(sql.COLUMNS)
        for values in self.rows(f"SELECT {columns} FROM spans {rest}", params):
            try:
                span = sql.span_of(dict(zip(names, values)))
            except ValueError:  # a row of another program
                skipped += 1
                continue
            yield self.opener(span)
        if skipped:
            self.note_skipped(skipped)

    # -- spans ------------------------------------------------------------------------------------------------

    def iter_spans(self) -> Iterator[Span]:
        """Yield every span by its start."""
        return self.span_rows("ORDER BY start_time, rowid")

    def select(self, selection: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[Span]:
        """Let SQL choose."""
        clause, params = where(selection)
        return self.span_rows(f"{clause} {_by_start(newest_first)}", params)

    def search(self, text: str, limit: Optional[int] = 100) -> Iterator[Span]:
        """Yield the spans whose name or attributes contain the text, in any case of letters; newest first."""
        needle, clause, params = text.lower(), "", []
        if _PLAIN_TEXT.fullmatch(text):
            pattern = "%" + re.sub(r"([%_~])", r"~\1", text) + "%"
            clause, params = _MENTIONS, [pattern, pattern]
        left = limit
        for span in self.span_rows(f"{clause} {_by_start(True)}", params):
            if left is not None and left <= 0:
                return
            if mentions(span, needle):
                yield span
                left = None if left is None else left - 1

    def ids_starting_with(self, prefix: str) -> Dict[str, str]:
        """Look the prefix up in the indices."""
        bounds = (prefix, prefix + _LAST)
        found = self.rows("SELECT DISTINCT trace_id, trace_id FROM spans WHERE trace_id BETWEEN ? AND ?", bounds)
        runs = self.rows("SELECT run_id, MIN(trace_id) FROM spans WHERE run_id BETWEEN ? AND ? GROUP BY run_id", bounds)
        return {**dict(runs), **dict(found)}

    # -- traces -----------------------------------------------------------------------------------------------

    def summaries(self, wanted: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[TraceSummary]:
        """Walk back by start time, as far as the newest ``limit`` traces can reach."""
        if newest_first and limit is not None:
            return iter(self._newest(wanted, limit))
        tallies: Dict[str, TraceTally] = {}
        for span in self.span_rows(_by_start(False), columns=LIGHT):
            tallies.setdefault(span.trace_id, TraceTally(span.trace_id)).add(span)
        kept = [summary for summary in (tally.summary() for tally in tallies.values()) if fits(summary, wanted)]
        return iter(sorted(kept, key=lambda each: each.start_time, reverse=newest_first))

    def _newest(self, wanted: Selection, limit: int) -> List[TraceSummary]:
        status = wanted.status if wanted.status == "error" else None
        some = Selection(
            tenant_id=wanted.tenant_id, user_id=wanted.user_id, session_id=wanted.session_id, status=status
        )
        clause, params = where(some)
        seen, kept = set(), []  # type: ignore[var-annotated]
        for trace_id, start in self.rows(f"SELECT trace_id, start_time FROM spans {clause} {_by_start(True)}", params):
            enough = len(kept) >= limit and sorted((each.start_time for each in kept), reverse=True)[limit - 1] >= start
            if enough or (wanted.since is not None and start < wanted.since):
                break  # every trace that was not met yet began before
            if trace_id not in seen:
                seen.add(trace_id)
                tally = TraceTally(trace_id)
                for span in self.span_rows("WHERE trace_id = ?", (trace_id,), LIGHT):
                    tally.add(span)
                if tally.span_count and fits(tally.summary(), wanted):
                    kept.append(tally.summary())
        return sorted(kept, key=lambda each: each.start_time, reverse=True)[:limit]

    def stats(self) -> Dict[str, Any]:
        """Count with SQL."""
        spans, traces, runs, errors, first, last = self.row(
            "SELECT COUNT(*), COUNT(DISTINCT trace_id), TOTAL(run_id = span_id), TOTAL(status = 'error'),"
            " MIN(start_time), MAX(start_time) FROM spans"
        )
        tokens, cost = self.row("SELECT TOTAL(tokens_total), SUM(cost_usd) FROM span_costs")
        return {
            "target": self.target,
            "spans": spans,
            "traces": traces,
            "runs": int(runs),
            "errors": int(errors),
            "tokens_total": int(tokens),
            "cost_usd": cost,
            "first": first,
            "last": last,
            "skipped": self.skipped,
            "size_bytes": self.size_bytes(),
        }

    def size_bytes(self) -> int:
        """Return the size of the database and of its write-ahead log."""
        log = self.target + "-wal"
        return super().size_bytes() + (os.path.getsize(log) if os.path.exists(log) else 0)

    # -- following --------------------------------------------------------------------------------------------

    def follow(
        self,
        *,
        from_start: bool = False,
        stop: Optional[threading.Event] = None,
        idle_s: Optional[float] = None,
        poll_s: float = 0.1,
    ) -> Iterator[Span]:
        """Yield spans as they are written; those of open runs when they end."""
        return poll(Changes(self.target, from_start, self.opener).spans, stop, idle_s, poll_s)


def _by_start(newest_first: bool) -> str:
    return "ORDER BY start_time DESC, rowid DESC" if newest_first else "ORDER BY start_time, rowid"


def where(selection: Selection) -> Tuple[str, List[Any]]:
    """Return a selection as a WHERE clause, with the values to bind."""
    conditions: List[str] = []
    params: List[Any] = []
    for field, value in selection.given():
        if field == "since":
            conditions.append("start_time >= ?")
        elif field == "until":
            conditions.append("start_time < ?")
        elif field == "name":
            conditions.append("(name = ? OR (name >= ? AND name < ?))")
            params += [value, value + "."]
            value = value + "/"  # the character behind the dot
        else:
            conditions.append(f"{field} = ?")
        params.append(value)
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), params
