"""From the traced program's threads to the pipeline: one bounded queue, one background worker.

:func:`emit` is the hot path: it appends to a deque and returns. Whatever is unusual — tracing is off, the worker
sleeps, the queue is full, somebody registered a hook — is brought about by setting the limit to zero, which sends
the span through :meth:`Delivery._emit_slowly`.
"""

from __future__ import annotations

import logging
import os
import threading
from _thread import start_new_thread
from collections import deque
from copy import copy
from time import monotonic, perf_counter_ns, sleep
from typing import TYPE_CHECKING, Callable, Deque, List, Optional, Tuple

from peekr.ids import reseed
from peekr.pipeline import FlushTicket, Pipeline
from peekr.spans import Span
from peekr.wakeup import WakeUp

if TYPE_CHECKING:
    from peekr.config import Config

logger = logging.getLogger("peekr")

BATCH = 512
#: Where spans cost much in the worker (long texts to redact), so few at a time that a batch takes about so long: what
#: is done is on its way to the files while the rest is being done.
BATCH_S = 0.02
MIN_BATCH = 32
#: Seconds between two looks at the queue while spans keep coming; a span is on its way within this time.
INTERVAL_S = 0.04
#: Seconds that it pauses at least, however long the last look took.
PAUSE_S = 0.005
#: Seconds without a span after which the worker sleeps until the next one wakes it.
IDLE_S = 2.0
#: Seconds that a caller waits for room under the policy ``block``.
BLOCK_S = 5.0
ROOM_POLL_S = 0.005
DEFAULT_QUEUE_SIZE = 250_000
DEFAULT_QUEUE_BYTES = 100 * 1024 * 1024
#: Share of the queue kept free for roots and errors: they go last.
RESERVE = 0.1

SpanHook = Callable[[Span], object]


