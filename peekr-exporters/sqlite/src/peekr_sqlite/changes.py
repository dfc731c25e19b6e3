"""What is new in a database since the last look."""

from __future__ import annotations

import os
import sqlite3
from typing import Any, Iterator, List, Optional, Sequence, Set, Tuple

from peekr import sql
from peekr.errors import StoreError
from peekr.sealed_spans import Opener
from peekr.spans import Span
from peekr.sqlquery import as_store_error, connect

_COLUMNS = ", ".join(sql.COLUMNS)


class Changes:
    """Gives each span once, when it has ended; goes on with a new file when the database is replaced.

    :param from_start: begin with those that are there; else with those that are written, or end, from now on.
    :param opener: of what is encrypted.
    """

    def __init__(self, path: str, from_start: bool, opener: Opener) -> None:
        self._opener = opener
        self._connection: Optional[sqlite3.Connection] = None
        self._path = path
        self._identity: Optional[Tuple[int, int]] = None
        self._last = 0
        self._open_spans: Set[str] = set()
        if not from_start and self._connected():
            self._last = self._highest()
            self._open_spans = {row[0] for row in self._rows("SELECT span_id FROM spans WHERE end_time IS NULL")}

    def spans(self) -> Iterator[Span]:
        """Yield what came since the last call."""
        if not self._connected():
            return
        if self._open_spans:
            yield from self._ended_meanwhile()
        self._last = min(self._last, self._highest())  # rows at the end were deleted; their numbers are used again
        for rowid, *values in self._rows(
            f"SELECT rowid, {_COLUMNS} FROM spans WHERE rowid > ? ORDER BY rowid", (self._last,)
        ):
            self._last = rowid
            span = self._span(values)
            if span is None:
                continue
            if span.ended:
                yield span
            else:
                self._open_spans.add(span.span_id)

    def close(self) -> None:
        """Close the connection; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    __del__ = close  # an iterator that is never used up has no other end

    def _ended_meanwhile(self) -> Iterator[Span]:
        waiting = sorted(self._open_spans)
        for at in range(0, len(waiting), 500):
            some = waiting[at : at + 500]
            marks = ", ".join("?" * len(some))
            for values in self._rows(
                f"SELECT {_COLUMNS} FROM spans WHERE end_time IS NOT NULL AND span_id IN ({marks})", some
            ):
                span = self._span(values)
                if span is not None:
                    self._open_spans.discard(span.span_id)
                    yield span

    def _span(self, values: Sequence[Any]) -> Optional[Span]:
        try:
            return self._opener(sql.span_of(dict(zip(sql.COLUMNS, values))))
        except ValueError:
            return None

    def _highest(self) -> int:
        return int(self._rows("SELECT COALESCE(MAX(rowid), 0) FROM spans")[0][0])

    def _rows(self, statement: str, params: Sequence[Any] = ()) -> List[Tuple[Any, ...]]:
        assert self._connection is not None
        with as_store_error(self._path):
            return self._connection.execute(statement, params).fetchall()

    def _connected(self) -> bool:
        try:
            there = os.stat(self._path)
        except OSError:
            return False
        if self._connection is None or (there.st_dev, there.st_ino) != self._identity:
            if self._connection is not None:
                self.close()
                self._last = 0
                self._open_spans.clear()
            try:
                self._connection = connect(self._path)
            except StoreError:  # just being made
                return False
            self._identity = (there.st_dev, there.st_ino)
        return True
