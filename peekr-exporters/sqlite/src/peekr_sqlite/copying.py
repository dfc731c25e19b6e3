"""A complete copy of a database that may be in use (contract DB-4)."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from typing import Optional

from peekr.errors import StoreError
from peekr.retention import Progress
from peekr.sqlquery import as_store_error, connect, is_sqlite

_PAGES_A_STEP = 2000


def backup(database: str, path: str, progress: Optional[Progress] = None) -> int:
    """Write a complete, consistent copy while others write; return its bytes. One that is there is replaced."""
    target = os.path.abspath(path)
    _check_place(database, target)
    handle, partial = tempfile.mkstemp(prefix=".peekr-", suffix=".tmp", dir=os.path.dirname(target))
    os.close(handle)
    try:
        with as_store_error(database), closing(connect(database, any_tables=True)) as source:
            _copy(source, partial, progress)
        os.chmod(partial, os.stat(database).st_mode & 0o777)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise
    return os.path.getsize(target)


def _check_place(source: str, target: str) -> None:
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise StoreError(
            f"{target} cannot be written: there is no directory {folder}.\nCreate it with: mkdir -p {folder}"
        )
    if os.path.isdir(target):
        raise StoreError(f"{target} is a directory.\nGive a file in it")
    if os.path.exists(target):
        if os.path.samefile(source, target):
            raise StoreError(f"{target} is the database itself.\nGive another path for the copy")
        if os.path.getsize(target) and not is_sqlite(target):
            raise StoreError(f"{target} is no database and is not written over.\nGive another path for the copy")
    if not os.access(folder, os.W_OK):
        raise StoreError(f"{target} cannot be written by this user.\nGive another path for the copy")


def _copy(source: sqlite3.Connection, path: str, progress: Optional[Progress]) -> None:
    # An open read transaction keeps the state that is copied: else every write of others would start the copy anew.
    source.execute("BEGIN")
    source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:

        def step(_status: int, left: int, total: int) -> None:
            if progress is not None:
                progress(total - left, total)

        source.backup(copy, pages=_PAGES_A_STEP, progress=step)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    source.execute("ROLLBACK")
