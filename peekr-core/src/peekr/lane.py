"""One exporter's own lane: a bounded queue of batches and a thread, so that it can slow down nobody but itself."""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Optional, Sequence, Set, Tuple, Union

from peekr.context import untraced
from peekr.spans import Span
from peekr.wakeup import WakeUp

if TYPE_CHECKING:
    from peekr.pipeline import FlushTicket
    from peekr.routes import Route

logger = logging.getLogger("peekr")

#: Spans that may wait for one exporter.
MAX_WAITING = 250_000
MAX_WAITING_BYTES = 100 * 1024 * 1024
#: Content that is added to a batch for an exporter with ``max_batch``.
MAX_JOINED_BYTES = 4 * 1024 * 1024

Item = Union[List[Span], "FlushTicket"]


def _count(batch: Sequence[Span]) -> Tuple[int, int]:
    """Return how many spans of a batch are complete (the others come again and count then), and their bytes."""
    return sum([1 for span in batch if span._t1 and span.__class__ is Span]), sum([span._size for span in batch])


class Lane:
    """Calls one exporter, batch by batch, in a thread of its own; counts what it took, refused and lost.

    ``export`` takes a batch and returns how many of its spans the exporter refused.
    """

    def __init__(self, name: str, exporter: Any, export: Callable[[Sequence[Span]], int]) -> None:
        self.name = name
        self.exporter = exporter
        self.export = export
        #: ``counted`` of the exported ones belong to an earlier configuration.
        self.exported = self.failed = self.dropped = self.counted = 0
        self.last_error: Optional[str] = None
        #: Whether the exporter may get a span again: an open run when it has ended, a judged span with its scores.
        self.updates = bool(getattr(exporter, "supports_update", False))
        #: Of the :class:`peekr.Trace` whose exporter this is, see :mod:`peekr.routes`; None takes what has none.
        self.route: Optional[Route] = None
        #: Spans that the exporter is given at a time, at most, where it has no say of its own.
        self.batch_size: Optional[int] = None
        self.closed = False
        self._said: Set[str] = set()
        #: Whether the exporter sends later and says then, through its ``on_settled``, what became of the spans.
        self._settles = hasattr(type(exporter), "on_settled")
        self._reset_thread()
        if self._settles:
            exporter.on_settled = self.settle

    def _reset_thread(self) -> None:
        self._items: Deque[Item] = deque()
        self._waiting = 0
        self._waiting_bytes = 0
        self._at_work = 0
        #: Spans that the exporter took and has not yet settled.
        self._pending = 0
        self._lost_at_end = False
        self._lock = threading.RLock()
        self._wake = WakeUp()
        self._thread: Optional[threading.Thread] = None
        self._stopped = False
        self._last_call = "shutdown"

    # -- the worker's side ------------------------------------------------------------------------------------

    def put(self, batch: List[Span]) -> None:
        """Queue a batch; drop and count it when the exporter is too far behind."""
        count, size = _count(batch)
        if self.closed:
            self.dropped += count
            return
        with self._lock:
            full = self._waiting + count > MAX_WAITING or self._waiting_bytes + size > MAX_WAITING_BYTES
            if full:
                self.dropped += count
            else:
                self._items.append(batch)
                self._waiting += count
                self._waiting_bytes += size
        if full:
            self._say(f"is {self._waiting} spans behind: new ones are dropped for it", kind="behind")
        self._rouse()

    def put_ticket(self, ticket: FlushTicket) -> None:
        """Queue a flush behind the batches."""
        if self.closed:
            ticket.lane_done(True)
            return
        self._items.append(ticket)
        self._rouse()

    def prepare(self) -> bool:
        """Start the thread, unless it runs; return whether it does. As the interpreter goes it starts no more."""
        if self._thread is not None and self._thread.is_alive():
            return True
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name=f"peekr-{self.name}", daemon=True)
                self._thread = thread  # first: see _run
                try:
                    thread.start()
                except RuntimeError:
                    self._thread = None
                    return False
        return True

    def _rouse(self) -> None:
        if self.prepare():
            self._wake.set()
        elif not self._at_work:
            self._work_off()

    # -- the lane's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        if threading.current_thread() is not self._thread:  # Ctrl-C came in the midst of start(), and another runs
            return
        if not hasattr(self.exporter, "max_batch"):  # one of the user's; its own calls would be exported for ever
            untraced().__enter__()
        while True:
            self._wake.clear()
            if self._work_off():
                return
            self._wake.wait()

    def _work_off(self) -> bool:
        """Do all that is queued, and the last call to the exporter if the lane was stopped; return whether it was."""
        while self._items:
            item = self._items.popleft()
            if isinstance(item, list):
                self._work(self._with_those_behind(item))
            else:
                item.lane_done(self.call("flush"))
        if self._stopped:
            with self._lock:  # once, though a thread may end as another one is started for the same end
                last_call, self._last_call = self._last_call, ""
            if last_call:
                self.call(last_call)
        return self._stopped

    def _with_those_behind(self, batch: List[Span]) -> List[Span]:
        """Add the batches that wait behind this one, for an exporter that is faster with many spans at once."""
        wanted: int = getattr(self.exporter, "max_batch", 0)
        size, copied = 0, False
        while len(batch) < wanted and self._items and isinstance(self._items[0], list):
            size += sum([span._size for span in self._items[0]])
            if size > MAX_JOINED_BYTES:
                break
            behind = self._items.popleft()
            assert isinstance(behind, list)
            batch, copied = (batch if copied else list(batch)), True  # other lanes hold the same list
            batch += behind
        return batch

    def _work(self, batch: List[Span]) -> None:
        count, size = _count(batch)
        with self._lock:
            self._waiting -= count
            self._waiting_bytes -= size
            if self._settles:
                self._pending += count
            else:
                self._at_work = count
        try:
            refused = self._export(batch)
        except BaseException as error:  # whatever an exporter does, its lane goes on
            refused = count
            self._failed(error)
        if self._settles:
            self.settle(failed=refused)
            return
        with self._lock:
            if self._at_work:  # else they were given up meanwhile, and are counted as dropped
                self.failed += refused
                self.exported += count - refused
            self._at_work = 0

    def _export(self, batch: List[Span]) -> int:
        size = self.batch_size
        if size is None or len(batch) <= size or hasattr(self.exporter, "max_batch"):
            return self.export(batch)
        refused = 0
        for start in range(0, len(batch), size):
            part = batch[start : start + size]
            try:
                refused += self.export(part)
            except Exception as error:
                refused += _count(part)[0]
                self._failed(error)
        return refused

    def settle(
        self, sent: int = 0, failed: int = 0, dropped: int = 0, error: Optional[str] = None, found: int = 0
    ) -> None:
        """Count what became of spans that the exporter took earlier; it calls this from any thread.

        Spans that were given up meanwhile are counted as dropped already.

        :param sent: may be negative, where spans that were kept safe are lost after all.
        :param found: so many of the others are of an earlier process.
        """
        with self._lock:
            room = self._pending + found
            for name, count in (("exported", sent), ("failed", failed), ("dropped", dropped)):
                counted = min(count, room)
                room -= counted
                setattr(self, name, getattr(self, name) + counted)
            self._pending = room
            self._lost_at_end = self._lost_at_end or (self.closed and failed + dropped > 0)
            self.last_error = error or self.last_error

    def call(self, method: str) -> bool:
        """Call a method of the exporter if it has it; return whether that went well."""
        call = getattr(self.exporter, method, None)
        if call is None:
            return True
        try:
            call()
        except BaseException as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: BaseException) -> None:
        self.last_error = f"{type(error).__name__}: {error}"
        self._say(f"failed: {self.last_error}", kind=f"failed {type(error).__name__}")

    def note_failure(self, error: Exception) -> None:
        """Remember why one span of a batch could not be exported."""
        self._failed(error)

    def _say(self, what: str, kind: str) -> None:
        """Log each kind of trouble once."""
        if kind not in self._said:
            self._said.add(kind)
            logger.warning("exporter %r %s. The other exporters and your program go on", self.name, what.rstrip("."))

    # -- the end ----------------------------------------------------------------------------------------------

    def stop(self, shutdown_exporter: bool = True, deadline: Optional[float] = None) -> None:
        """Take no more spans; write what waits, then flush the exporter or shut it down. Returns at once.

        An exporter that may wait for long has a method ``hurry(deadline)``, which is told the time.monotonic() by
        which it has to be done.
        """
        if not self.closed:
            if deadline is not None and hasattr(type(self.exporter), "hurry"):
                self.exporter.hurry(deadline)
            self._last_call = "shutdown" if shutdown_exporter else "flush"
            self.closed = self._stopped = True
            self._rouse()

    def join(self, deadline: float) -> bool:
        """Wait for a stopped lane; give up at ``deadline`` (of time.monotonic), counting what is lost."""
        thread = self._thread
        if thread is threading.current_thread():
            return True
        if thread is not None:
            thread.join(min(max(deadline - monotonic(), 0), threading.TIMEOUT_MAX))
        if self._waiting or self._at_work or self._pending or (thread is not None and thread.is_alive()):
            return self._give_up()
        return not self._lost_at_end

    def _give_up(self) -> bool:
        with self._lock:
            lost = self._waiting + self._at_work + self._pending
            self._items.clear()
            self._waiting = self._waiting_bytes = self._at_work = self._pending = 0
            self.dropped += lost
        logger.warning(
            "exporter %r did not finish in time: %s.\n"
            "instrument(shutdown_timeout=) gives it more than the default of 3 seconds",
            self.name,
            f"{lost} spans are lost" if lost else "no span is known to be lost",
        )
        return False

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child; the exporter may have a method of the same name for its own part."""
        self.exported = self.failed = self.dropped = self.counted = 0
        self._reset_thread()
        self.call("after_fork_in_child")

    def stats(self) -> Dict[str, Any]:
        """Counts as :func:`peekr.stats` shows them."""
        return {
            "exported": self.exported,
            "failed": self.failed,
            "dropped": self.dropped,
            "waiting": self._waiting + self._at_work + self._pending,
            "last_error": self.last_error,
        }
