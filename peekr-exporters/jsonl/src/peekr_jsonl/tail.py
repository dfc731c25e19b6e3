"""The lines that arrive at the end of a file while it is watched."""

from __future__ import annotations

import os
from typing import BinaryIO, Iterator, Optional

from peekr_jsonl.lines import BLOCK


class Tail:
    """Gives complete lines as they come; goes on when the file is cut, deleted, or replaced by another one.

    :param from_start: begin with the lines that are there; else behind the last complete one.
    """

    def __init__(self, path: str, from_start: bool) -> None:
        self._file: Optional[BinaryIO] = None
        self._path = path
        self._rest = b""
        if not from_start and self._open():
            self._skip_to_end()

    def lines(self) -> Iterator[bytes]:
        """Yield what came since the last call."""
        while True:
            replaced = self._replaced()
            if self._file is not None:
                yield from self._read(self._file)
            if not replaced and self._file is not None:
                return
            self.close()
            if not self._open():
                return

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        if os.fstat(file.fileno()).st_size < file.tell():  # cut: what comes now is new
            file.seek(0)
            self._rest = b""
        while True:
            block = file.read(BLOCK)
            if not block:
                return
            *complete, self._rest = (self._rest + block).split(b"\n")
            for line in complete:
                yield line + b"\n"

    def _replaced(self) -> bool:
        if self._file is None:
            return False
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except OSError:
            return True

    def _open(self) -> bool:
        try:
            self._file = open(self._path, "rb")  # noqa: SIM115
        except OSError:
            return False
        self._rest = b""
        return True

    def close(self) -> None:
        """Close the file; may be called twice."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    __del__ = close  # an iterator that is never used up has no other end

    def _skip_to_end(self) -> None:
        assert self._file is not None
        at = self._file.seek(0, os.SEEK_END)
        while at > 0:
            size = min(BLOCK, at)
            self._file.seek(at - size)
            found = self._file.read(size).rfind(b"\n")
            if found >= 0:
                self._file.seek(at - size + found + 1)
                return
            at -= size
        self._file.seek(0)
