"""What an alert remembers between traces: in memory, or in a file that survives a restart and that processes share."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import weakref
from contextlib import contextmanager
from time import monotonic, sleep
from typing import IO, Any, Dict, Iterator, Optional, Union

from peekr.errors import ConfigurationError
from peekr.paths import writable_path

logger = logging.getLogger("peekr")

Memory = Dict[str, Any]
#: Seconds to wait for another process that holds the file.
_PATIENCE_S = 2.0


class State:
    """The memories of alerts by name.

    :param path: a JSON file, or None to keep them in memory only. Alerts of one name in several processes that give
        the same file share one memory. A file that is no such state is logged, and begun anew.
    :raises ConfigurationError: if the file could not be written.
    """

    def __init__(self, path: Union[str, os.PathLike[str], None] = None) -> None:
        self._path = None if path is None else os.path.abspath(writable_path(path, "state"))
        self._lock = threading.Lock()
        self._kept: Dict[str, Memory] = {}
        self._said = False
        _states.add(self)

    @property
    def shared(self) -> bool:
        """Whether other processes may change it."""
        return self._path is not None

    @contextmanager
    def changing(self, name: str) -> Iterator[Memory]:
        """Give the memory of this name, to be changed in place; nobody else changes it meanwhile."""
        with self._lock:
            if self._path is None:
                yield self._kept.setdefault(name, {})
                return
            with _held(self._path + ".lock"):
                memories = self._read()
                yield memories.setdefault(name, {})
                self._write(memories)

    def look(self, name: str) -> Memory:
        """Return the memory of this name as it is now, not to be changed."""
        if self._path is None:
            return self._kept.get(name, {})
        return self._read().get(name, {})

    def _read(self) -> Dict[str, Memory]:
        """What the file holds; after a failed write, what this process knows."""
        assert self._path is not None
        try:
            with open(self._path, encoding="utf-8") as file:
                content = json.load(file)
            if not isinstance(content, dict) or not all(isinstance(each, dict) for each in content.values()):
                raise ValueError("it is no object of objects")
        except FileNotFoundError:
            return dict(self._kept)
        except (OSError, ValueError) as error:
            self._say("cannot be read and is begun anew", error)
            return dict(self._kept)
        return content

    def _write(self, memories: Dict[str, Memory]) -> None:
        """Replace the file in one step, so that a crash leaves the old one or the new one."""
        assert self._path is not None
        self._kept = memories
        temporary: Optional[str] = None
        try:
            handle, temporary = tempfile.mkstemp(dir=os.path.dirname(self._path), prefix=".peekr-state-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(memories, file)
            os.replace(temporary, self._path)
        except OSError as error:
            self._say("cannot be written; alerts remember until the process ends", error)
            if temporary is not None and os.path.exists(temporary):
                os.unlink(temporary)

    def _say(self, what: str, error: Exception) -> None:
        if not self._said:
            self._said = True
            logger.warning("the state of alerts %s %s: %s", self._path, what, error)


_states: weakref.WeakSet[State] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """Another thread may have held a lock."""
    for state in list(_states):
        state._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def state_of(state: Any) -> State:
    """Return the state that an alert's argument ``state`` asks for: a path, a :class:`State` to share, or None.

    :raises ConfigurationError: if it is none of these.
    """
    if isinstance(state, State):
        return state
    if state is None or isinstance(state, (str, os.PathLike)):
        return State(state)
    raise ConfigurationError(f"state must be the path of a file, got {state!r}.")


@contextmanager
def _held(path: str) -> Iterator[None]:
    """Hold a lock file against other processes; after two seconds go on without it rather than not at all."""
    try:
        file = open(path, "a+b")  # noqa: SIM115 - closed below, and its lock with it
    except OSError:
        yield
        return
    with file:
        deadline = monotonic() + _PATIENCE_S
        while not _try_lock(file) and monotonic() < deadline:
            sleep(0.002)
        yield


try:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

except ImportError:  # Windows
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
