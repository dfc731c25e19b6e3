"""Draining before the process goes: SIGTERM, and children of multiprocessing and Celery, which skip ``atexit``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from _thread import allocate_lock, start_new_thread
from typing import Any, Callable

Action = Callable[[], Any]

#: The main thread may hold locks of these modules, so it is not stopped in them.
_WITH_LOCKS = tuple(
    f"peekr.{name}" for name in ("delivery", "lane", "pipeline", "evaluation", "lifecycle", "switching", "attaching")
)
#: The program must die of the signal, whatever hangs; exporters have ``shutdown_timeout`` within this.
MAX_DRAIN_S = 60


def watch_exit(action: Action) -> None:
    """Call ``action`` when the process is ended by SIGTERM or as a multiprocessing child.

    SIGTERM is taken only where nobody else handles it, and from the main thread; the process then still dies of
    the signal. Normal exit is the business of :mod:`atexit`.
    """
    _on_sigterm(action)
    _in_multiprocessing_child(action)
    _in_celery_worker(action)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _in_forked_child(action))


def _on_sigterm(action: Action) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    if not hasattr(signal, "SIGTERM") or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    signal.signal(signal.SIGTERM, _Draining(action))


class _Draining:
    """What SIGTERM does: drain in a thread, while the main thread waits; then die of the signal.

    Where the main thread may hold a lock that draining needs (in :func:`peekr.flush`, or at exit), it goes on
    meanwhile, and gets the signal again when all is written.
    """

    def __init__(self, action: Action) -> None:
        self._action = action
        self._begun_in = 0
        self._done = False
        self._over = allocate_lock()

    def __call__(self, number: int, frame: Any) -> None:
        """Handle the signal, in the main thread."""
        process = os.getpid()
        if self._begun_in != process:  # not yet, or in the parent
            self._begun_in, self._done, self._over = process, False, allocate_lock()
            self._over.acquire()
            if _inside_peekr(frame):
                if not _start(lambda: self._drain_beside(number)):  # the interpreter goes, and peekr is draining
                    self._begun_in = 0
                return
            if _start(self._drain):
                self._over.acquire(timeout=MAX_DRAIN_S)
        elif not self._done:
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(process, number)

    def _drain(self) -> None:
        try:
            self._action()
        finally:
            self._over.release()

    def _drain_beside(self, number: int) -> None:
        if _start(self._drain):
            self._over.acquire(timeout=MAX_DRAIN_S)
        self._done = True
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


def _in_multiprocessing_child(action: Action) -> None:
    """Spawned and forkserver children: multiprocessing ends them by its own list of finalizers."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing import util

        util.Finalize(None, action, exitpriority=100)
    else:  # a forkserver's child imports the main module before it knows itself to be a child
        _in_child_to_be(action)


def _in_forked_child(action: Action) -> None:
    _in_child_to_be(action)
    _in_celery_worker(action)


def _in_child_to_be(action: Action) -> None:
    """The list of finalizers is emptied as a child begins its work, so ask to be put on it after that."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _keeper.is_registered:
        _keeper.is_registered = True
        util.register_after_fork(_keeper, lambda _: util.Finalize(None, action, exitpriority=100))


def _in_celery_worker(action: Action) -> None:
    """Processes of Celery's pool: they end by ``os._exit()``, or by a SIGTERM for which Celery resets the handler."""
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signals.worker_process_shutdown.connect(lambda **_: action(), weak=False, dispatch_uid="peekr")


class _Keeper:
    """multiprocessing registers by weak reference, so something has to stay.

    :ivar is_registered: whether it was done; forked children inherit the registration with it.
    """

    def __init__(self) -> None:
        self.is_registered = False


_keeper = _Keeper()
