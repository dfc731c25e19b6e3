"""Appending spans to a file: whole lines, whatever other threads and processes do to it at the same time."""

from __future__ import annotations

import os
import re
import stat
import threading
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

from peekr import wire
from peekr.errors import ConfigurationError
from peekr.lines import line
from peekr.paths import writable_path
from peekr.spans import Span
from peekr_jsonl.locking import locked

if TYPE_CHECKING:
    from peekr.config import Config
    from peekr.sealed_spans import SpanSealer
    from peekr.sealing import Key

_FLAGS = os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_TOKEN = re.compile(rb'"payload":"(gAAAAA[^"]+\.[^"]+)"')
#: Bytes at the end of a file in which a token of it is looked for.
_LOOK_BACK = 1024 * 1024
#: How often a file may vanish between being opened and being locked, in one batch.
_ATTEMPTS = 10


def _text_file(path: str) -> str:
    """Return the path, unless a database is there, which a line of text at its end would damage."""
    if not os.path.isfile(path):  # not made yet, or a pipe, which opening would wait for
        return path
    try:
        with open(path, "rb") as file:
            begins = file.read(16)
    except OSError:  # may be written, not read: an append-only log
        return path
    if begins == b"SQLite format 3\0":
        raise ConfigurationError(
            f"jsonl_path: {path} is an SQLite database.\nGive it as db_path, or give another path; "
            "spans are never written over other data"
        )
    return path


