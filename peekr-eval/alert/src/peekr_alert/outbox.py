"""A bounded queue with a thread behind it, for one sink: whoever puts something in never waits."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections import deque
from time import monotonic
from typing import Any, Callable, Deque, Dict, Optional, Set

logger = logging.getLogger("peekr")

#: Notices that may wait; the oldest give way, since the newest says how things stand.
MAX_WAITING = 1000
#: Seconds that all outboxes together may take at exit, where peekr.shutdown() has not emptied them already.
_AT_EXIT_S = 2.0


class Outbox:
    """Calls ``send`` for each item, in a daemon thread that lives while there is something to send."""

    def __init__(self, send: Callable[[Any], object], name: str) -> None:
        self._send = send
        self._name = name
        self.sent = self.failed = self.dropped = 0
        self.last_error: Optional[str] = None
        self._said: Set[str] = set()
        self._reset()
        _outboxes.add(self)

    def _reset(self) -> None:
        self._items: Deque[Any] = deque()
        self._changed = threading.Condition()
        self._busy = self._sending = False

    def put(self, item: Any) -> None:
        """Queue an item. Never waits for the sink, never raises."""
        with self._changed:
            if len(self._items) >= MAX_WAITING:
                self._items.popleft()
                self.dropped += 1
                self._say(f"is {MAX_WAITING} notices behind: the oldest are dropped")
            self._items.append(item)
            if not self._busy:
                self._busy = self._start()

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name=f"peekr-sink-{self._name}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter goes: nothing can be sent any more
            self._say(f"has no thread to send in: {error}")
            return False
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._sending = False
                if not self._items:
                    self._busy = False
                    self._changed.notify_all()
                    return
                item = self._items.popleft()
                self._sending = True
            try:
                self._send(item)
            except BaseException as error:  # whatever a sink does, the next notice is tried
                self.failed += 1
                self.last_error = f"{type(error).__name__}: {error}"
                self._say(f"failed: {self.last_error}")
            else:
                self.sent += 1

    def drain(self, deadline: float) -> bool:
        """Wait until nothing waits any more, or until ``deadline`` (of time.monotonic); return whether it is so."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._busy and not self._items, max(deadline - monotonic(), 0))
            left = len(self._items) + self._sending
        if not done:
            self._say(f"did not finish in time: {left} notices may be lost")
        return done

    def stats(self) -> Dict[str, Any]:
        """Counts of this process."""
        return {
            "sent": self.sent,
            "failed": self.failed,
            "dropped": self.dropped,
            "waiting": len(self._items) + self._sending,
            "last_error": self.last_error,
        }

    def _say(self, what: str) -> None:
        """Log each kind of trouble once."""
        if what not in self._said and len(self._said) < 20:
            self._said.add(what)
            logger.warning("alert sink %s %s", self._name, what)


_outboxes: weakref.WeakSet[Outbox] = weakref.WeakSet()


def _at_exit() -> None:
    deadline = monotonic() + _AT_EXIT_S
    for outbox in list(_outboxes):
        outbox.drain(deadline)


def _after_fork_in_child() -> None:
    """The parent sends what it has queued; its threads are not here."""
    for outbox in list(_outboxes):
        outbox._reset()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
