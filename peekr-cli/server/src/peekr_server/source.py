"""The store that is served: where it is, how it is read, how it is written to."""

from __future__ import annotations

import inspect
import os
import sqlite3
import threading
from typing import Any, Iterator, List, Optional, Sequence, Tuple, Union

from peekr.errors import ConfigurationError, StoreError
from peekr.opening import default_store, open_store
from peekr.spans import Span
from peekr.sqlquery import is_sqlite
from peekr.storage import open_database, open_lines
from peekr.stores import ReadStore
from peekr.traceconfig import TraceConfig

Target = Union[str, "os.PathLike[str]"]

_LINES = (".jsonl", ".ndjson")
#: What a store may raise that cannot be written.
_UNWRITTEN = (OSError, sqlite3.Error, ConfigurationError, RuntimeError)


class Nothing(ReadStore):
    """The store that nobody has written to yet."""

    def __init__(self, target: str) -> None:
        super().__init__(target)

    @classmethod
    def recognises(cls, target: str) -> bool:
        """It is never found, only put in the place of a missing file."""
        return False

    def iter_spans(self) -> Iterator[Span]:
        """Yield nothing."""
        return iter(())


class Source:
    """One trace store. Every request opens it anew, so that it sees what others wrote, moved or replaced.

    A file that does not exist yet is an empty store. May be used by any number of threads.

    :param target: path of a database or file of lines; by default what this process is instrumented to write, else the
        configured database, else ``traces.db`` or ``traces.jsonl`` of the working directory, whichever has spans.
    :param config: how content is sealed when it is written.
    :raises StoreError: if what is there is no trace store.
    :raises ConfigurationError: if its directory does not exist.
    """

    def __init__(self, target: Optional[Target], config: TraceConfig) -> None:
        self._given = None if target is None else _whole(os.fspath(target))
        self._home = os.getcwd()
        self._config = config
        self._lock = threading.Lock()
        self._writer: Tuple[str, Any] = ("", None)
        self._check()

    def _check(self) -> None:
        target = self.target
        if os.path.exists(target):
            open_store(target).close()
        elif not os.path.isdir(os.path.dirname(target)):
            raise ConfigurationError(
                f"{target} cannot be served: its directory does not exist.\nMake the directory, or give another path"
            )

    @property
    def target(self) -> str:
        """The path that is served now."""
        if self._given is not None:
            return self._given
        return os.path.join(self._home, _instrumented() or self._configured() or self._usual())

    def _configured(self) -> Optional[str]:
        """Return the database that somebody configured; one that only a file names has to be there, as everywhere."""
        found = self._config.where_set("db_path")
        if found is None or (self._config.source_of("db_path") == "file" and not os.path.exists(found)):
            return None
        return str(found)

    def _usual(self) -> str:
        if os.getcwd() != self._home:  # the program went elsewhere; the store stays
            return self._config.db_path
        found = default_store()
        return found if os.path.exists(found) else self._config.db_path

    # -- reading ----------------------------------------------------------------------------------------------

    def open(self) -> ReadStore:
        """Open the store for one request; the caller closes it.

        :raises StoreError: if it cannot be read.
        """
        target = self.target
        try:
            return self._with_key(open_store(target))
        except StoreError:
            if os.path.exists(target):
                raise
            return Nothing(target)

    def _with_key(self, store: ReadStore) -> ReadStore:
        """Open a store again that cannot find the key by itself, since it is in this server's settings only."""
        key = self._config.encryption_key
        if key is None or self._config.source_of("encryption_key") != "argument":
            return store
        kind: Any = type(store)
        if "encryption_key" not in inspect.signature(kind).parameters:
            return store
        store.close()
        return kind(store.target, encryption_key=key)  # type: ignore[no-any-return]

    def signature(self) -> Tuple[Any, ...]:
        """Return what changes whenever somebody writes to the store."""
        target = self.target
        return (target, *(_state_of(path) for path in (target, target + "-wal")))

    # -- writing ----------------------------------------------------------------------------------------------

    def write(self, spans: Sequence[Span]) -> None:
        """Insert the spans, or replace those of the same span_id; all or none.

        :raises StoreError: if they could not be written.
        """
        try:
            self._exporter().export_batch(spans)
        except _UNWRITTEN as error:
            raise StoreError(f"{self.target} cannot be written: {type(error).__name__}: {error}") from error

    def _exporter(self) -> Any:
        with self._lock:
            target = self.target
            if self._writer[0] != target:
                self._close()
                self._writer = (target, self._opened(target))
            return self._writer[1]

    def _opened(self, target: str) -> Any:
        if holds_lines(target):
            return open_lines(target, self._config)
        return open_database(TraceConfig.from_dict({**self._config.to_dict(), "db_path": target}))

    def close(self) -> None:
        """Let go of what is open for writing; it is opened again when it is needed."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        (_, exporter), self._writer = self._writer, ("", None)
        if exporter is not None:
            exporter.shutdown()


def holds_lines(target: str) -> bool:
    """Whether a path is, or would be, a file of lines rather than a database."""
    if os.path.exists(target) and os.path.getsize(target):
        return not is_sqlite(target)
    return target.lower().endswith(_LINES)


def _whole(path: str) -> str:
    return os.path.abspath(path)


def _state_of(path: str) -> Optional[Tuple[int, int, int]]:
    try:
        about = os.stat(path)
    except OSError:
        return None
    if not about.st_size:  # a log that a reader made
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def _instrumented() -> Optional[str]:
    """Return the store that this process writes to, None where it writes to none."""
    from peekr.process import current_config

    config = current_config()
    if config is None:
        return None
    usual: List[Tuple[str, str]] = [("sqlite", "traces.db"), ("jsonl", "traces.jsonl")]
    for name, default in usual:
        if name in config.storage:
            return str(config.options(name).get("path") or default)
    return None
