"""One connection that writes batches of rows: in WAL mode, one transaction a batch, few and long statements."""

from __future__ import annotations

import os
import sqlite3
from time import monotonic, sleep
from typing import Dict, List, Optional, Sequence, Tuple

from peekr import sql
from peekr_sqlite.checkpoint import LAST_RESORT_PAGES, Checkpoint

#: Seconds that a batch waits, in all, for other writers.
PATIENCE_S = 30.0
#: Seconds of one attempt; short, because SQLite's own waiting cannot be interrupted.
_ATTEMPT_S = 5.0
#: Seconds that closing waits for the log to be moved.
_CHECKPOINT_PATIENCE_S = 2.0
_CACHE_KIB = 16 * 1024
#: Within a second ids are in no order, so that a batch changes many pages of an index: fewer and larger ones cost less.
_PAGE_SIZE = 8192
#: SQLite's limit on bound values: 999 before 3.32.
_MAX_VALUES = 32_766 if sqlite3.sqlite_version_info >= (3, 32) else 999

#: Rows a statement → the statement, the longest first. Each statement gives the interpreter lock away and has to get
#: it back, which costs up to 5 ms in a busy program; hence not one for each row. 1024 take a third less CPU than 256.
STATEMENTS: Dict[int, str] = {
    rows: sql.upsert(rows) for rows in (1024, 256, 64, 16, 4, 1) if rows * len(sql.COLUMNS) <= _MAX_VALUES
}

#: What binding a value that SQLite cannot hold raises, by version of Python.
_UNBINDABLE = (sqlite3.InterfaceError, sqlite3.ProgrammingError, UnicodeError, OverflowError, ValueError)


class Writer:
    """A database open for writing; made up to date when opened.

    :raises sqlite3.Error: if it cannot be opened.
    :raises ValueError: if its table ``spans`` is another program's.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection = sqlite3.connect(
            path, timeout=_ATTEMPT_S, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        self._is_new = False
        self._checkpoint = Checkpoint(path)
        try:
            self._prepare()
            self._identity = self._on_disk()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # of a new file; others keep theirs
        self._is_new = not os.path.getsize(self._path)
        if self._is_new:
            # Nothing can be lost yet, and waiting for a busy disk, the log's first page included, would hold up spans.
            execute("PRAGMA synchronous = OFF")
        execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        execute(f"PRAGMA wal_autocheckpoint = {LAST_RESORT_PAGES}")
        execute("PRAGMA journal_size_limit = 0")  # so that the size of the log's file tells how long the log is
        execute("BEGIN IMMEDIATE")
        try:
            sql.create(self._connection)
            execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        if not self._is_new:
            execute("PRAGMA synchronous = NORMAL")

    def write(self, rows: Sequence[sql.Row]) -> None:
        """Insert or update the rows, all or none."""
        try:
            self._transaction(rows)
        except _UNBINDABLE:
            self._transaction([sql.plain_row(row) for row in rows])
        if self._is_new:
            self._is_new = False
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._checkpoint.look(self._connection)

    def _transaction(self, rows: Sequence[sql.Row]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            at, count = 0, len(rows)
            for size, statement in STATEMENTS.items():
                while count - at >= size:
                    values: List[object] = []
                    for row in rows[at : at + size]:
                        values += row
                    execute(statement, values)
                    at += size
            execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def is_in_place(self) -> bool:
        """Whether the path still leads to the file that is open."""
        return self._identity is not None and self._on_disk() == self._identity

    def _on_disk(self) -> Optional[Tuple[int, int]]:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return None
        return there.st_dev, there.st_ino

    def close(self) -> None:
        """Close; SQLite tidies its log away if nobody else has the file open. May be called twice."""
        self._checkpoint.close(_CHECKPOINT_PATIENCE_S)
        self._connection.close()

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)  # there is none if it could not be opened
        if connection is not None:
            connection.close()


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection was in the way."""
    return isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error))


class Patience:
    """Bounds how long a batch is tried again."""

    def __init__(self, seconds: float) -> None:
        self._deadline = monotonic() + seconds
        self._pause = 0.005

    def is_over(self) -> bool:
        """Whether to give up."""
        return monotonic() >= self._deadline

    def pause(self) -> None:
        """Wait a little, longer each time."""
        sleep(self._pause)
        self._pause = min(self._pause * 2, 0.25)
