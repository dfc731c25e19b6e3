"""The spans of a sender and what becomes of them. A span is in exactly one place: the buffer, the work (whose first
batch is on its way), a file of the spool, or the counts.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Callable, Deque, Dict, List, Optional

from peekr_http.buffer import Batch, Buffer
from peekr_http.journal import recover
from peekr_http.losses import Losses
from peekr_http.options import Options
from peekr_http.retry import Verdict, backoff_s
from peekr_http.spool import Spool
from peekr_http.spooled import load
from peekr_http.transport import Answer

#: Attempts to reach the server that a batch has once time is short, and the seconds between them.
HURRIED = 4
HURRIED_PAUSE_S = 0.1
#: Longest pause between two looks whether the server is there again, while spans wait in the spool.
MAX_PROBE_S = 30.0

Settle = Callable[..., object]


class Outbox:
    """Called under the sender's lock, but for :meth:`write`; times are of time.monotonic().

    :ivar work: batches to be sent or spooled next; none of them before ``not_before``.
    :ivar spooled: whether older spans wait in the spool, to be tried at ``probe_at``.
    :ivar failed_probes: how often the server was found not to take what waits there.
    :ivar in_a_hurry: whether the end is near.
    :ivar hopeless: whether it is, and the server is not there.
    :ivar progress: when the server last dealt with a batch.
    :ivar trouble: why the last attempt failed; empty after one that did not.
    """

    def __init__(self, address: str, options: Options, spool: Optional[Spool], settle: Settle) -> None:
        self._address, self._options, self.spool, self._settle = address, options, spool, settle
        self.buffer = Buffer(options.max_buffer_spans, options.max_buffer_bytes)
        self.work: Deque[Batch] = deque()
        self.losses = Losses(address)
        self.not_before = self.probe_at = self.progress = 0.0
        self.failed_probes = self._failed_in_a_row = 0
        self.spooled = False
        self.urgent = self.in_a_hurry = self.hopeless = self.reachable = self.asked_to_wait = False
        self.trouble = ""
        self.counts: Dict[str, int] = {"sent": 0, "failed": 0, "dropped": 0, "spooled": 0, "requests": 0}
        self.look_for_files()

    # -- what to do next --------------------------------------------------------------------------------------

    def pause_s(self) -> Optional[float]:
        """Return the seconds until there is something to do, None if nothing is in sight."""
        now = monotonic()
        if self.hopeless:
            return None
        if self.work:
            return 0.0 if self.work[0].spooling else max(self.not_before - now, 0.0)
        pauses = [max(self.probe_at - now, 0.0)] if self.spooled else []
        if self.buffer:
            pauses.append(self._until_due(now))
        return min(pauses, default=None)

    def _until_due(self, now: float) -> float:
        """Return the seconds until the buffer is full enough, or old enough, to be sent."""
        options, first = self._options, self.buffer.first()
        full = len(self.buffer) >= options.batch_size or self.buffer.size >= options.max_batch_bytes
        if first is None or full or self.urgent or self.in_a_hurry:
            return 0.0
        return max(first.arrived + options.flush_interval_seconds - now, 0.0)

    def next_batch(self) -> Optional[Batch]:
        """Return the batch that is due, first in ``work``.

        Older spans first: while some wait in the spool, new ones go behind them, so that no old version wins.
        """
        if not self.work and self.buffer and self._until_due(monotonic()) == 0:
            batch = self.take()
            batch.spooling = self.spooled
            self._begin([batch])
        elif not self.work and self.spooled and self.probe_at <= monotonic():
            self._load()
        return self.work[0] if self.work else None

    def take(self) -> Batch:
        """Take a batch out of the buffer."""
        return self.buffer.take(self._options.batch_size, self._options.max_batch_bytes)

    def _begin(self, batches: List[Batch]) -> None:
        self.work.extend(batches)
        self.not_before = 0.0

    def _load(self) -> None:
        assert self.spool is not None
        loaded = load(self.spool, self._options.batch_size)
        for weight, own, path in self.spool.take_damaged():
            self._lost(weight, "spool", f"the spool file {path} is damaged; it was set aside", own=own, kept=True)
        self.spooled = bool(loaded)
        self._begin(loaded)

    def look_for_files(self) -> None:
        """See what other processes, or this one's forerunner, left in the spool."""
        if self.spool is not None and not self.spooled:
            recover(self.spool, self._options.max_batch_bytes)
            self.spooled = bool(self.spool.names())

    def is_past(self, number: int) -> bool:
        """Whether no span up to this number is in memory."""
        first = [self.buffer.first(), *[batch.items[0] for batch in self.work]]
        return not [item for item in first if item is not None and item.number <= number]

    @property
    def waiting(self) -> int:
        """Ended spans in memory."""
        return self.buffer.weight + sum([batch.weight for batch in list(self.work) if batch.file is None])

    # -- answers ----------------------------------------------------------------------------------------------

    def handle(self, batch: Batch, answer: Answer) -> None:
        """Do with the first batch of the work what the answer asks for."""
        verdict = answer.verdict
        self.counts["requests"] += 1
        self.reachable, self.trouble = verdict is Verdict.SENT, answer.reason
        if verdict is Verdict.DENIED:  # the spans are good, the key is not
            verdict = Verdict.RETRY if self.spool is not None else Verdict.REJECTED
        if verdict is Verdict.RETRY:
            self._retry(batch, answer)
        elif verdict is Verdict.SENT:
            self._sent(batch)
        elif verdict is Verdict.SPLIT and len(batch.items) > 1:
            self.progress = monotonic()
            self.work.popleft()
            self.work.extendleft(reversed(batch.halves()))
            if batch.file is not None:
                batch.file.parts += 1
        elif verdict is not Verdict.PLAIN:
            self.progress = monotonic()
            self._give_up(batch, answer)

    def _sent(self, batch: Batch) -> None:
        self.progress, self.probe_at = monotonic(), 0.0
        self._failed_in_a_row = 0
        self._finish(batch)
        if batch.file is None:
            self._count("sent", batch.weight)

    def _retry(self, batch: Batch, answer: Answer) -> None:
        batch.attempts += 1
        batch.hurried += self.in_a_hurry and not answer.reached
        pause = max(backoff_s(batch.attempts), answer.retry_after_s or 0.0)
        self.asked_to_wait = answer.retry_after_s is not None
        if batch.file is not None:
            self._put_back(batch, pause)
        elif self.in_a_hurry and not answer.reached:
            self.hopeless = batch.hurried >= HURRIED
            self.not_before = monotonic() + HURRIED_PAUSE_S
        elif batch.attempts > self._options.max_retries or answer.verdict is Verdict.DENIED:
            self._give_up(batch, answer)
        else:
            self.not_before = monotonic() + pause

    def _put_back(self, batch: Batch, pause: float) -> None:
        """A file that could not be sent waits on, and with it whatever else is in the spool."""
        assert batch.file is not None
        assert self.spool is not None
        self.work = deque(other for other in self.work if other.file is not batch.file)
        self.spool.release(batch.file, done=False)
        self.failed_probes += 1
        self._failed_in_a_row += 1
        self.probe_at = monotonic() + max(pause, min(2.0 ** min(self._failed_in_a_row, 10), MAX_PROBE_S))
        self.hopeless = self.in_a_hurry and not self.buffer

    def _give_up(self, batch: Batch, answer: Answer) -> None:
        retryable = answer.verdict in (Verdict.RETRY, Verdict.DENIED)
        if self.spool is not None and batch.file is None and retryable:
            self._to_spool(batch, answer, self.spool.folder)
            return
        tried = f" after {batch.attempts} attempts" if batch.attempts > 1 else ""
        self.lose(batch, answer.kind, answer.reason + tried)

    def _to_spool(self, batch: Batch, answer: Answer, folder: str) -> None:
        batch.spooling = self.spooled = True
        self.failed_probes += 1
        self.probe_at = monotonic() + max(1.0, answer.retry_after_s or 0.0)
        message = "%s does not take spans (%s): they are kept in %s until it does"
        self.losses.say(f"kept {answer.kind}", message, self._address, answer.reason, folder)

    def _finish(self, batch: Batch) -> None:
        """The first batch is over; so is the file that it came from, with its last part."""
        self.work.popleft()
        file = batch.file
        if file is not None and self.spool is not None:
            file.parts -= 1
            if not file.parts:
                self.spool.release(file, done=True)

    # -- the spool --------------------------------------------------------------------------------------------

    def write(self, batch: Batch) -> str:
        """Write a batch to the spool, without the lock; return why not, empty if it was done."""
        assert self.spool is not None
        try:
            self.spool.write(batch.body(), batch.weight)
        except Exception as error:  # a full or vanished disk
            return f"they could neither be sent nor kept: {error}"
        return ""

    def written(self, batch: Batch, problem: str) -> None:
        """The first batch of the work is in the spool, or lost."""
        if problem:
            self.lose(batch, "spool full", problem)
        else:
            self._finish(batch)
            self._count("spooled", batch.weight)

    def take_rest(self) -> List[Batch]:
        """Empty the outbox into batches as large as may be; files of the spool stay there."""
        unsent = Buffer(len(self.buffer) + len(self.work) * self._options.batch_size, 2**63)
        for number, batch in enumerate(self.work):
            if batch.file is None:
                for place, item in enumerate(batch.items):
                    unsent.add(f"{number}.{place}", item)
            elif self.spool is not None:
                self.spool.release(batch.file, done=False)
        self.work.clear()
        rest = []
        for buffer in (unsent, self.buffer):
            while buffer:
                rest.append(buffer.take(len(buffer), self._options.max_batch_bytes))
        return rest

    def end(self, kept: int, lost: int, problem: str) -> None:
        """Count the spans that :meth:`take_rest` gave: those that are in the spool now, and those that are nowhere."""
        self._count("spooled", kept)
        why = problem or self.trouble or "the server does not answer"
        self.drop(lost, "end", f"they could not be sent before the program ended: {why}")
        self.losses.summarise()

    # -- counts -----------------------------------------------------------------------------------------------

    def _count(self, what: str, weight: int) -> None:
        self.counts[what] += weight
        self._settle(sent=weight)

    def lose(self, batch: Batch, kind: str, reason: str) -> None:
        """Give up the first batch of the work."""
        self._finish(batch)
        kept = batch.file is not None
        self._lost(batch.weight, kind, reason, own=batch.file is None or batch.file.own, kept=kept)

    def _lost(self, weight: int, kind: str, reason: str, own: bool, kept: bool) -> None:
        """``kept``: the spans were counted as safe before, by this process (``own``) or a forerunner."""
        self.counts["failed"] += weight
        self._settle(
            sent=-weight if kept and own else 0, failed=weight, error=reason, found=weight if kept and not own else 0
        )
        self.losses.note(weight, kind, reason)

    def drop(self, weight: int, kind: str, reason: str) -> None:
        """Count spans that were never tried, or not to the end."""
        if weight:
            self.counts["dropped"] += weight
            self._settle(dropped=weight, error=reason)
            self.losses.note(weight, kind, reason)
