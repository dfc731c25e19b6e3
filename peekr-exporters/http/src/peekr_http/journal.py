"""Spans that are in memory only, on disk too: what a process had not sent when it was killed, its successor sends.

Beside the batches of the spool lie files ``journal-<process>-<number>.jsonl``, a span a line, which their owner holds
locked (flock) while it lives, and deletes when all spans in them have arrived or are in the spool. One that nobody
holds is made a batch of the spool. The server knows a span by its id, so that one sent twice does no harm.
"""

from __future__ import annotations

import os
import re
from collections import deque
from typing import Callable, Deque, List, Optional, Sequence

import attrs
import msgspec

from peekr import wire
from peekr_http.spool import FLAGS, JOURNAL, TEMPORARY, Spool, locked, read_whole, remove

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

#: Without locks, on Windows, nobody could tell whether the owner lives; then there are no journals.
_HAS_LOCKS = bool(fcntl)

_NAME = re.compile(JOURNAL + r"([0-9a-f]+)-\d+\.jsonl")
#: Bytes of a file at which another is begun, so that the oldest can go while spans keep coming.
_PART_BYTES = 8 * 1024 * 1024


@attrs.define(eq=False)
class _Part:
    """:ivar last: number of the latest span in it."""

    path: str
    descriptor: int
    size: int = 0
    last: int = 0


class Journal:
    """Of one sender, under its lock."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._parts: Deque[_Part] = deque()
        self._number = 0

    def add(self, bodies: Sequence[bytes], last: int) -> Optional[str]:
        """Write encoded spans before they are in memory only; return what went wrong, or None.

        When this returns they survive the process, though not the machine.

        :param last: number of the last of them.
        """
        if not _HAS_LOCKS or not bodies:
            return None
        data = b"".join([(wire.encode(wire.decode(body)) if b"\n" in body else body) + b"\n" for body in bodies])
        try:
            part = self._open()
            part.last, part.size = last, part.size + len(data)
            view = memoryview(data)
            while view:
                view = view[os.write(part.descriptor, view) :]
        except OSError as error:
            return f"{error.strerror or error}"
        return None

    def _open(self) -> _Part:
        if self._parts and not os.fstat(self._parts[-1].descriptor).st_nlink:  # somebody deleted the directory
            self.close()
        if not self._parts or self._parts[-1].size >= _PART_BYTES:
            self._number += 1
            name = f"{JOURNAL}{self._spool.process}-{self._number}.jsonl"
            path, temporary = (os.path.join(self._spool.folder, each) for each in (name, TEMPORARY + name))
            os.makedirs(self._spool.folder, mode=0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | FLAGS, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # before anybody can find it
                os.replace(temporary, path)
            except BaseException:
                os.close(descriptor)
                remove(temporary)
                raise
            self._parts.append(_Part(path, descriptor))
        return self._parts[-1]

    def settle(self, is_past: Callable[[int], bool]) -> None:
        """Forget the spans that are in memory no more.

        :param is_past: whether that holds for all spans up to a number.
        """
        while self._parts and is_past(self._parts[0].last):
            self._drop(self._parts.popleft())

    def close(self) -> None:
        """All spans are accounted for."""
        while self._parts:
            self._drop(self._parts.popleft())

    @staticmethod
    def _drop(part: _Part) -> None:
        remove(part.path)
        os.close(part.descriptor)

    def after_fork_in_child(self) -> None:
        """What is written there is the parent's; its lock stays with the parent."""
        for part in self._parts:
            os.close(part.descriptor)
        self._parts.clear()


class _Ended(msgspec.Struct):
    end_time: Optional[float] = None


def recover(spool: Spool, max_bytes: int) -> None:
    """Make batches of what killed processes left behind; a file that cannot be kept so stays for the next attempt."""
    if not _HAS_LOCKS:
        return
    for name in spool.listed():
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        path = os.path.join(spool.folder, name)
        descriptor = locked(path)
        if descriptor is None:
            continue
        try:
            _spool_lines(spool, read_whole(descriptor).split(b"\n")[:-1], match[1], max_bytes)
            remove(path)
        except OSError:  # a full or read-only disk
            pass
        finally:
            os.close(descriptor)


def _spool_lines(spool: Spool, lines: Sequence[bytes], process: str, max_bytes: int) -> None:
    batch: List[bytes] = []
    size = weight = 0
    for line in lines:
        try:
            ended = int(msgspec.json.decode(line, type=_Ended).end_time is not None)
        except msgspec.MsgspecError:  # cut by a full disk
            continue
        if batch and size + len(line) > max_bytes:
            spool.write_spans(batch, weight, process)
            batch, size, weight = [], 0, 0
        batch.append(line)
        size += len(line)
        weight += ended
    if batch:
        spool.write_spans(batch, weight, process)
