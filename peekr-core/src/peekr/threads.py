"""The built-in provider that carries the current span into threads and thread pools."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

from peekr.context import current
from peekr.patching import Patches
from peekr.spans import Parent


def _run_under(place: Parent, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function with this span as the current one.

    A pool's thread outlives many tasks, so what was current before is put back, whatever it was.
    """
    token = current.set(place)
    try:
        return function(*args, **kwargs)
    finally:
        current.reset(token)


class ThreadContext:
    """Patches ``threading.Thread.start`` and ``ThreadPoolExecutor.submit``; ``map`` goes through ``submit``."""

    name = "threads"
    target, _pools = targets = ("threading", "concurrent.futures.thread")

    def __init__(self) -> None:
        self._patches = Patches(self.name)

    def instrument(self, tracer: Any) -> None:
        """Patch those of both that are imported; the other's turn comes with its import."""
        self._patches.wrap(threading.Thread, "start", _wrap_start)
        if self._pools in sys.modules:
            self._patches.wrap(sys.modules[self._pools].ThreadPoolExecutor, "submit", _wrap_submit)

    def uninstrument(self) -> None:
        """Put both back."""
        self._patches.undo()


def _wrap_start(original: Any) -> Any:
    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        place = current.get()
        if place is not None and not self.name.startswith("peekr-"):
            run = self.run

            def traced_run() -> None:
                self.__dict__.pop("run", None)
                _run_under(place, run, (), {})

            self.run = traced_run  # type: ignore[method-assign,unused-ignore]
        original(self)

    return start


def _wrap_submit(original: Any) -> Any:
    @functools.wraps(original)
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(self, _run_under, current.get(), fn, args, kwargs)

    return submit
