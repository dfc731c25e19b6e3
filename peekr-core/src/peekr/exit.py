"""Draining before the process goes: SIGTERM, and children of multiprocessing, which skip ``atexit``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from _thread import allocate_lock, start_new_thread
from time import sleep
from typing import Any, Callable

Action = Callable[[], Any]

#: A signal that comes while the main thread holds one of these modules' locks comes again a little later.
_WITH_LOCKS = ("peekr.delivery", "peekr.lane", "peekr.pipeline", "peekr.lifecycle")
POSTPONE_S = 0.01
MAX_POSTPONED = 300
#: The program must die of the signal, whatever hangs; exporters have ``shutdown_timeout`` within this.
MAX_DRAIN_S = 60


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

    patience = iter(range(MAX_POSTPONED))

    def drain_and_die(number: int, frame: Any) -> None:
        if _inside_peekr(frame) and next(patience, None) is not None:
            _start(lambda: _again(number))
            return
        done = allocate_lock()
        done.acquire()
        try:
            if _start(lambda: _finally(action, done.release)):
                done.acquire(timeout=MAX_DRAIN_S)
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, drain_and_die)


def _again(number: int) -> None:
    sleep(POSTPONE_S)
    os.kill(os.getpid(), number)


def _inside_peekr(frame: Any) -> bool:
    """Whether the main thread was interrupted where it may hold a lock that draining needs."""
    while frame is not None:
        if frame.f_globals.get("__name__") in _WITH_LOCKS:
            return True
        frame = frame.f_back
    return False


def _start(function: Action) -> bool:
    """Run a function in a thread that needs none of the locks of :mod:`threading`; return whether it could start."""
    try:
        start_new_thread(function, ())
    except RuntimeError:
        return False
    return True


def _finally(action: Action, last: Action) -> None:
    try:
        action()
    finally:
        last()


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
