"""Moving the write-ahead log into the database beside the writer, which would wait for the disk meanwhile.

SQLite does it within the commit that makes the log long. On a busy disk that takes the better part of a second, for
which every span behind it is in memory only. So it is done over a connection and in a thread of its own, while batches
are written on; the writer moves what has come meanwhile, which is little, since only then the log can begin anew.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from time import monotonic
from typing import List, Optional

#: Bytes of the log at which it is moved.
LOG_BYTES = 64 * 1024 * 1024
#: Pages at which a commit does it after all: so long may the log become where it cannot be done beside.
LAST_RESORT_PAGES = 64_000
#: Seconds between two attempts, and of one wait for those who have the database locked.
_PAUSE_S = 0.25
#: Pages that come while a look is taken, below which the rest is left to the writer; and how often it is looked.
_FEW = 500
_LOOKS = 8


class Checkpoint:
    """Belongs to one writer, in the thread of which it is called."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._log = path + "-wal"
        self._thread: Optional[threading.Thread] = None
        self._next = 0.0
        self._over = self._nearly = False
        #: Of the thread, while it works.
        self.connection: Optional[sqlite3.Connection] = None

    def look(self, writer: sqlite3.Connection) -> None:
        """After a batch: begin to move the log if it has become long, or move what is left of it."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self._nearly:
            self._nearly = False
            try:
                writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except sqlite3.Error:  # the batch is written; the next one meets what is wrong
                pass
        elif self._size() >= LOG_BYTES and monotonic() >= self._next:
            self._begin()

    def _size(self) -> int:
        try:
            return os.stat(self._log).st_size
        except OSError:
            return 0

    def _begin(self) -> None:
        thread = threading.Thread(target=self._run, name="peekr-sqlite-checkpoint", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter goes: who closes the database last moves the log
            return
        self._thread = thread

    def close(self, timeout: float) -> None:
        """Begin no more, and wait for what has begun."""
        self._over = True
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        _working.append(self)
        try:
            # the file as it is: one that was deleted must not be made anew
            address = f"{Path(self._path).absolute().as_uri()}?mode=rw"
            self.connection = sqlite3.connect(address, timeout=_PAUSE_S, isolation_level=None, uri=True)
            try:
                self._move(self.connection)
            finally:
                connection, self.connection = self.connection, None
                connection.close()
        except sqlite3.Error:  # the next batch meets what is wrong with the file, and is counted
            pass
        finally:
            self._next = monotonic() + _PAUSE_S
            _working.remove(self)

    def _move(self, connection: sqlite3.Connection) -> None:
        before = 0
        for _ in range(_LOOKS):
            busy, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if busy or moved < frames or self._over:  # another process does it, or reads what is at the front
                return
            if frames - before < _FEW:
                break
            before = frames
        self._nearly = True


_working: List[Checkpoint] = []
#: Connections of a parent; kept until the child ends, since closing them touches the parent's locks.
_abandoned: List[sqlite3.Connection] = []


def _after_fork_in_child() -> None:
    for checkpoint in _working:
        if checkpoint.connection is not None:
            _abandoned.append(checkpoint.connection)
    _working.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