class Delivery:
    """The queue and the worker of this process. There is one, :data:`delivery`."""

    def __init__(self) -> None:
        self.queue: Deque[Span] = deque()
        #: Spans that :func:`emit` may let the queue grow to; zero sends each span the slow way.
        self.limit = 0
        self.max_spans = DEFAULT_QUEUE_SIZE
        self.max_bytes = DEFAULT_QUEUE_BYTES
        #: Bytes of captured content in the queue, an estimate: threads may lose each other's additions.
        self.bytes = 0
        self.taken = 0
        self.dropped = 0
        self.block = False
        #: Seconds that the end of a run waits for room, zero not at all.
        self.run_end_patience_s = 0.0
        #: Seconds that the end of a root span waits until everything is durable, zero not at all.
        self.synchronous_s = 0.0
        self.interval_s = INTERVAL_S
        self.pipeline: Optional[Pipeline] = None
        self.end_hooks: Tuple[SpanHook, ...] = ()
        #: When this process was forked, of time.perf_counter_ns(); zero in one that was not.
        self._forked_ns = 0
        self._said_full = False
        self._reset_thread()

    def _reset_thread(self) -> None:
        self._lock = threading.RLock()
        self._wake = WakeUp()
        self._thread: Optional[threading.Thread] = None
        self._asleep = True
        self._judging = False
        self._batch = BATCH
        self._flushes: Deque[FlushTicket] = deque()

    # -- the traced program's side ----------------------------------------------------------------------------

    def open(self, pipeline: Pipeline, end_hooks: Tuple[SpanHook, ...] = ()) -> None:
        """Let spans go to ``pipeline`` from now on."""
        with self._lock:
            self.pipeline = pipeline
            self.end_hooks = end_hooks
            self.limit = 0
            self._asleep = True

    def configure(self, config: Config) -> None:
        """Take over what the settings say about the queue."""
        about = config.trace_config
        self.max_spans, self._said_full = config.queue_size, False
        self.block = config.queue_full == "block"
        self.synchronous_s = config.shutdown_timeout if config.synchronous else 0.0
        self.run_end_patience_s = about.run_end_block_timeout_ms / 1000 if about.block_on_run_end else 0.0
        self.interval_s = min(INTERVAL_S, about.batch_timeout_ms / 1000)

    def close(self) -> None:
        """Stop taking spans. What is queued stays for the next :meth:`flush`."""
        with self._lock:
            self.pipeline = None
            self.limit = 0

    def emit_slowly(self, span: Span) -> None:
        """Take a span when the plain append will not do."""
        if self.pipeline is None or self._is_inherited(span):
            self.bytes = max(self.bytes - span._size, 0)
            return
        if span._t1 and not span.scope.muted:
            for hook in self.end_hooks:
                hook(span)
        if self._is_full(span) and not self._wait_for_room(span):
            self._drop(span)
            return
        self.queue.append(span)
        if self._asleep:
            self._rouse()
        if self.synchronous_s and span._t1 and span._run == span._id:  # a root, or the first span here of a trace
            self.flush(monotonic() + self.synchronous_s)

    def emit_from_finalizer(self, span: Span) -> None:
        """Take a span while an object is being collected: the collector may have interrupted a holder of the lock."""
        if self.pipeline is None:
            return
        hooked = bool(self.end_hooks)
        if not hooked:
            self.queue.append(span)
        try:  # what may need a lock is left to a thread of its own, which can wait for it
            if hooked:
                start_new_thread(self.emit_slowly, (span,))
            elif not self.limit:
                start_new_thread(self._rouse, ())
        except RuntimeError:  # no thread can be started any more: the last flush takes what is queued
            pass

    def emit_open(self, span: Span) -> None:
        """Hand over a run that has just begun, as it is now, for stores that can update it when it ends."""
        if self.pipeline is not None:
            opened = copy(span)
            opened._attributes = dict(span._attributes or {})
            self.emit_slowly(opened)

    def _is_full(self, span: Span) -> bool:
        important = span._parent is None or span.status == "error"
        share = 1 + RESERVE if important else 1
        return len(self.queue) >= self.max_spans * share or (span._size > 0 and self.bytes > self.max_bytes * share)

    def _wait_for_room(self, span: Span) -> bool:
        """Policy ``block``, and ends of runs that must not be lost: wait for the worker, but never for ever."""
        is_run_end = span._t1 and span._kind == "run"
        end = monotonic() + (BLOCK_S if self.block else self.run_end_patience_s if is_run_end else 0.0)
        while self._is_full(span) and monotonic() < end:
            self._wake.set()
            sleep(ROOM_POLL_S)
        return not self._is_full(span)

    def _drop(self, span: Span) -> None:
        with self._lock:
            self.bytes = max(self.bytes - span._size, 0)
            self.dropped += 1 if span._t1 else 0  # an open run will come again
            first, self._said_full = not self._said_full, True
        if first:
            logger.warning(
                "the queue is full (%d spans, about %d MiB): new spans are dropped and counted.\n"
                "peekr.stats()['spans']['dropped'] tells how many; instrument(queue_size=) makes more room",
                len(self.queue),
                self.bytes >> 20,
            )

    def _rouse(self) -> bool:
        """Wake the worker, or start it; return whether it runs. As the interpreter goes no thread can be started."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="peekr-worker", daemon=True)
                self._thread = thread  # first: see _run
                try:
                    thread.start()
                except RuntimeError:
                    self._thread = None
                    return False
        self._be_awake()
        if self.pipeline is not None:
            self.pipeline.prepare()
        self._wake.set()
        return True

    def flush(self, deadline: float, *, durable: bool = True) -> bool:
        """Wait until all that was emitted before is durable, or until ``deadline`` (of time.monotonic).

        :param durable: False waits only until the exporters' lanes have it.
        """
        if self.pipeline is None:
            return not self.queue
        if threading.current_thread() is self._thread:
            return False
        ticket = FlushTicket(durable)
        self._flushes.append(ticket)
        if not self._rouse():
            self._round()
        return ticket.wait(deadline)

    def is_alive(self) -> bool:
        """Whether spans are taken and passed on; the worker starts with the first of them."""
        return self.pipeline is not None and (self._thread is None or self._thread.is_alive())

    def give_up(self) -> None:
        """Drop what is still queued, counted, because the worker did not get to it in time."""
        lost = sum([1 for span in list(self.queue) if span._t1])
        self.queue.clear()
        self.dropped += lost
        if lost:
            logger.warning("the worker did not finish in time: %d spans are lost", lost)

    # -- the worker -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        if threading.current_thread() is not self._thread:  # Ctrl-C came in the midst of start(), and another runs
            return
        last = monotonic()
        while True:
            self._wake.clear()
            start = monotonic()
            if self._round():
                last = monotonic()
            if self._flushes:
                continue
            now = monotonic()
            if self._judging or now - last < IDLE_S:
                self._wake.wait(max(self.interval_s - (now - start), min(PAUSE_S, self.interval_s)))
            else:
                self._sleep()
                last = monotonic()

    def _round(self) -> bool:
        """Pass on all that is queued, then the flushes asked for before; return whether there was anything."""
        flushes = self._take_flushes()
        some = self._drain()
        pipeline = self.pipeline
        self._judging = pipeline is not None and self._collect(pipeline)
        for ticket in flushes:
            if pipeline is None or not ticket.durable:
                ticket.finish(pipeline is not None)
            else:
                pipeline.flush(ticket)
        return some

    def _collect(self, pipeline: Pipeline) -> bool:
        try:
            return pipeline.collect()
        except Exception as error:
            logger.error("the worker lost judged spans: %r", error, exc_info=error)
            return False

    def wake(self) -> None:
        """Let the worker look for what has been judged."""
        self._wake.set()

    def _take_flushes(self) -> List[FlushTicket]:
        return [self._flushes.popleft() for _ in range(len(self._flushes))]

    def _drain(self) -> bool:
        """Hand everything that is queued to the pipeline, in batches."""
        some = False
        queue = self.queue
        while queue:
            batch: List[Span] = []
            try:
                for _ in range(self._batch):
                    batch.append(queue.popleft())
            except IndexError:
                pass
            some = True
            if self._forked_ns:
                batch = [span for span in batch if not self._is_inherited(span)]
            self.taken += sum([1 for span in batch if span._t1])  # an open run will come again
            size = sum([span._size for span in batch])
            self.bytes = max(self.bytes - size, 0) if queue else 0
            self._process(batch)
        return some

    def _process(self, batch: List[Span]) -> None:
        start = monotonic()
        try:
            if self.pipeline is not None:
                self.pipeline.process(batch)
            if len(batch) >= MIN_BATCH:
                self._batch = max(MIN_BATCH, min(BATCH, int(len(batch) * BATCH_S / (monotonic() - start + 1e-9))))
        except BaseException as error:  # such as SystemExit in a processor: the worker survives it
            lost = sum([1 for span in batch if span._t1])
            self.taken -= lost
            self.dropped += lost
            logger.error("the worker lost a batch of %d spans: %r", lost, error, exc_info=error)

    def _sleep(self) -> None:
        """Wait for the next span without looking: it comes the slow way and wakes the worker."""
        self._asleep = True
        self.limit = 0
        if not self.queue:  # one may have slipped in before the limit fell
            self._wake.wait()
        self._be_awake()

    def _be_awake(self) -> None:
        """Let spans come the fast way where nothing asks for the slow one."""
        self._asleep = False
        if self._is_plain():
            self.limit = self.max_spans
            if not self._is_plain():  # open() or close() came in between: the worker waits for no lock of theirs
                self.limit = 0

    def _is_plain(self) -> bool:
        return self.pipeline is not None and not self.end_hooks and not self.synchronous_s

    # -- fork -------------------------------------------------------------------------------------------------

    def _is_inherited(self, span: Span) -> bool:
        """Whether a span was open when this process was forked: its record is the parent's, which ends it too.

        Spans of which the end was given are told of afterwards, and are this process's whenever they began.
        """
        return 0 < span._t0 < self._forked_ns and span._end_ns is None

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child: the parent's queue, threads, ids and open spans are the parent's."""
        self._forked_ns = perf_counter_ns()
        self.queue.clear()
        self.bytes = self.taken = self.dropped = 0
        self._reset_thread()
        self.limit = 0
        reseed()
        if self.pipeline is not None:
            self.pipeline.after_fork_in_child()


delivery = Delivery()
_append = delivery.queue.append
_queue = delivery.queue


def emit(span: Span) -> None:
    """Hand an ended span to the worker. Called in the traced program's thread; never waits, never raises."""
    size = span._size
    if size:
        delivery.bytes += size
        if delivery.bytes > delivery.max_bytes:
            delivery.emit_slowly(span)
            return
    if len(_queue) < delivery.limit:
        _append(span)
    else:
        delivery.emit_slowly(span)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=delivery.after_fork_in_child)
