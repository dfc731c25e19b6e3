"""Where ratings of traces are kept: the table ``feedback`` of an SQLite database (contract FEED-2).

A file of lines holds none; those of its traces are in the database that is written to beside it, or ``traces.db``.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from peekr.errors import StoreError

if TYPE_CHECKING:
    from sqlite3 import Connection

DEFAULT_DB = "traces.db"
COLUMNS = ("id", "trace_id", "rating", "note", "created_at")
TABLE = """CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, rating TEXT NOT NULL, note TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL)"""
INDICES = tuple(
    f"CREATE INDEX IF NOT EXISTS feedback_{column} ON feedback({column})" for column in ("trace_id", "rating")
)
#: What stands for the table where nobody has rated anything.
NO_RATINGS = f"CREATE TEMP VIEW feedback AS SELECT {', '.join(f'NULL AS {name}' for name in COLUMNS)} WHERE 0"
_READ = f"SELECT {', '.join(COLUMNS[1:])} FROM feedback"


def written_database() -> str:
    """Return the database that spans are written to, else ``traces.db``."""
    process = sys.modules.get("peekr.process")  # a command that only reads need not import it
    config = None if process is None else process.current_config()
    if config is not None and "sqlite" in config.storage:
        return str(config.options("sqlite").get("path") or DEFAULT_DB)
    return DEFAULT_DB


def ratings_of(target: str, trace_id: Optional[str] = None) -> Dict[str, List[Dict[str, Any]]]:
    """Return the ratings of a store's traces by trace_id, the oldest first.

    :param trace_id: only those of this trace.
    """
    out: Dict[str, List[Dict[str, Any]]] = {}
    for row in _rows(target, trace_id):
        out.setdefault(row["trace_id"], []).append(row)
    return out


def databases_of(target: str) -> List[str]:
    """Return the databases that may hold ratings of a store's traces: itself, or those beside a file of lines."""
    from peekr.sqlquery import is_sqlite

    if is_sqlite(target):
        return [target]
    beside = [written_database(), os.path.join(os.path.dirname(target), DEFAULT_DB), DEFAULT_DB]
    distinct = {os.path.realpath(path): path for path in reversed(beside)}
    return [path for path in reversed(list(distinct.values())) if is_sqlite(path)]


def copy_ratings(target: str, connection: Connection) -> None:
    """Make the table in another database, with the ratings of the traces that it holds."""
    connection.execute(TABLE)
    rows = list(_rows(target))
    held = {each for (each,) in connection.execute("SELECT DISTINCT trace_id FROM spans")} if rows else set()
    connection.executemany(
        "INSERT INTO feedback (trace_id, rating, note, created_at) VALUES (:trace_id, :rating, :note, :created_at)",
        [row for row in rows if row["trace_id"] in held],
    )


def _rows(target: str, trace_id: Optional[str] = None) -> Iterator[Dict[str, Any]]:
    from peekr.sqlquery import query

    chosen: str
    params: Tuple[str, ...]
    chosen, params = ("", ()) if trace_id is None else (" WHERE trace_id = ?", (trace_id,))
    for database in databases_of(target):
        try:
            yield from query(database, f"{_READ}{chosen} ORDER BY id", params)
        except StoreError:  # damaged, or locked for long: its ratings are left out, and not the spans
            continue
