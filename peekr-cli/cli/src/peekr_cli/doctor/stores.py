"""Whether traces could be written where they are to be: looked at, not tried, as the files are the user's."""

from __future__ import annotations

import os
import shutil
import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import List

from peekr.errors import ConfigurationError
from peekr.paths import writable_path
from peekr_cli.doctor.findings import Check

#: Less room than this on the disk is worth a word.
_ROOM = 100 * 1024 * 1024
_NEEDED = {"jsonl": ("peekr_jsonl", "peekr-jsonl"), "sqlite": ("peekr_sqlite", "peekr-sqlite")}


def store_checks(jsonl_path: str, db_path: str) -> List[Check]:
    """Return a check for each of the two local stores."""
    return [_check("jsonl", jsonl_path, "jsonl_path"), _check("sqlite", db_path, "db_path")]


def _check(store: str, path: str, option: str) -> Check:
    module, distribution = _NEEDED[store]
    if find_spec(module) is None:
        return Check("stores", store, "warning", f"not installed: pip install {distribution}")
    trouble = _trouble(path, option) or (_database_trouble(path) if store == "sqlite" else "")
    if trouble:
        return Check("stores", store, "failed", trouble)
    free = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    if free < _ROOM:
        return Check("stores", store, "warning", f"{path}: only {free >> 20} MiB are free on its disk")
    return Check("stores", store, "ok", f"{path} {'is there' if os.path.exists(path) else 'can be made'}")


def _trouble(path: str, option: str) -> str:
    """Why the file could not be written, or nothing. Neither makes nor changes it."""
    try:
        writable_path(path, option)
    except ConfigurationError as error:
        return str(error).splitlines()[0]
    folder = os.path.dirname(os.path.abspath(path))
    target = path if os.path.exists(path) else folder
    return "" if os.access(target, os.W_OK) else f"{path} cannot be written: no permission for {target}"


def _database_trouble(path: str) -> str:
    """Why a database that is there could not be used; read without changing it."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return ""
    try:
        with open(path, "rb") as file:
            if file.read(16) != b"SQLite format 3\x00":
                return f"{path} is no SQLite database"
        uri = Path(path).resolve().as_uri() + "?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, timeout=1)
        try:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        return f"{path} cannot be read: {error}"
    return ""
