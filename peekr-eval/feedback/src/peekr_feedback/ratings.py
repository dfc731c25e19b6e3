"""The table ``feedback``: one row for each rating of a trace (contract FEED-1, FEED-2, FEED-6)."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from time import time
from typing import Dict, List, Optional, Tuple, Union

import attrs

import peekr
from peekr.errors import AmbiguousId, StoreError, UnknownId
from peekr.process import current_config
from peekr.ratings import DEFAULT_DB, INDICES, TABLE, written_database
from peekr.sqlquery import as_store_error, is_sqlite

Path = Union[str, "os.PathLike[str]"]

RATINGS = ("good", "bad")
DEFAULT_JSONL = "traces.jsonl"
#: Seconds that a rating waits for somebody else's transaction.
BUSY_S = 10.0
_FULL_ID = 32


@attrs.frozen
class Rating:
    """One rating.

    :ivar rating: ``good`` or ``bad``.
    :ivar created_at: Unix seconds.
    """

    trace_id: str
    rating: str
    note: str
    created_at: float


def feedback(
    trace_id: str,
    rating: str,
    note: str = "",
    db_path: Optional[Path] = None,
    *,
    jsonl_path: Optional[Path] = None,
) -> str:
    """Store what somebody thinks of a trace. The latest rating of a trace counts.

    ::

        peekr.feedback(trace_id="4f3a91…", rating="good", note="perfect answer")

    :param trace_id: of a trace or run: all of it, or six or more characters where the trace is stored already.
    :param rating: ``"good"`` or ``"bad"``.
    :param note: why, in words.
    :param db_path: database of the ratings; that of :func:`peekr.instrument` by default, else ``traces.db``. A file
        of lines, which holds no ratings, is taken for ``jsonl_path``.
    :param jsonl_path: where the spans are, if neither in that database nor in the file that
        :func:`peekr.instrument` writes; used to find a shortened id.
    :return: the whole trace id.
    :raises ValueError: if the rating or an argument is no such thing.
    :raises StoreError: if a shortened id is unknown or fits several traces, or the database cannot be written.
    """
    if rating not in RATINGS:
        raise ValueError(f"rating must be 'good' or 'bad', got {rating!r}.")
    if not isinstance(trace_id, str) or not trace_id.strip():
        raise ValueError(f"trace_id must be the id of a trace, got {trace_id!r}.\nList them with: peekr traces --list")
    if not isinstance(note, str):
        raise ValueError(f"note must be text, got {note!r}.")
    db_path, jsonl_path = told_apart(db_path, jsonl_path)
    path = ratings_path(db_path)
    whole = _whole_id(trace_id.strip(), span_stores(db_path, jsonl_path))
    with as_store_error(path), closing(_writable(path)) as connection, connection:
        connection.execute(
            "INSERT INTO feedback (trace_id, rating, note, created_at) VALUES (?, ?, ?, ?)",
            (whole, rating, note, time()),
        )
    return whole


def ratings_path(db_path: Optional[Path]) -> str:
    """Return the database of the ratings: as given, else the one spans are written to, else ``traces.db``."""
    return written_database() if db_path is None else os.fspath(db_path)


def told_apart(db_path: Optional[Path], jsonl_path: Optional[Path]) -> Tuple[Optional[Path], Optional[Path]]:
    """Return the two paths, a file of lines that was given as the database as the second one."""
    if db_path is None or jsonl_path is not None:
        return db_path, jsonl_path
    path = os.fspath(db_path)
    if path.lower().endswith((".jsonl", ".ndjson")) or _is_lines(path):
        return None, _existing(path)
    return db_path, None


def _is_lines(path: str) -> bool:
    """Whether an installed store, other than that of databases, reads it."""
    if not os.path.isfile(path) or not os.path.getsize(path) or is_sqlite(path):
        return False
    return _has_spans(path)


def _existing(path: str) -> str:
    if not os.path.exists(path):
        raise StoreError(f"{path} does not exist, so there is nothing to rate.\nGive the file that the spans are in")
    return path


def span_stores(db_path: Optional[Path], jsonl_path: Optional[Path]) -> List[str]:
    """Return where the spans of rated traces are looked for, in order: as given, else where they are written to."""
    if jsonl_path is not None:
        return [os.fspath(jsonl_path)]
    stores = [ratings_path(db_path)]
    if db_path is None:
        config = current_config()
        if config is None or "jsonl" in config.storage:
            options = {} if config is None else config.options("jsonl")
            stores.append(str(options.get("path") or DEFAULT_JSONL))
    return [path for path in stores if os.path.exists(path) and (len(stores) == 1 or _has_spans(path))] or stores[:1]


def _has_spans(path: str) -> bool:
    """Whether it can be read as a store: a database may hold nothing but ratings."""
    try:
        with peekr.open_store(path):
            return True
    except StoreError:
        return False


def _whole_id(given: str, stores: List[str]) -> str:
    """A whole trace id may be rated before its spans are stored, or elsewhere; a shorter one has to be found."""
    for where in stores:
        if os.path.exists(where):
            try:
                with peekr.open_store(where) as store:
                    return store.locate(given)[1]
            except AmbiguousId:
                raise
            except StoreError as error:  # not there, or no store of spans
                if not isinstance(error, UnknownId) and len(given) < _FULL_ID:
                    raise
    if len(given) < _FULL_ID:
        raise UnknownId(
            f"no trace in {', '.join(stores)} begins with {given!r}.\n"
            "Give the whole trace_id, or the file with its spans: db_path=, jsonl_path= (--db, --jsonl)"
        )
    return given


def _writable(path: str) -> sqlite3.Connection:
    _check_database(path)
    connection = sqlite3.connect(path, timeout=BUSY_S)
    try:
        connection.execute(TABLE)
        for index in INDICES:
            connection.execute(index)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_database(path: str) -> None:
    if os.path.isdir(path):
        raise StoreError(
            f"{path} is a directory.\nGive the database in it, for instance {os.path.join(path, DEFAULT_DB)}"
        )
    if os.path.exists(path) and os.path.getsize(path) and not is_sqlite(path):
        raise StoreError(
            f"{path} is no SQLite database, so no rating can be kept in it.\n"
            "Give a database as db_path=, and a file of JSON lines as jsonl_path="
        )


def latest_ratings(db_path: Path = DEFAULT_DB, rating: Optional[str] = None) -> List[Rating]:
    """Return the rating that counts for each trace, the oldest first.

    :param rating: ``good`` or ``bad``: only those.
    :raises StoreError: if there is no such database, or it cannot be read.
    """
    path = os.fspath(db_path)
    if not os.path.exists(path):
        raise StoreError(f"{path} does not exist, so there are no ratings.\nRate a trace with: peekr feedback ID good")
    _check_database(path)
    with as_store_error(path), closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'feedback'").fetchone():
            return []
        rows = connection.execute("SELECT trace_id, rating, note, created_at FROM feedback ORDER BY id").fetchall()
    latest: Dict[str, Rating] = {}
    for trace_id, given, note, created_at in rows:
        latest.pop(trace_id, None)
        latest[trace_id] = Rating(str(trace_id), str(given), str(note or ""), float(created_at or 0))
    return [each for each in latest.values() if rating is None or each.rating == rating]