class JSONLExporter:
    """Writes each span once, when it has ended, as one line of JSON in UTF-8 (contract JSONL-1 to JSONL-3).

    A batch is appended with one write under a lock, so that any number of processes may share the file; it is
    written whole or, when the disk is full, not at all. A file that was deleted or rotated away is made anew. What
    :meth:`export_batch` wrote is with the operating system when it returns: it survives ``kill -9``.

    With encryption, what was said in a span is in its ``payload`` only, a Fernet token in a JSON string; what the span
    is (names, ids, times, model, tokens, scores, status) stays readable.

    :param path: the file; made with the first span. Its directory must exist.
    :param compression_enabled: compress what is encrypted; the rest of the file is text and stays it.
    :param compression_level: 1 (fast) to 9 (small).
    :param encryption_enabled: encrypt payloads; needs ``pip install 'peekr-core[encryption]'``.
    :param encryption_key: a Fernet key or a passphrase; ``TRACE_ENCRYPTION_KEY`` by default.
    :raises ConfigurationError: if the file could not be written, or encryption has no key.
    """

    supports_update = False
    #: A batch is one lock and one write; each of them waits for the interpreter lock in a busy program.
    max_batch = 4096

    def __init__(
        self,
        path: Union[str, os.PathLike[str]] = "traces.jsonl",
        *,
        compression_enabled: bool = False,
        compression_level: int = 6,
        encryption_enabled: bool = False,
        encryption_key: Optional[Key] = None,
    ) -> None:
        self._sealing: Optional[SpanSealer] = None
        if encryption_enabled or compression_level not in range(1, 10):  # the latter is refused there
            from peekr.sealed_spans import SpanSealer
            from peekr.sealing import Sealer

            sealer = Sealer(compression_enabled, compression_level, encryption_enabled, encryption_key)
            self._sealing = SpanSealer(sealer, as_text=True)
        self.path = _text_file(writable_path(path, "jsonl_path"))
        self._lock = threading.Lock()
        self._fd: Optional[int] = None
        self._regular = True
        self._identity = (0, 0)
        self._end = -1
        self._closed = False

    @classmethod
    def from_config(cls, config: Config) -> JSONLExporter:
        """Build the exporter that :func:`peekr.instrument` asks for."""
        return cls(**{**config.sealing_options(), **config.options("jsonl")})

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Append the spans that have ended; one still open is written when it has.

        :raises OSError: if they could not be written; then none of them was.
        """
        ended: Sequence[Span] = [span for span in spans if span.ended]
        if self._sealing is not None:
            ended = self._sealing.sealed(ended, self._token_in_file)
        data = _lines(ended)
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the exporter to {self.path} was shut down; no more spans can be written")
            if data:
                self._append(data)

    def flush(self) -> None:
        """Nothing waits here: see the class."""

    def shutdown(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._closed = True
            self._close()

    def after_fork_in_child(self) -> None:
        """Open the file anew: a lock on the inherited one would be shared with the parent, and so be none."""
        self._lock = threading.Lock()
        self._close()

    def _token_in_file(self) -> Any:
        """Return a payload that other processes encrypted, or None."""
        try:
            with open(self.path, "rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - _LOOK_BACK, 0))
                found = _TOKEN.findall(file.read(_LOOK_BACK))
        except OSError:  # not made yet, a pipe, may not be read
            return None
        return found[-1] if found else None

    # -- the file ---------------------------------------------------------------------------------------------

    def _append(self, data: bytes) -> None:
        if self._fd is not None and not self._is_ours(self._fd):
            self._fd = None
        for _ in range(_ATTEMPTS):
            fd = self._opened()
            if not self._regular:  # a pipe, /dev/stdout
                _write(fd, data)
                return
            with locked(fd):
                size = self._size()
                if size is not None:
                    self._append_at(fd, size, data)
                    return
            self._close()
        raise OSError(f"{self.path} is replaced again and again by another program")

    def _append_at(self, fd: int, size: int, data: bytes) -> None:
        if size != self._end and _ends_within_a_line(fd, size):
            data = b"\n" + data
        try:
            _write(fd, data)
        except BaseException:
            self._end = -1
            _cut_back(fd, size, len(data))
            raise
        self._end = size + len(data)

    def _opened(self) -> int:
        if self._fd is None:
            try:
                self._fd = os.open(self.path, _FLAGS | os.O_RDWR, 0o666)
            except PermissionError:  # may be written, not read
                self._fd = os.open(self.path, _FLAGS | os.O_WRONLY, 0o666)
            opened = os.fstat(self._fd)
            self._regular, self._identity = stat.S_ISREG(opened.st_mode), (opened.st_dev, opened.st_ino)
            self._end = -1
        return self._fd

    def _size(self) -> Optional[int]:
        """Return the size of the file at the path, None if that is no longer the open one."""
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return None
        return there.st_size if (there.st_dev, there.st_ino) == self._identity else None

    def _is_ours(self, fd: int) -> bool:
        """Whether a descriptor is still the file: programs that become daemons close all, and the number is reused."""
        try:
            there = os.fstat(fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == self._identity

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None and self._is_ours(fd):
            os.close(fd)

    def __del__(self) -> None:
        if getattr(self, "_fd", None) is not None:  # dropped without shutdown()
            self._close()


def _lines(spans: Sequence[Span]) -> bytes:
    lines = [line(span) for span in spans]
    if [True for one in lines if b"\n" in one]:  # payloads that were taken over as they came, with line breaks in them
        lines = [wire.encode(wire.decode(one)) if b"\n" in one else one for one in lines]
    return b"\n".join([*lines, b""])


def _ends_within_a_line(fd: int, size: int) -> bool:
    """Whether a writer died within its line."""
    try:
        os.lseek(fd, max(size - 1, 0), os.SEEK_SET)  # writing does not mind: O_APPEND
        return os.read(fd, 1) not in (b"\n", b"")
    except OSError:  # a file that may be written, but not read
        return False


def _write(fd: int, data: bytes) -> None:
    """Write all of it; a full disk takes a part first and fails then."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


def _cut_back(fd: int, size: int, length: int) -> None:
    """Take back a batch of which only a part could be written, unless somebody without the lock wrote behind it."""
    try:
        if size < os.fstat(fd).st_size < size + length:
            os.ftruncate(fd, size)
    except OSError:  # the next writer puts a line break behind the half line, and readers skip it
        pass
