"""SQL over any store: :func:`query`, and read-only connections to SQLite files of every age."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Sequence, Union

from peekr import ratings, sql
from peekr.errors import StoreError

if TYPE_CHECKING:
    from sqlite3 import Connection

MAGIC = b"SQLite format 3\0"
#: Seconds that a reader waits for a locked file.
BUSY_S = 5.0
_LOAD_BATCH = 1000


def _attribute(name: str) -> str:
    """An attribute; NULL in a row whose attributes are no JSON."""
    return f"CASE WHEN json_valid(s.attributes) THEN json_extract(s.attributes, '$.{name}') END"


#: What stands for a column that an older file does not have.
_STAND_INS = {
    "user_id": _attribute("user_id"),
    "session_id": _attribute("session_id"),
    "run_id": f"COALESCE({_attribute('run_id')}, (SELECT r.span_id FROM main.spans r"
    " WHERE r.trace_id = s.trace_id AND r.parent_id IS NULL), s.span_id)",
    "kind": f"COALESCE({_attribute('kind')}, CASE"
    f" WHEN {_attribute('model')} IS NOT NULL"
    " THEN CASE WHEN instr(s.name, 'embed') THEN 'embedding' ELSE 'llm' END"
    " WHEN substr(s.name, 1, 5) = 'tool.' THEN 'tool' ELSE 'function' END)",
    "status": "'ok'",
}


def is_sqlite(target: str) -> bool:
    """Whether the path is an SQLite file, by its first bytes, or because some program is connected to it.

    One that is in use is not opened: when a process closes a file, it loses the locks that SQLite holds on it, and
    another process may then delete the write-ahead log that this one is still writing ("How To Corrupt", 2.2).
    """
    if os.path.exists(f"{target}-shm"):
        return True
    try:
        with open(target, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


class EmptyDatabase(StoreError):
    """An SQLite file without any table: the program that makes it was killed in that moment, or is at it.

    One that holds nothing but ratings, of traces that are in a file of lines, is empty too.
    """


@contextmanager
def as_store_error(target: str) -> Iterator[None]:
    """Turn what sqlite3 raises into StoreErrors that say what to do."""
    import sqlite3

    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise StoreError(_explained(target, error)) from error


def _explained(target: str, error: Exception) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"{target} is locked by another program ({text}).\nTry again when it has finished writing"
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return f"{target} is damaged ({text}).\nRepair what can be saved with: sqlite3 {target} .recover"
    if "unable to open" in text:
        return f"{target} cannot be opened ({text}).\nCheck that the file and its directory may be read"
    return f"{target}: {text}"


def connect(target: str, any_tables: bool = False, busy_s: float = BUSY_S) -> Connection:
    """Open an SQLite file for reading only; works beside writers, and in a directory that cannot be written.

    A file of an older version gets temporary views, seen by this connection alone, in place of what it lacks.

    :param any_tables: whether a database without a table ``spans`` will do.
    :param busy_s: seconds to wait while another program has it locked.
    :raises StoreError: if it is no SQLite file, is damaged, locked, or has no table ``spans``.
    :raises EmptyDatabase: (a StoreError) if it has no table at all.
    """
    with as_store_error(target):
        connection = _opened(target, busy_s)
        try:
            if not (any_tables and not sql.columns_of(connection)):
                _complete(connection, target)
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection


def _opened(target: str, busy_s: float) -> Connection:
    import sqlite3

    address = Path(os.path.abspath(target)).as_uri()
    failure: Exception
    # A WAL file in a read-only directory cannot have its index; "immutable" does without, blind to the -wal file.
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"{address}?{mode}", uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            return connection
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
            if "locked" in str(error):
                break
        except BaseException:
            connection.close()
            raise
    raise failure


def stand_in() -> Connection:
    """Return a database in memory that has the tables and no span."""
    import sqlite3

    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    sql.create(connection, indices=False)
    return connection


def _complete(connection: Connection, target: str) -> None:
    present = sql.columns_of(connection)
    if not present and _tables(connection) <= {"feedback"}:
        raise EmptyDatabase(f"{target} holds no span yet.\nLook again when a program has written to it")
    missing = [name for name in sql.REQUIRED if name not in present]
    if missing:
        what = "has no table 'spans'" if not present else f"has a table 'spans' without {missing[0]!r}"
        raise StoreError(
            f"{target} {what}, so it is no trace store.\nGive the path that was set in instrument(db_path=…)"
        )
    if any(name not in present for name in sql.COLUMNS):
        shown = [
            f"s.{name} AS {name}" if name in present else f"{_STAND_INS.get(name, 'NULL')} AS {name}"
            for name in sql.COLUMNS
        ]
        connection.execute(f"CREATE TEMP VIEW spans AS SELECT s.rowid AS rowid, {', '.join(shown)} FROM main.spans s")
    known = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master UNION SELECT name FROM temp.sqlite_master")
    }
    if "feedback" not in known:
        connection.execute(ratings.NO_RATINGS)
    outdated = any(name not in present for name in sql.COLUMNS)
    for name, body in sql.VIEWS.items():
        if outdated or name not in known:
            connection.execute(f"CREATE TEMP VIEW {name} AS {body}")


def _tables(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def query(
    path: Union[str, os.PathLike[str]], statement: str, params: Union[Sequence[Any], Mapping[str, Any]] = ()
) -> List[Dict[str, Any]]:
    """Run one SQL statement over a trace store and return its rows as dicts.

    The dialect is SQLite's. An SQLite file is asked directly and read only; every other store is first loaded into
    a temporary database with the same table ``spans`` and views ``runs``, ``steps`` and ``span_costs``, and with the
    ratings of its traces (:mod:`peekr.ratings`) in the table ``feedback``.

    :raises StoreError: if the store cannot be read, or the statement is wrong or would write.
    """
    target = os.fspath(path)
    try:
        connection = connect(target) if is_sqlite(target) else _loaded(target)
    except EmptyDatabase:
        connection = _with_ratings_alone(target)
    try:
        with as_store_error(target):
            cursor = connection.execute(statement, params)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, values)) for values in cursor]
    finally:
        connection.close()


def _with_ratings_alone(target: str) -> Connection:
    connection = stand_in()
    with as_store_error(target), closing(_opened(target, BUSY_S)) as source:
        connection.execute(ratings.TABLE)
        if _tables(source):
            rows = source.execute(f"SELECT {', '.join(ratings.COLUMNS)} FROM feedback")
            connection.executemany("INSERT INTO feedback VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("PRAGMA query_only = ON")
    return connection


def _loaded(target: str) -> Connection:
    import sqlite3

    from peekr.stores import open_store

    with open_store(target) as store, as_store_error(target):
        connection = sqlite3.connect("", isolation_level=None)  # in memory, and on disk when it grows
        try:
            connection.execute("BEGIN")
            sql.create(connection, indices=False)
            insert = sql.upsert()
            batch: List[sql.Row] = []
            for span in store.iter_spans():
                batch.append(sql.plain_row(sql.row(span)))
                if len(batch) == _LOAD_BATCH:
                    connection.executemany(insert, batch)
                    batch.clear()
            connection.executemany(insert, batch)
            ratings.copy_ratings(target, connection)
            connection.execute("COMMIT")
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection
