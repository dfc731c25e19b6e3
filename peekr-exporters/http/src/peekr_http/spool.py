"""Batches on disk while the server cannot be reached: whole files, oldest first, shared by any number of processes.

A file is ``<time>-<process>-<number>-<ended spans>.json.gz``: the body of a request, compressed, so that a damaged one
is known by its checksum. It is written under another name, then renamed. Whoever sends it holds a lock on it (flock),
which ends with the process however it ends. The server knows a span by its id, so that a file sent twice does no harm.
"""

from __future__ import annotations

import gzip
import os
import re
import secrets
import time
import zlib
from typing import Iterator, List, Optional, Sequence, Set, Tuple

import attrs

try:
    import fcntl
except ImportError:  # Windows: two processes may send one file
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\d{20}-([0-9a-f]+)-\d+-(\d+)\.json\.gz")
TEMPORARY = ".writing-"
#: What :mod:`peekr_http.journal` calls its files.
JOURNAL = "journal-"
#: Age at which a file that was never finished is taken for one of a process that died.
_STALE_S = 3600.0
FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@attrs.define(eq=False)
class SpoolFile:
    """A file that this process is sending.

    :ivar weight: ended spans in it.
    :ivar own: whether this process wrote it, and its spans are in this process's counts.
    :ivar parts: batches made of it that have not been answered.
    """

    path: str
    data: bytes
    weight: int
    own: bool
    descriptor: int
    parts: int = 1


class Spool:
    """A directory of batches. For one thread at a time in each process.

    :ivar corrupt: damaged files that were set aside as ``….corrupt``.
    :ivar process: tells the files of this process from those of others.
    """

    def __init__(self, folder: str, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self.corrupt = 0
        self._last_ns = 0
        self._number = 0
        self.process = secrets.token_hex(6)
        self._held: Set[int] = set()
        self._damaged: List[Tuple[int, bool, str]] = []
        self._remove_unfinished()

    # -- writing ----------------------------------------------------------------------------------------------

    def write_spans(self, spans: Sequence[bytes], weight: int, process: str) -> None:
        """Keep encoded spans of another process; see :meth:`write`."""
        self.write(b'{"spans":[' + b",".join(spans) + b"]}", weight, process)

    def write(self, body: bytes, weight: int, process: str = "") -> None:
        """Keep a body. When this returns it survives the process, and is given to the disk to survive the machine.

        :param process: that counted its spans, where it was another.
        :raises OSError: if it could not be written whole, or the spool is full; then nothing of it is left.
        """
        data = gzip.compress(body, 5)
        if self.size() + len(data) > self._max_bytes:
            raise OSError(f"the spool {self.folder} is full ({self._max_bytes} bytes)")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self._number += 1
        self._last_ns = max(time.time_ns(), self._last_ns + 1)  # a clock that is set back changes no order
        name = f"{self._last_ns:020d}-{process or self.process}-{self._number}-{weight}.json.gz"
        temporary = os.path.join(self.folder, TEMPORARY + name)
        try:
            _write(temporary, data)
            os.replace(temporary, os.path.join(self.folder, name))
        except BaseException:
            remove(temporary)
            raise

    def size(self) -> int:
        """Return the bytes that the directory takes, damaged and unfinished files included.

        Not journals: what is in memory has bounds of its own.
        """
        total = 0
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.startswith(JOURNAL):
                        continue
                    try:
                        total += entry.stat(follow_symlinks=False).st_size
                    except OSError:  # sent meanwhile, by another process
                        pass
        except FileNotFoundError:  # the folder is made with the first file
            pass
        return total

    def _remove_unfinished(self) -> None:
        for name in self.listed():
            path = os.path.join(self.folder, name)
            try:
                if name.startswith(TEMPORARY) and time.time() - os.lstat(path).st_mtime > _STALE_S:
                    os.unlink(path)
            except OSError:  # another process did it, or it may not be removed: it does no harm
                pass

    # -- reading ----------------------------------------------------------------------------------------------

    def listed(self) -> List[str]:
        """Return what is in the directory."""
        try:
            return os.listdir(self.folder)
        except OSError:
            return []

    def names(self) -> List[str]:
        """Return the files that wait, the oldest first."""
        return sorted(filter(_NAME.fullmatch, self.listed()))

    def oldest(self) -> Optional[SpoolFile]:
        """Return the oldest file that no other process is sending, locked; None if there is none.

        Damaged ones are set aside, counted and said.
        """
        return next(self._claimed(), None)

    def _claimed(self) -> Iterator[SpoolFile]:
        for name in self.names():
            match = _NAME.fullmatch(name)
            assert match
            path = os.path.join(self.folder, name)
            descriptor = locked(path)
            if descriptor is None:
                continue
            data = _content(descriptor)
            if data is None:
                os.close(descriptor)
                self._set_aside(path, int(match[2]), match[1] == self.process)
                continue
            self._held.add(descriptor)
            yield SpoolFile(path, data, int(match[2]), match[1] == self.process, descriptor)

    def _set_aside(self, path: str, weight: int, own: bool) -> None:
        self.corrupt += 1
        self._damaged.append((weight, own, path))
        try:
            os.replace(path, path + ".corrupt")
        except OSError:  # another process did so
            pass

    def damaged(self, file: SpoolFile) -> None:
        """Set aside a file whose content turned out to be no batch."""
        self._set_aside(file.path, file.weight, file.own)
        self.release(file, done=False)

    def take_damaged(self) -> List[Tuple[int, bool, str]]:
        """Return what was set aside since the last call: ended spans, whether they are this process's, the path."""
        damaged, self._damaged = self._damaged, []
        return damaged

    def release(self, file: SpoolFile, *, done: bool) -> None:
        """End the sending of a file: it is deleted when it is done, else it waits on."""
        if done:
            remove(file.path)
        if file.descriptor in self._held:
            self._held.discard(file.descriptor)
            os.close(file.descriptor)
            if done and os.name == "nt":  # where an open file cannot be deleted
                remove(file.path)

    def after_fork_in_child(self) -> None:
        """Let go of the parent's files, which are the parent's to send, and write under a name of one's own."""
        held, self._held = self._held, set()
        for descriptor in held:
            os.close(descriptor)
        self.process, self._number = secrets.token_hex(6), 0


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FLAGS, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Delete a file."""
    try:
        os.unlink(path)
    except OSError:  # gone already; or it stays, and is sent twice at worst: spans are told apart by their id
        pass


def locked(path: str) -> Optional[int]:
    """Open a file and lock it; None if it is gone or another process has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | FLAGS)
    except OSError:
        return None
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:  # else it was sent and deleted between the two calls
            return descriptor
    except OSError:  # locked by another process, which sends it
        pass
    os.close(descriptor)
    return None


def _content(descriptor: int) -> Optional[bytes]:
    """Return what a file holds, None if it is damaged."""
    try:
        return gzip.decompress(read_whole(descriptor))
    except (OSError, EOFError, zlib.error):
        return None


def read_whole(descriptor: int) -> bytes:
    """Return the bytes of a file that has not been read yet.

    :raises OSError: if it cannot be read.
    """
    chunks: List[bytes] = []
    while True:
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
