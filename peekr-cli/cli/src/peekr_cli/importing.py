"""Where ``peekr import`` writes: a database or a file of lines, each span once however often it is imported."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from itertools import islice
from types import TracebackType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Type

from peekr import Span
from peekr.errors import StoreError
from peekr.ratings import TABLE

_BATCH = 1000
_RATING = """INSERT INTO feedback (trace_id, rating, note, created_at)
    SELECT :trace_id, :rating, :note, :created_at WHERE NOT EXISTS
    (SELECT 1 FROM feedback WHERE trace_id = :trace_id AND rating = :rating AND note = :note
     AND created_at = :created_at)"""


def batches(spans: Iterable[Span], size: int = _BATCH) -> Iterator[List[Span]]:
    """Yield the spans in lists."""
    spans = iter(spans)
    while True:
        batch = list(islice(spans, size))
        if not batch:
            return
        yield batch


class Destination(ABC):
    """A store that is written to. Also a context manager, which closes it.

    :ivar added: spans that were not there before; ``known`` were.
    :ivar left_out: ratings that it has no place for.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.added = self.known = self.ratings = self.left_out = 0

    @abstractmethod
    def write(self, batch: Sequence[Span]) -> None:
        """Write spans; one that is there already is replaced, or left if it is the same."""

    def rate(self, ratings: Iterable[Mapping[str, Any]]) -> None:
        """Write ratings, each once; only a database holds any."""
        self.left_out += len({tuple(_rating(each).items()) for each in ratings})  # each run has those of its trace

    def create(self) -> None:  # noqa: B027
        """Make the store, so that it can be read where no span comes."""

    @abstractmethod
    def close(self) -> None:
        """Finish writing."""

    def __enter__(self) -> Destination:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


class Database(Destination):
    """An SQLite database, made if it is not there; compressed and encrypted as the configuration says."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        from peekr import TraceConfig
        from peekr.storage import open_database

        self._exporter = open_database(TraceConfig(db_path=path))

    def create(self) -> None:
        """Make the file, so that it can be read where no span comes."""
        self._exporter.query("SELECT 1")

    def write(self, batch: Sequence[Span]) -> None:
        """Insert or update."""
        before = self._count()
        self._exporter.export_batch(batch)
        added = self._count() - before
        self.added += added
        self.known += len(batch) - added

    def _count(self) -> int:
        return int(self._exporter.query("SELECT COUNT(*) AS n FROM spans")[0]["n"])

    def rate(self, ratings: Iterable[Mapping[str, Any]]) -> None:
        """Add what is not there."""
        rows = [_rating(each) for each in ratings]
        if not rows:
            return
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute(TABLE)
            for row in rows:
                self.ratings += connection.execute(_RATING, row).rowcount

    def close(self) -> None:
        """Close the database."""
        self._exporter.shutdown()


def _rating(given: Mapping[str, Any]) -> Dict[str, Any]:
    try:
        when = float(given.get("created_at") or 0)
    except (TypeError, ValueError):
        when = 0.0
    texts = {name: str(given.get(name) or "") for name in ("trace_id", "rating", "note")}
    return {**texts, "created_at": when}


class Lines(Destination):
    """A file of JSON lines, encrypted as the configuration says. Spans that it holds as they are stay as they are.

    What it holds is kept in a temporary database, so that memory does not grow with the file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        from peekr import TraceConfig
        from peekr.storage import open_lines

        self._exporter = open_lines(path, TraceConfig())
        self._held = sqlite3.connect("", isolation_level=None)
        self._held.execute("CREATE TABLE held (id TEXT PRIMARY KEY, hash BLOB) WITHOUT ROWID")
        self._held.execute("BEGIN")
        if os.path.exists(path) and os.path.getsize(path):
            self._look(path)

    def _look(self, path: str) -> None:
        from peekr import open_store

        with open_store(path) as store:
            for span in store.iter_spans():
                self._hold(span)

    def _hold(self, span: Span) -> Optional[bool]:
        """Note a span; return whether it was there as it is, None if it was not there at all."""
        digest = hashlib.blake2b(repr(sorted(_flat(span.to_dict()).items())).encode(), digest_size=16).digest()
        row = self._held.execute("SELECT hash FROM held WHERE id = ?", (span.span_id,)).fetchone()
        if row is not None and row[0] == digest:
            return True
        self._held.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (span.span_id, digest))
        return None if row is None else False

    def write(self, batch: Sequence[Span]) -> None:
        """Append what is new or changed; of a span_id that stands there twice the last line counts."""
        fresh = []
        for span in batch:
            if not span.ended:  # a file holds what has ended
                continue
            there = self._hold(span)
            self.added += there is None
            self.known += there is not None
            if not there:
                fresh.append(span)
        if fresh:
            self._exporter.export_batch(fresh)

    def close(self) -> None:
        """Close the file."""
        self._exporter.shutdown()
        self._held.close()


def _flat(record: Dict[str, Any]) -> Dict[str, Any]:
    """A record in which equal contents look alike, whatever the order of their keys."""
    from peekr.wire import decode, encode

    return {key: encode(_ordered(decode(encode(value)))) for key, value in record.items()}


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def destination(path: str) -> Destination:
    """Return what a path stands for: a file of lines by its name or content, else a database."""
    from peekr.sqlquery import is_sqlite

    if os.path.isdir(path):
        raise StoreError(f"{path} is a directory.\nGive a file in it")
    if is_sqlite(path):
        return Database(path)
    return Lines(path) if path.lower().endswith((".jsonl", ".ndjson")) else Database(path)
