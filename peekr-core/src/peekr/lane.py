"""One exporter's own lane: a bounded queue of batches and a thread, so that it can slow down nobody but itself."""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Optional, Sequence, Set, Union

from peekr.spans import Span

if TYPE_CHECKING:
    from peekr.pipeline import FlushTicket

logger = logging.getLogger("peekr")

#: Spans that may wait for one exporter.
MAX_WAITING = 250_000
MAX_WAITING_BYTES = 100 * 1024 * 1024

Item = Union[List[Span], "FlushTicket"]


class Lane:
    """Calls one exporter, batch by batch, in a thread of its own; counts what it took, refused and lost.

    ``export`` takes a batch and returns how many of its spans the exporter refused.
    """

    def __init__(self, name: str, exporter: Any, export: Callable[[Sequence[Span]], int]) -> None:
        self.name = name
        self.exporter = exporter
        self.export = export
        self.exported = self.failed = self.dropped = 0
        self.last_error: Optional[str] = None
        self.closed = False
        self._said: Set[str] = set()
        self._reset_thread()

    def _reset_thread(self) -> None:
        self._items: Deque[Item] = deque()
        self._waiting = 0
        self._waiting_bytes = 0
        self._at_work = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._stopped = False
        self._last_call = "shutdown"

    # -- the worker's side ------------------------------------------------------------------------------------

    def put(self, batch: List[Span]) -> None:
        """Queue a batch; drop and count it when the exporter is too far behind."""
        if self.closed:
            return
        size = sum([span._size for span in batch])
        with self._lock:
            full = self._waiting + len(batch) > MAX_WAITING or self._waiting_bytes + size > MAX_WAITING_BYTES
            if full:
                self.dropped += len(batch)
            else:
                self._items.append(batch)
                self._waiting += len(batch)
                self._waiting_bytes += size
        if full:
            self._say(f"is {self._waiting} spans behind: new ones are dropped for it")
        self._rouse()

    def put_ticket(self, ticket: FlushTicket) -> None:
        """Queue a flush behind the batches."""
        if self.closed:
            ticket.lane_done(True)
            return
        self._items.append(ticket)
        self._rouse()

    def _rouse(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name=f"peekr-{self.name}", daemon=True)
            self._thread.start()
        self._wake.set()

    # -- the lane's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.clear()
            while self._items:
                item = self._items.popleft()
                if isinstance(item, list):
                    self._work(item)
                else:
                    item.lane_done(self._flush_exporter())
            if self._stopped:
                self._call(self._last_call)
                return
            self._wake.wait()

    def _work(self, batch: List[Span]) -> None:
        with self._lock:
            self._waiting -= len(batch)
            self._waiting_bytes -= sum([span._size for span in batch])
            self._at_work = len(batch)
        try:
            refused = self.export(batch)
        except Exception as error:
            self.failed += len(batch)
            self._failed(error)
        else:
            self.failed += refused
            self.exported += len(batch) - refused
        self._at_work = 0

    def _flush_exporter(self) -> bool:
        return self._call("flush")

    def _call(self, method: str) -> bool:
        call = getattr(self.exporter, method, None)
        if call is None:
            return True
        try:
            call()
        except Exception as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: Exception) -> None:
        self.last_error = f"{type(error).__name__}: {error}"
        self._say(f"failed: {self.last_error}")

    def note_failure(self, error: Exception) -> None:
        """Remember why one span of a batch could not be exported."""
        self._failed(error)

    def _say(self, what: str) -> None:
        """Log each kind of trouble once."""
        kind = what.split(":")[0] + (self.last_error or "").split(":")[0]
        if kind not in self._said:
            self._said.add(kind)
            logger.warning("exporter %r %s. The other exporters and your program go on", self.name, what)

    # -- the end ----------------------------------------------------------------------------------------------

    def stop(self, shutdown_exporter: bool = True) -> None:
        """Take no more spans; write what waits, then flush the exporter or shut it down. Returns at once."""
        if not self.closed:
            self._last_call = "shutdown" if shutdown_exporter else "flush"
            self.closed = self._stopped = True
            self._rouse()

    def join(self, deadline: float) -> bool:
        """Wait for a stopped lane; give up at ``deadline`` (of time.monotonic), counting what is lost."""
        thread = self._thread
        if thread is not None:
            thread.join(max(deadline - monotonic(), 0))
            if thread.is_alive():
                return self._give_up()
        return True

    def _give_up(self) -> bool:
        with self._lock:
            lost = self._waiting + self._at_work
            self._items.clear()
            self._waiting = self._waiting_bytes = 0
        self.dropped += lost
        logger.warning(
            "exporter %r did not finish in time: %d spans are lost.\n"
            "instrument(shutdown_timeout=) gives it more than the default of 3 seconds",
            self.name,
            lost,
        )
        return False

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child; the exporter may have a method of the same name for its own part."""
        self.exported = self.failed = self.dropped = 0
        self._reset_thread()
        hook = getattr(self.exporter, "after_fork_in_child", None)
        if hook is not None:
            hook()

    def stats(self) -> Dict[str, Any]:
        """Counts as :func:`peekr.stats` shows them."""
        return {
            "exported": self.exported,
            "failed": self.failed,
            "dropped": self.dropped,
            "waiting": self._waiting + self._at_work,
            "last_error": self.last_error,
        }
