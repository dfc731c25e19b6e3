"""Verdicts that were given already, by the hash of what was judged, the judge's model and the version of the prompt."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
import weakref
from collections import OrderedDict
from typing import Any, Dict, Iterable, Optional, Protocol, Union

from peekr.errors import ConfigurationError

logger = logging.getLogger("peekr")

#: Verdicts that an evaluator remembers.
SIZE = 2048

#: ``{"score": …}``, and what else belongs to it. JSON.
Verdict = Dict[str, Any]


class VerdictCache(Protocol):
    """Remembers verdicts; called from several threads at a time. Failures are never given to it."""

    def get(self, key: str) -> Optional[Verdict]:
        """Return the verdict, or None."""

    def put(self, key: str, verdict: Verdict) -> None:
        """Remember a verdict."""


def key_of(parts: Iterable[str]) -> str:
    """Return the key for everything that a verdict depends on, in order."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


class MemoryCache:
    """The verdicts used last, in memory.

    :param size: how many.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()

    def get(self, key: str) -> Optional[Verdict]:
        """Return the verdict, or None."""
        with self._lock:
            verdict = self._verdicts.get(key)
            if verdict is not None:
                self._verdicts.move_to_end(key)
            return verdict

    def put(self, key: str, verdict: Verdict) -> None:
        """Remember a verdict, and forget the one that was not used for longest."""
        with self._lock:
            self._verdicts[key] = verdict
            self._verdicts.move_to_end(key)
            while len(self._verdicts) > self._size:
                self._verdicts.popitem(last=False)


class DiskCache:
    """Verdicts in an SQLite file, for runs over stored traces. The texts of claims are in it: it is the owner's only.

    :ivar unwritten: verdicts that could not be written.
    :raises ConfigurationError: if the file cannot be written, or is something else.
    """

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        self._path = os.fspath(path)
        self._lock = threading.Lock()
        self.unwritten = 0
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(self._path, timeout=30, check_same_thread=False, isolation_level=None)
            weakref.finalize(self, self._db.close).atexit = False  # what is judged at exit is still remembered
            self._db.execute("CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, verdict TEXT NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"verdicts cannot be kept in {self._path}: {error}.\nGive the path of a file of its own"
            ) from error

    def get(self, key: str) -> Optional[Verdict]:
        """Return the verdict, or None; a file that cannot be read knows none."""
        try:
            with self._lock:
                row = self._db.execute("SELECT verdict FROM verdicts WHERE key = ?", (key,)).fetchone()
            found = json.loads(row[0]) if row else None
        except (sqlite3.Error, ValueError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("score"), (int, float)) else None

    def put(self, key: str, verdict: Verdict) -> None:
        """Remember a verdict; one that cannot be written is counted, and asked for again next time."""
        try:
            with self._lock:
                self._db.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (key, json.dumps(verdict)))
        except (sqlite3.Error, TypeError, ValueError) as error:
            self.unwritten += 1
            if self.unwritten == 1:
                logger.warning("verdicts are not kept in %s, and will be asked for again: %s", self._path, error)

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._db.close()


def cache_of(given: Any) -> Optional[VerdictCache]:
    """Return the cache for an evaluator's ``cache=``: True for memory, False or None for none, a path, or a cache."""
    if given is True:
        return MemoryCache()
    if given is None or given is False:
        return None
    if isinstance(given, (str, os.PathLike)):
        return DiskCache(given)
    if callable(getattr(given, "get", None)) and callable(getattr(given, "put", None)):
        return given  # type: ignore[no-any-return]
    raise ConfigurationError(f"cache must be True, False, a path, or an object with get and put, got {given!r}.")
