"""A lock on an open file that other processes respect; where the system or the file system has none, no lock."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Callable, Iterator

#: Seconds to wait for a process that holds the lock. It may be stopped, and O_APPEND alone keeps lines whole too.
PATIENCE_S = 10.0
_BUSY = frozenset((errno.EACCES, errno.EAGAIN, errno.EDEADLK, errno.EWOULDBLOCK))

_acquire: Callable[[int], None]
_release: Callable[[int], None]

try:
    import fcntl

    def _acquire(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)

except ImportError:  # Windows
    import msvcrt

    #: A byte far behind the end stands for the file: locked bytes could not be written by their own holder.
    _FAR = 1 << 62

    def _locking(fd: int, mode: int) -> None:
        here = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, mode, 1)  # type: ignore[attr-defined,unused-ignore]
        finally:
            os.lseek(fd, here, os.SEEK_SET)

    def _acquire(fd: int) -> None:
        _locking(fd, msvcrt.LK_NBLCK)  # type: ignore[attr-defined,unused-ignore]

    def _release(fd: int) -> None:
        _locking(fd, msvcrt.LK_UNLCK)  # type: ignore[attr-defined,unused-ignore]


@contextmanager
def locked(fd: int, patience_s: float = PATIENCE_S) -> Iterator[bool]:
    """Hold the lock of an open file; give whether it is held, after waiting at most ``patience_s`` for others."""
    held = _wait(fd, patience_s)
    try:
        yield held
    finally:
        if held:
            _release(fd)


def _wait(fd: int, patience_s: float) -> bool:
    deadline, pause = None, 0.0005
    while True:
        try:
            _acquire(fd)
            return True
        except OSError as error:
            if error.errno not in _BUSY:
                return False
        if deadline is None:
            deadline = monotonic() + patience_s
        elif monotonic() > deadline:
            return False
        sleep(pause)
        pause = min(pause * 1.5, 0.02)
