"""Draining before the process goes: SIGTERM, and children of multiprocessing, which skip ``atexit``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any, Callable

Action = Callable[[], Any]


def watch_exit(action: Action) -> None:
    """Call ``action`` when the process is ended by SIGTERM or as a multiprocessing child.

    SIGTERM is taken only where nobody else handles it, and from the main thread; the process then still dies of
    the signal. Normal exit is the business of :mod:`atexit`.
    """
    _on_sigterm(action)
    _in_multiprocessing_child(action)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _in_forked_child(action))


def _on_sigterm(action: Action) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    if not hasattr(signal, "SIGTERM") or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def drain_and_die(number: int, frame: Any) -> None:
        try:
            action()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, drain_and_die)


def _in_multiprocessing_child(action: Action) -> None:
    """Spawned and forkserver children: multiprocessing ends them by its own list of finalizers."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing import util

        util.Finalize(None, action, exitpriority=100)


def _in_forked_child(action: Action) -> None:
    """Forked children: the list of finalizers is emptied after the fork, so ask to be put on it after that."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_keeper, lambda _: util.Finalize(None, action, exitpriority=100))


class _Keeper:
    """multiprocessing registers by weak reference, so something has to stay."""


_keeper = _Keeper()
