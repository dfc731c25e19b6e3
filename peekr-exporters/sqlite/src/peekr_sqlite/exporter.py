"""Writing spans into a database, and into it again when they change: open runs, late scores."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union

from peekr import sql
from peekr.errors import ConfigurationError, StoreError
from peekr.paths import writable_path
from peekr.sealed_spans import SpanSealer
from peekr.sealing import Key, Sealer
from peekr.spans import Span
from peekr.sqlquery import as_store_error, connect, is_sqlite, query
from peekr_sqlite.writing import PATIENCE_S, Patience, Writer, is_busy

if TYPE_CHECKING:
    from peekr.config import Config

#: Seconds that os.fork() waits for a batch that is being written.
_FORK_PATIENCE_S = 2.0
#: Seconds that a program waits at its start to have a look into its database.
_CHECK_PATIENCE_S = 0.25
_LAST_TOKEN = (
    "SELECT payload FROM spans WHERE rowid > (SELECT MAX(rowid) FROM spans) - 10000"
    " AND CAST(payload AS TEXT) LIKE 'gAAAAA%.%' ORDER BY rowid DESC LIMIT 1"
)


class SQLiteExporter:
    """Writes each span as a row of the table ``spans`` (contract SQLITE-1 to SQLITE-10), upserted by span_id.

    Any number of processes may write to one file at once; a batch waits up to 30 seconds for the others. A file of
    an older version is brought up to date, one that was deleted is made anew. The connection is opened with the first
    batch, in the thread that writes it, and closed around ``os.fork()``.

    With encryption, what was said in a span is in its ``payload`` only, as a Fernet token; what the span is (names,
    ids, times, model, tokens, scores, status) stays in the columns and in ``attributes``.

    :param path: the database; made with the first span or :meth:`flush`. Its directory must exist.
    :param compression_enabled: compress payloads with gzip; short ones stay as they are.
    :param compression_level: 1 (fast) to 9 (small).
    :param encryption_enabled: encrypt payloads; needs ``pip install 'peekr-core[encryption]'``.
    :param encryption_key: a Fernet key or a passphrase; ``TRACE_ENCRYPTION_KEY`` by default.
    :raises ConfigurationError: if it could not be written, is no database of spans, or encryption has no key.
    """

    supports_update = True
    #: A transaction writes each changed page of every index once, however many of its rows are on it.
    max_batch = 8192

    def __init__(
        self,
        path: Union[str, os.PathLike[str]] = "traces.db",
        *,
        compression_enabled: bool = False,
        compression_level: int = 6,
        encryption_enabled: bool = False,
        encryption_key: Optional[Key] = None,
    ) -> None:
        self._sealing = SpanSealer(Sealer(compression_enabled, compression_level, encryption_enabled, encryption_key))
        self.path = _checked(path)
        self._lock = threading.Lock()
        self._writer: Optional[Writer] = None
        self._closed = self._used = False
        _exporters.add(self)

    @classmethod
    def from_config(cls, config: Config) -> SQLiteExporter:
        """Build the exporter that :func:`peekr.instrument` asks for."""
        return cls(**{**config.sealing_options(), **config.options("sqlite")})

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Insert or update the spans in one transaction; a run that is still open has no ``end_time``.

        :raises sqlite3.Error: if they could not be written; then none of them was.
        """
        rows = [sql.row(span) for span in self._sealing.sealed(spans, self._token_in_file)]
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the exporter to {self.path} was shut down; no more spans can be written")
            if rows:
                self._write(rows)

    def query(self, statement: str, params: Union[Sequence[Any], Mapping[str, Any]] = ()) -> List[Dict[str, Any]]:
        """Run one SQL statement that reads, and return its rows as dicts. Call :func:`peekr.flush` first to see all.

        :raises StoreError: if the statement is wrong or would write.
        """
        with self._lock, as_store_error(self.path):
            if not self._closed:
                self._open()
        return query(self.path, statement, params)

    def flush(self) -> None:
        """Make the database if there was no span yet, so that it can be asked; a batch is committed as it comes."""
        with self._lock:
            if not self._closed:
                self._make()

    def shutdown(self) -> None:
        """Close the database; may be called twice."""
        with self._lock:
            if not self._closed:
                self._make()
            self._closed = True
            self._close()

    def after_fork_in_child(self) -> None:
        """Nothing is left to do: see :func:`_before_fork`."""

    def _token_in_file(self) -> Any:
        """Return a payload that other processes encrypted, or None."""
        if not os.path.exists(self.path) or not os.path.getsize(self.path):
            return None
        found = query(self.path, _LAST_TOKEN)
        return found[0]["payload"] if found else None

    # -- the connection ---------------------------------------------------------------------------------------

    def _make(self) -> None:
        """Nobody misses a database that cannot be made while there is nothing to write."""
        if self._used or os.path.exists(self.path):
            return
        try:
            self._open()
        except (OSError, sqlite3.Error):
            pass

    def _write(self, rows: Sequence[sql.Row]) -> None:
        patience = Patience(PATIENCE_S)
        while True:
            try:
                self._open().write(rows)
                return
            except sqlite3.Error as error:
                if not is_busy(error):
                    self._close()  # what is wrong with the file may be gone when it is opened again
                    raise
                if patience.is_over():
                    raise
            patience.pause()

    def _open(self) -> Writer:
        if self._writer is not None and not self._writer.is_in_place():
            self._close()
        if self._writer is None:
            self._writer = Writer(self.path)
            self._used = True
        return self._writer

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _checked(path: Any) -> str:
    if path == ":memory:":
        raise ConfigurationError("db_path=':memory:' could be read by nobody else.\nGive the path of a file")
    if sqlite3.sqlite_version_info < (3, 24):
        raise ConfigurationError(
            f"SQLite {sqlite3.sqlite_version} is too old to update rows in place.\n"
            "Use a Python that brings SQLite 3.24 or newer"
        )
    target = writable_path(path, "db_path")
    try:
        if os.path.exists(target) and os.path.getsize(target):
            _check_content(target)
    except (OSError, StoreError) as error:
        raise ConfigurationError(f"db_path: {error}") from error
    return target


def _check_content(target: str) -> None:
    if not is_sqlite(target):
        raise StoreError(f"{target} is no SQLite database.\nGive another path; spans are never written over other data")
    try:
        connect(target, any_tables=True, busy_s=_CHECK_PATIENCE_S).close()
    except StoreError as error:
        cause = error.__cause__
        if not isinstance(cause, sqlite3.Error) or not is_busy(cause):
            raise  # a locked one is another program's turn: the first batch waits for its own


# -- fork -------------------------------------------------------------------------------------------------------------
#
# A connection must not be carried through fork(): the child would believe in locks that it does not hold, and a
# parent that ends first would delete the log under it (sqlite.org/howtocorrupt.html, 2.6). So it is closed before.

_exporters: weakref.WeakSet[SQLiteExporter] = weakref.WeakSet()
_held: List[SQLiteExporter] = []
#: What was in use at the moment of a fork; kept until the child ends, since closing it touches the parent's locks.
_abandoned: List[Writer] = []


def _before_fork() -> None:
    for exporter in list(_exporters):
        if exporter._lock.acquire(timeout=_FORK_PATIENCE_S):
            _held.append(exporter)
            try:
                exporter._close()
            except sqlite3.Error:  # fork() goes on; the next batch meets the error again, and is counted
                pass


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop()._lock.release()


def _after_fork_in_child() -> None:
    _held.clear()
    for exporter in list(_exporters):
        exporter._lock = threading.Lock()
        if exporter._writer is not None:
            _abandoned.append(exporter._writer)
            exporter._writer = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
