"""Answers kept while the store does not change: a page asks every two seconds, and reading a long file takes one."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, Callable, Tuple, TypeVar

from peekr_server.source import Source

T = TypeVar("T")

_MOST = 32
#: Seconds after which an answer is made anew all the same: some say what is recent.
_LASTS_S = 30.0
#: Nanoseconds that a file must be at rest: two writes within a tick of its file system's clock leave the same time.
_AT_REST_NS = 2_000_000_000
_STRIPES = 16


class Memory:
    """The latest answers of one source. Who asks for what is just being made waits for it, whatever thread it is."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._entries: OrderedDict[str, Tuple[Any, float, Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(_STRIPES)]

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` returned for the key last, if the store is as it was then, else what it returns now.

        :param key: stands for the question with all its parameters.
        """
        with self._turns[hash(key) % _STRIPES]:
            signature = self._source.signature()
            known, until, value = self._entries.get(key, (None, 0.0, None))
            if known == signature and time.monotonic() < until:
                return value  # type: ignore[no-any-return]
            value = make()
            if _is_at_rest(signature):
                self._keep(key, (signature, time.monotonic() + _LASTS_S, value))
            return value

    def _keep(self, key: str, entry: Tuple[Any, float, Any]) -> None:
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > _MOST:
                self._entries.popitem(last=False)


def _is_at_rest(signature: Tuple[Any, ...]) -> bool:
    latest = max((state[-1] for state in signature[1:] if state is not None), default=0)
    return bool(time.time_ns() - latest > _AT_REST_NS)
