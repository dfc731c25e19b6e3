"""What happens between :meth:`HTTPExporter.export_batch` and the server: one thread, one batch at a time, in order.

Everything under ``_changed`` is shared by the sender's thread, the exporter's lane and whoever shuts down; requests
and files are done outside of it.
"""

from __future__ import annotations

import threading
from time import monotonic, sleep
from typing import Callable, Dict, Optional, Sequence, Tuple

from peekr.errors import PeekrError
from peekr_http.buffer import Item
from peekr_http.journal import Journal
from peekr_http.losses import spans
from peekr_http.options import Options
from peekr_http.outbox import Outbox, Settle
from peekr_http.spool import Spool
from peekr_http.transport import Transport

#: Seconds for :meth:`Sender.close` where nobody sets a deadline, and of a deadline that are left to others.
CLOSE_S = 3.0
MARGIN_S = 0.25
#: Seconds that a caller of :meth:`Sender.add` waits for room while the server keeps up.
ROOM_S = 1.0
#: The least that a request is given when time is short.
LEAST_TIMEOUT_S = 0.05


class Sender:
    """Buffers, sends, tries again, keeps on disk. ``settle`` is told what became of the spans."""

    def __init__(self, options: Options, transport: Transport, spool: Optional[Spool], settle: Settle) -> None:
        self._options, self._transport, self._spool, self._settle = options, transport, spool, settle
        self._closing = False
        self._journal = None if spool is None else Journal(spool)
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._outbox = Outbox(self._transport.address, self._options, self._spool, self._settle)
        self._thread: Optional[threading.Thread] = None
        #: Another object when the thread's work is taken from it: at the end, and in a forked child.
        self._epoch = object()
        self._number = self._flushing = 0
        self._deadline: Optional[float] = None
        self._patience = 0.0

    # -- the exporter's side ----------------------------------------------------------------------------------

    def add(self, items: Sequence[Tuple[str, Item]]) -> None:
        """Take encoded spans.

        :raises RuntimeError: after :meth:`close`.
        """
        with self._changed:
            if self._closing:
                raise RuntimeError(f"the exporter to {self._transport.address} was shut down; no more can be sent")
            self._forget_past_hurry()
            self._note(items)
            room_until = monotonic() + ROOM_S
            buffer = self._outbox.buffer
            for span_id, item in items:
                self._number += 1
                item.number, item.arrived = self._number, monotonic()
                if not buffer.add(span_id, item):
                    self._wait_for_room(room_until)
                    if not buffer.add(span_id, item):
                        self._outbox.drop(item.weight, "full", "the buffer is full, the server takes them too slowly")
            self._changed.notify_all()
        if items:
            self._start()

    def _note(self, items: Sequence[Tuple[str, Item]]) -> None:
        if self._journal is not None:
            problem = self._journal.add([item.body for _, item in items], self._number + len(items))
            if problem:
                message = "spans on their way to %s are in memory only: %s"
                self._outbox.losses.say("journal", message, self._transport.address, problem)

    def _wait_for_room(self, until: float) -> None:
        while self._outbox.reachable and not self._outbox.buffer.has_room() and self._deadline is None:
            left = until - monotonic()
            if left <= 0 or not self._start():
                return
            self._changed.notify_all()
            self._changed.wait(left)

    def flush(self) -> None:
        """Wait until all that was added before has been accepted, kept on disk or given up.

        :raises PeekrError: if spans were lost meanwhile, or are still waiting because time is short.
        """
        with self._changed:
            self._forget_past_hurry()
            outbox = self._outbox
            target, lost = self._number, outbox.losses.total
            self._flushing += 1
            try:
                self._send_up_to(target)
                done = outbox.is_past(target)
            finally:
                self._flushing -= 1
                outbox.urgent = self._flushing > 0
            lost = outbox.losses.total - lost
            why = outbox.losses.last if lost else outbox.trouble or "it does not answer"
        if lost or not done:
            what = f"{spans(lost)} lost on the way" if lost else "not all spans could be sent in time"
            raise PeekrError(f"{what} to {self._transport.address}: {why}.\nSee peekr.stats() for the counts")

    def _send_up_to(self, target: int) -> None:
        """Wait until these spans and those of the spool are dealt with, or the server does not take the latter."""
        outbox = self._outbox
        probes = outbox.failed_probes
        outbox.urgent, outbox.probe_at = True, 0.0
        outbox.look_for_files()
        self._changed.notify_all()
        self._until(lambda: outbox.is_past(target) and (not outbox.spooled or outbox.failed_probes > probes))

    def hurry(self, deadline: float) -> None:
        """Set the time.monotonic() by which flush() or close() has to be done; any thread may call this."""
        with self._changed:
            now, outbox = monotonic(), self._outbox
            left = max(deadline - now, 0.0)
            self._deadline = deadline - max(MARGIN_S, left / 4 if self._spool is not None else 0.0)
            self._patience = left / 2
            outbox.in_a_hurry, outbox.progress = True, max(outbox.progress, now)
            if not outbox.asked_to_wait:
                outbox.not_before = 0.0
            self._changed.notify_all()

    def close(self) -> None:
        """Send what is left while there is time; keep the rest in the spool, or count it as lost. Idempotent."""
        with self._changed:
            if self._closing:
                return
            self._closing, outbox = True, self._outbox
            if self._deadline is None:
                self.hurry(monotonic() + CLOSE_S)
            self._send_up_to(self._number)
            idle = not outbox.work
            self._epoch = object()
            rest = outbox.take_rest()
            self._changed.notify_all()
        problems = [(batch, outbox.write(batch) if self._spool is not None else "") for batch in rest]
        kept = sum([batch.weight for batch, problem in problems if self._spool is not None and not problem])
        with self._changed:
            lost = sum([batch.weight for batch in rest]) - kept
            outbox.end(kept, lost, next((problem for _, problem in problems if problem), ""))
            if self._journal is not None:
                self._journal.close()
        self._close_connections(idle)

    def _close_connections(self, idle: bool) -> None:
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._transport.close()
        elif idle:  # else it is stuck in a request, and closes the connection when that ends
            thread.join(0.5)

    def after_fork_in_child(self) -> None:
        """Start with nothing: what waits is the parent's, and so are its connections."""
        self._transport.abandon()
        if self._spool is not None:
            self._spool.after_fork_in_child()
        if self._journal is not None:
            self._journal.after_fork_in_child()
        self._reset()

    def stats(self) -> Dict[str, int]:
        """Counts of ended spans, and of requests."""
        return {**self._outbox.counts, "waiting": self._outbox.waiting}

    # -- time -------------------------------------------------------------------------------------------------

    def _forget_past_hurry(self) -> None:
        if self._deadline is not None and not self._closing and monotonic() > self._deadline + MARGIN_S:
            self._deadline = None
            self._outbox.in_a_hurry = self._outbox.hopeless = False

    def _limit(self) -> Optional[float]:
        """Return when to give up: half of the time without an answer, or the deadline."""
        return None if self._deadline is None else min(self._deadline, self._outbox.progress + self._patience)

    def _time_is_up(self) -> bool:
        limit, outbox = self._limit(), self._outbox
        if limit is None:
            return False
        return outbox.hopeless or monotonic() >= limit or bool(outbox.work and outbox.not_before > limit)

    def _until(self, done: Callable[[], bool]) -> None:
        """Wait for the sender; do its work here where no thread can be started any more, as the interpreter goes."""
        outbox = self._outbox
        if outbox.buffer or outbox.work or outbox.spooled:
            self._start()
        while not done() and not self._time_is_up():
            limit = self._limit()
            left = None if limit is None else max(limit - monotonic(), 0.0)
            if self._thread is not None and self._thread.is_alive():
                self._changed.wait(left)
                continue
            pause = outbox.pause_s()
            if pause is None:
                return
            self._changed.release()
            try:
                sleep(pause if left is None else min(pause, left))
                self._turn(self._epoch)
            finally:
                self._changed.acquire()

    # -- the thread -------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, args=(self._epoch,), name="peekr-http-sender", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return False
                self._thread = thread
        return True

    def _run(self, epoch: object) -> None:
        changed, outbox = self._changed, self._outbox
        while True:
            with changed:
                pause = outbox.pause_s()
                while self._epoch is epoch and pause != 0:
                    changed.wait(None if pause is None else min(pause, threading.TIMEOUT_MAX))
                    pause = outbox.pause_s()
                if self._epoch is not epoch:
                    break
            self._turn(epoch)
        self._transport.close()

    def _turn(self, epoch: object) -> None:
        """Do one thing, a batch into the spool or to the server; whatever goes wrong, the thread lives on."""
        try:
            self._work(epoch)
        except Exception as error:
            with self._changed:
                if self._epoch is epoch:
                    self._broken(f"{type(error).__name__} in the exporter")
                    self._changed.notify_all()

    def _broken(self, reason: str) -> None:
        outbox = self._outbox
        if outbox.work:
            outbox.lose(outbox.work[0], reason, reason)
        else:
            outbox.losses.say(reason, "%s", reason)
            outbox.spooled = False

    def _work(self, epoch: object) -> None:
        outbox = self._outbox
        with self._changed:
            batch = outbox.next_batch() if self._epoch is epoch else None
            limit = self._limit()
            self._changed.notify_all()
        if batch is None:
            return
        if batch.spooling:
            problem, answer = outbox.write(batch), None
        else:
            timeout = self._options.timeout_seconds
            if limit is not None:
                timeout = max(min(timeout, limit - monotonic()), LEAST_TIMEOUT_S)
            problem, answer = "", self._transport.post(batch.body(), timeout)
        with self._changed:
            if self._epoch is epoch:
                if answer is None:
                    outbox.written(batch, problem)
                else:
                    outbox.handle(batch, answer)
                if self._journal is not None:
                    self._journal.settle(outbox.is_past)
                self._changed.notify_all()
