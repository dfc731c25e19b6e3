"""What ``peekr import`` reads: stores of every age, documents of ``peekr export``, Agent Inspector's databases."""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
from contextlib import closing
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from peekr import Span
from peekr.errors import StoreError

logger = logging.getLogger("peekr")

_DOCUMENT = re.compile(rb'\s*\{\s*"(runs|run|id|total)"\s*:')
_HEAD = 4096
#: A document is read whole where it is no document of ours, with a run on each line.
_LONGEST = 512 * 1024 * 1024

#: A span and the ratings that come with it; one of both may be missing.
Item = Tuple[Optional[Span], List[Mapping[str, Any]]]


class Source:
    """Anything with spans in it.

    :ivar total: how many spans, where that is known beforehand.
    :ivar skipped: records that hold no span.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.total: Optional[int] = None
        self.skipped = 0

    def items(self) -> Iterator[Item]:
        """Yield what is there, in constant memory."""
        raise NotImplementedError

    def _span(self, record: Any) -> Optional[Span]:
        try:
            return Span.from_dict(record)
        except Exception:  # no span, whatever is wrong with it
            self.skipped += 1
            return None


def source_of(path: str) -> Source:
    """Return the source for a file or address.

    :raises StoreError: if it is none that can be read.
    """
    from peekr.sqlquery import is_sqlite

    if os.path.isfile(path):
        if is_sqlite(path):
            return Inspector(path) if _is_inspector(path) else Store(path)
        with open(path, "rb") as file:
            if _DOCUMENT.match(file.read(_HEAD)):
                return Exported(path)
    from peekr import open_store

    with open_store(path):  # what is no store is refused before there is a database to write to
        return Store(path)


class Store(Source):
    """A store that an installed plugin reads."""

    def items(self) -> Iterator[Item]:
        """Yield every span, then the ratings."""
        from peekr import open_store

        with open_store(self.path) as store:
            for span in store.iter_spans():
                yield span, []
            self.skipped = store.skipped
        for rating in _ratings(self.path):
            yield None, [rating]


def _ratings(path: str) -> List[Dict[str, Any]]:
    from peekr.sqlquery import is_sqlite, query

    if not is_sqlite(path):
        return []
    try:
        return query(path, "SELECT trace_id, rating, note, created_at FROM feedback ORDER BY id")
    except StoreError:  # nobody has rated anything
        return []


class Exported(Source):
    """A document of ``peekr export``: one run, or all with one on each line."""

    def items(self) -> Iterator[Item]:
        """Yield the spans of each run, and its ratings."""
        for document in self._documents():
            if not isinstance(document, dict) or not isinstance(document.get("spans"), list):
                raise StoreError(
                    f"{self.path} holds runs without their spans, so they cannot be loaded.\n"
                    "Write it with: peekr export --all --output FILE"
                )
            for record in document["spans"]:
                yield self._span(record), []
            ratings = document.get("feedback")
            if isinstance(ratings, list):
                yield None, [rating for rating in ratings if isinstance(rating, dict)]

    def _documents(self) -> Iterator[Any]:
        with open(self.path, encoding="utf-8") as file:
            first = file.readline()
            if first.strip() == '{"runs": [':
                yield from self._lines(file)
                return
        if os.path.getsize(self.path) > _LONGEST:
            raise StoreError(
                f"{self.path} is too large to be read at once.\nExport it as lines: peekr export --format jsonl"
            )
        whole = self._whole()
        runs, loose = whole.get("runs"), whole.get("loose")
        yield from runs if isinstance(runs, list) else [whole]
        yield from loose if isinstance(loose, list) else []

    def _lines(self, file: Any) -> Iterator[Any]:
        for line in file:
            text = line.strip().rstrip(",")
            if text.startswith("]"):
                if text.endswith('"loose": ['):  # spans of no run follow
                    continue
                return
            try:
                yield json.loads(text)
            except ValueError as error:
                raise StoreError(f"{self.path} is damaged: {error}.\nExport it once more with: peekr export") from None
        raise StoreError(
            f"{self.path} ends early: it was not written to its end.\nExport it once more with: peekr export"
        )

    def _whole(self) -> Dict[str, Any]:
        try:
            with open(self.path, encoding="utf-8") as file:
                whole = json.load(file)
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{self.path} is no JSON: {error}.\nExport it once more with: peekr export") from None
        return whole if isinstance(whole, dict) else {}


# -- Agent Inspector --------------------------------------------------------------------------------------------------

_RUN = ("id", "name", "status", "started_at", "completed_at", "duration_ms", "agent_type", "user_id", "session_id")
_STEP = ("id", "run_id", "timestamp", "type", "name", "status", "duration_ms", "data", "parent_event_id")
_RUN_EVENTS = ("run_start", "run_end")


def _is_inspector(path: str) -> bool:
    from peekr.sqlquery import as_store_error

    with as_store_error(path), closing(_connected(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {"runs", "steps"} <= tables and "spans" not in tables


def _connected(path: str) -> sqlite3.Connection:
    from pathlib import Path

    return sqlite3.connect(Path(os.path.abspath(path)).as_uri() + "?mode=ro", uri=True, timeout=10)


class Inspector(Source):
    """A database of Agent Inspector: the tables ``runs`` and ``steps``; times in milliseconds, data as JSON, plain,
    compressed or encrypted.
    """

    def items(self) -> Iterator[Item]:
        """Yield a span for each run and step."""
        from peekr.eventspans import span_of_event
        from peekr.sealed_spans import keys_for
        from peekr.sealing import Unsealer
        from peekr.sqlquery import as_store_error

        self._unsealer = Unsealer(lambda: keys_for(self.path))
        with as_store_error(self.path), closing(_connected(self.path)) as connection:
            for event in self._events(connection):
                try:
                    span = span_of_event(event)
                except Exception:
                    self.skipped += 1
                    continue
                yield span, []

    def _events(self, connection: sqlite3.Connection) -> Iterator[Dict[str, Any]]:
        for row in _rows(connection, "runs", _RUN, "started_at"):
            yield _run_event(row)
        for row in _rows(connection, "steps", _STEP, "timestamp"):
            if row["type"] not in _RUN_EVENTS:  # a run's row says it already
                yield self._step_event(row)

    def _step_event(self, row: Dict[str, Any]) -> Dict[str, Any]:
        data = self._decoded(row["data"])
        known = data if isinstance(data, dict) else {} if data is None else {"output": data}
        event = {**known, **{name: row[name] for name in ("run_id", "type", "name", "status", "duration_ms")}}
        return {
            **event,
            "event_id": row["id"],
            "timestamp_ms": row["timestamp"],
            "parent_event_id": row["parent_event_id"],
        }

    def _decoded(self, data: Any) -> Any:
        if isinstance(data, str):
            data = data.encode()
        if not data:
            return None
        try:
            from peekr.sealing import is_sealed

            return json.loads(self._unsealer.unseal(data) if is_sealed(data) else data)
        except Exception as error:  # another key, damage: the step is known, its content is not
            logger.debug("the data of a step cannot be read: %s", error)
            return None


def _run_event(row: Dict[str, Any]) -> Dict[str, Any]:
    event = {name: row[name] for name in ("name", "agent_type", "user_id", "session_id", "status")}
    event.update(run_id=row["id"], type="run_start", timestamp_ms=row["started_at"])
    if row["completed_at"] is not None:
        took = row["duration_ms"]
        took = row["completed_at"] - row["started_at"] if took is None else took
        event.update(type="run_end", timestamp_ms=row["started_at"] + took, duration_ms=took)
    return event


def _rows(connection: sqlite3.Connection, table: str, columns: Tuple[str, ...], order: str) -> Iterator[Dict[str, Any]]:
    present = {str(column[1]) for column in connection.execute(f"PRAGMA table_info({table})")}
    shown = ", ".join(name if name in present else f"NULL AS {name}" for name in columns)
    for values in connection.execute(f"SELECT {shown} FROM {table} ORDER BY {order}"):
        yield dict(zip(columns, values))
