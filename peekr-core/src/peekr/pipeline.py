"""What happens to a batch of spans in the worker: processors, evaluation, trace ends, sampling, then every exporter's
lane.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple

from peekr.context import untraced
from peekr.fulltext import narrow
from peekr.lane import Lane
from peekr.parts import Part
from peekr.routes import share
from peekr.spans import Span
from peekr.tail import TailSampler
from peekr.wakeup import WakeUp

if TYPE_CHECKING:
    from peekr.evaluation import Evaluation

logger = logging.getLogger("peekr")


class FlushTicket:
    """Tells a waiting :func:`peekr.flush` when every lane has written what it had."""

    def __init__(self, durable: bool = True) -> None:
        self.durable = durable
        self._done = WakeUp()
        self._lock = threading.Lock()
        self._missing = 0
        self._ok = True

    def expect(self, lanes: int) -> None:
        """Wait for so many lanes; none means done."""
        with self._lock:
            self._missing = lanes
        if not lanes:
            self._done.set()

    def lane_done(self, ok: bool) -> None:
        """One lane has written everything that came before the ticket."""
        with self._lock:
            self._missing -= 1
            self._ok = self._ok and ok
            last = self._missing <= 0
        if last:
            self._done.set()

    def finish(self, ok: bool) -> None:
        """Done without asking the lanes."""
        self._ok = ok
        self._done.set()

    def wait(self, deadline: float) -> bool:
        """Return whether everything was written before the deadline (of time.monotonic)."""
        return self._done.wait(min(max(deadline - monotonic(), 0), threading.TIMEOUT_MAX)) and self._ok


class Pipeline:
    """One configuration's way from a batch of ended spans to its exporters. Runs in the worker thread only.

    :param processors: in order; mutating guardrails and redaction come first.
    :param evaluation: holds LLM spans back until they are judged.
    :param whole_texts: whether capture keeps whole texts in attributes, which are cut here before storage.
    :param trace_end: takes each batch when it is complete, scores included.
    :param batch_size: spans that an exporter is given at a time, where it has no say of its own; None: as they come.
    :param side_lanes: threads that are flushed and closed as the exporters' are: the alerts'.
    """

    def __init__(
        self,
        processors: Sequence[Part] = (),
        lanes: Sequence[Lane] = (),
        sampling: Optional[TailSampler] = None,
        trace_end: Optional[Callable[[List[Span]], object]] = None,
        evaluation: Optional[Evaluation] = None,
        whole_texts: bool = False,
        side_lanes: Sequence[Lane] = (),
        batch_size: Optional[int] = None,
    ) -> None:
        self.processors: Tuple[Part, ...] = tuple(processors)
        self.lanes: Tuple[Lane, ...] = tuple(lanes)
        self.side_lanes: Tuple[Lane, ...] = tuple(side_lanes)
        self._batch_size = batch_size
        for lane in lanes:
            self._set_batch_size(lane)
        self.sampling = sampling
        self.trace_end = trace_end
        self.evaluation = evaluation
        self.whole_texts = whole_texts
        self._tickets: Deque[Tuple[int, FlushTicket]] = deque()
        self._said: Dict[str, int] = {}

    def process(self, batch: List[Span]) -> None:
        """Run one batch through everything. Never raises."""
        if untraced.used:
            batch = self._audible(batch)
        for span in batch:
            if span._pending is not None:  # inputs and outputs of functions are cheap, and made when they are read
                try:
                    span.resolve()
                except Exception as error:
                    self._failure("capture", error)
        for part in self.processors:
            if not part.disabled:
                part.run(batch)
        if self.evaluation is not None:
            if self.sampling is not None:
                self.sampling.note_errors(batch)
            batch, early = self.evaluation.submit(batch)
            if early:
                self._send_early(early)
        self._complete(batch)

    def _audible(self, batch: List[Span]) -> List[Span]:
        kept = [span for span in batch if not span.scope.muted]
        untraced.spans += sum([1 for span in batch if span._t1]) - sum([1 for span in kept if span._t1])
        return kept

    def _send_early(self, early: List[Span]) -> None:
        """Stores that can update a span get it at once, and again with its scores."""
        kept = early if self.sampling is None else self.sampling.early(early)
        for lane in self.lanes:
            if kept and lane.updates:
                self._put(lane, kept)

    @staticmethod
    def _put(lane: Lane, batch: List[Span]) -> None:
        """Give a lane what is for it: a :class:`peekr.Trace` may have an exporter of its own."""
        if lane.route is not None or [True for span in batch if span.scope.route is not None]:
            batch = share(lane, batch)
        if batch:
            lane.put(batch)

    def _complete(self, batch: List[Span]) -> None:
        """Pass on spans to which nothing is added any more."""
        if self.trace_end is not None:
            self.guarded("trace end", self.trace_end, batch)
        if self.sampling is not None:
            batch = self.sampling.kept(batch)
        if batch:
            if self.whole_texts:
                for span in batch:
                    narrow(span)
            for lane in self.lanes:
                self._put(lane, batch)

    @property
    def sampled_out(self) -> int:
        """How many ended spans sampling has left out."""
        return 0 if self.sampling is None else self.sampling.sampled_out

    def settle_sampling(self) -> int:
        """Decide what waits for the end of its trace, as tracing ends; return :attr:`sampled_out`."""
        if self.sampling is not None:
            self.sampling.close()
        return self.sampled_out

    def collect(self) -> bool:
        """Pass on what has been judged meanwhile; return whether something is still being judged."""
        evaluation = self.evaluation
        if self.sampling is not None:
            self.sampling.settle()
        if evaluation is None:
            return False
        judged = evaluation.collect()
        if judged:
            self._complete(judged)
        while self._tickets and evaluation.all_closed(self._tickets[0][0]):
            self._flush_lanes(self._tickets.popleft()[1])
        return evaluation.waiting > 0

    def guarded(self, what: str, call: Callable[[Any], object], subject: Any) -> None:
        """Call something of a plugin; log its first failure of each kind."""
        try:
            call(subject)
        except Exception as error:
            self._failure(what, error)

    def _failure(self, what: str, error: Exception) -> None:
        kind = f"{what}: {type(error).__name__}"
        self._said[kind] = self._said.get(kind, 0) + 1
        if self._said[kind] == 1:
            logger.warning("%s failed and was skipped: %s", what, error, exc_info=error)

    def flush(self, ticket: FlushTicket) -> None:
        """Pass the ticket on to every lane, as soon as what came before it has its scores."""
        evaluation = self.evaluation
        if evaluation is not None and not evaluation.all_closed(evaluation.taken):
            self._tickets.append((evaluation.taken, ticket))
        else:
            self._flush_lanes(ticket)

    def _flush_lanes(self, ticket: FlushTicket) -> None:
        lanes = (*self.lanes, *self.side_lanes)
        ticket.expect(len(lanes))
        for lane in lanes:
            lane.put_ticket(ticket)

    def prepare(self) -> None:
        """Start the lanes' threads while the program runs: a worker that is late could not do it any more."""
        for lane in (*self.lanes, *self.side_lanes):
            lane.prepare()

    def add_lane(self, lane: Lane) -> None:
        """Add an exporter while running."""
        self._set_batch_size(lane)
        self.lanes = (*self.lanes, lane)
        lane.prepare()

    def _set_batch_size(self, lane: Lane) -> None:
        if lane.route is None:  # else it is the route's
            lane.batch_size = self._batch_size

    def remove_lane(self, lane: Lane) -> None:
        """Take an exporter away; its lane is the caller's to close."""
        self.lanes = tuple(each for each in self.lanes if each is not lane)

    def after_fork_in_child(self) -> None:
        """Give every lane a fresh queue and thread."""
        if self.sampling is not None:
            self.sampling.reset()
        self._tickets.clear()
        if self.evaluation is not None:
            self.evaluation.reset()
        for lane in (*self.lanes, *self.side_lanes):
            lane.after_fork_in_child()
