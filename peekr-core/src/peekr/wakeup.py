"""How a thread of the traced program wakes one of peekr's."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Optional


class WakeUp:
    """A flag that one thread waits for and any thread sets.

    Not a :class:`threading.Event`: that is written in Python around a lock, and a Ctrl-C in the midst of it leaves the
    lock held, so that whoever sets the flag next waits for ever. Here each step is one call into C.
    """

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake the thread that waits, or let its next wait return at once."""
        if self._calls.empty():  # two at a time may both see that: clear() takes all there are
            self._calls.put(None)

    def clear(self) -> None:
        """Forget what was set before."""
        try:
            while True:
                self._calls.get_nowait()
        except Empty:
            pass

    def wait(self, timeout_s: Optional[float] = None) -> bool:
        """Return whether it was set within the time; the flag is down then."""
        try:
            self._calls.get(timeout=timeout_s)
        except Empty:
            return False
        return True
