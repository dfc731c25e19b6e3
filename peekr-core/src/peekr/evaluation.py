"""Running evaluators beside the program: a few threads, a bounded queue, and a time after which a span goes on."""

from __future__ import annotations

import logging
import threading
from collections import deque
from copy import copy
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Optional, Tuple

from peekr.fulltext import narrow
from peekr.judging import Named, judge, note_error, readable, unscored, wants
from peekr.spans import Span
from peekr.withheld import View, withheld

if TYPE_CHECKING:
    from peekr.parts import Part

logger = logging.getLogger("peekr")

#: Judges at work at a time, spans that may wait for them (D-8), seconds that a span waits for its scores (D-7).
THREADS = 4
MAX_WAITING = 1000
PATIENCE_S = 30.0
#: Seconds at exit without any answer after which no more are waited for.
EXIT_SILENCE_S = 10.0

Filter = Optional[Callable[[Span], bool]]


class EarlySpan(Span):
    """A span as it was before its scores came: for stores that can update it. Counted when it comes again."""

    __slots__ = ()


class _Job:
    """One span and its copy, which the evaluators in ``asked`` change meanwhile."""

    __slots__ = ("asked", "due", "failed", "given_up", "number", "scored", "span", "view", "work")

    def __init__(self, number: int, view: View, asked: Named, due: float) -> None:
        self.number = number
        self.span = view.span
        self.view = View(view.span, _apart(view.span)) if view.whole is view.span else view
        self.work = self.view.whole
        self.asked = asked
        self.due = due
        self.given_up = False
        self.scored = self.failed = 0


class Evaluation:
    """Judges LLM spans. :meth:`submit`, :meth:`collect` and :meth:`pending` are the worker's, the rest anybody's.

    :param named: of :func:`peekr.judging.name_evaluators`.
    :param wanted: ``evaluate_filter``: which LLM spans are judged; all by default.
    :param wake: called from a judging thread when there is something to collect.
    """

    def __init__(self, named: Named, wanted: Filter, wake: Callable[[], object]) -> None:
        self._quick = [each for each in named if getattr(each[1], "in_worker", False)]
        self._slow = [each for each in named if not getattr(each[1], "in_worker", False)]
        self._order = [name for name, _ in named]
        self._wanted = wanted
        self._wake_worker = wake
        #: Guardrails and redaction, for texts that are kept for the evaluators alone.
        self.cleaning: Tuple[Part, ...] = ()
        self.reset()

    def reset(self) -> None:
        """Start anew, in a forked child: the parent's jobs are the parent's."""
        self.done = self.failed = 0
        self._jobs: Deque[_Job] = deque()
        self._finished: Deque[_Job] = deque()
        self._open: Dict[int, _Job] = {}
        self._by_trace: Dict[str, int] = {}
        self._taken = self._answered = 0
        self._abandoned = False
        self._changed = threading.Condition()
        self._threads: List[threading.Thread] = []
        self._said: set[str] = set()

    # -- in the worker ----------------------------------------------------------------------------------------

    def submit(self, batch: List[Span]) -> Tuple[List[Span], List[Span]]:
        """Take from a batch what has to be judged.

        :return: the spans that can go on, and early copies of those that cannot.
        """
        going, early = [], []
        for span in batch:
            view = withheld.take(span, self.cleaning) if withheld.on else None
            if not self._is_wanted(span if view is None else view.whole):
                going.append(span)
                continue
            view = View(span, span) if view is None else view
            self._count(judge(view.whole, self._readable(view, self._quick)))
            asked = self._readable(view, self._slow)
            view.settle()
            if asked and self._take(view, asked):
                early.append(_early(span))
            else:
                going.append(span)
        return going, early

    def _readable(self, view: View, named: Named) -> Named:
        wanted = unscored(view.span, named)
        asked = wanted if view.private or not withheld.on else readable(view.whole, wanted)
        self.failed += len(wanted) - len(asked)
        return asked

    def _is_wanted(self, span: Span) -> bool:
        try:
            return wants(span, self._wanted)
        except Exception as error:
            self._say("evaluate_filter", f"failed, and the span is not judged: {type(error).__name__}: {error}")
            return False

    def _take(self, view: View, asked: Named) -> bool:
        span = view.span
        if len(self._open) >= MAX_WAITING:
            self._give_reason(span, f"skipped: {MAX_WAITING} spans are waiting for their scores already")
            self._say("evaluators", "are behind: some spans are stored without scores, see attributes.eval_errors")
            return False
        self._taken += 1
        job = self._open[self._taken] = _Job(self._taken, view, asked, monotonic() + PATIENCE_S)
        self._by_trace[span.trace_id] = self._by_trace.get(span.trace_id, 0) + 1
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()
        if len(self._threads) < THREADS and len(self._open) > len(self._threads):
            self._start_thread()
        return True

    def collect(self) -> List[Span]:
        """Return the spans whose scores have come, or come too late."""
        ready: List[Span] = []
        while self._finished:
            job = self._finished.popleft()
            if self._close(job):
                self._count((job.scored, job.failed))
                job.view.settle()
                ready.append(job.span)
        if self._open:
            ready += [self._without(job) for job in self._late()]
        return ready

    def _late(self) -> List[_Job]:
        if self._abandoned:
            left, self._abandoned = list(self._open.values()), False
            logger.warning("%d spans are stored without their scores: the evaluators did not answer in time", len(left))
            return left
        now = monotonic()
        return list(takewhile(lambda job: job.due <= now, self._open.values()))

    def _close(self, job: _Job) -> bool:
        if self._open.pop(job.number, None) is None:
            return False
        trace = job.span.trace_id
        self._by_trace[trace] -= 1
        if not self._by_trace[trace]:
            del self._by_trace[trace]
        return True

    def _without(self, job: _Job) -> Span:
        """Let a span go on with the scores that it has."""
        job.given_up = True
        self._close(job)
        job.view.settle()
        self._give_reason(job.span, "timeout: the evaluator did not answer in time")
        return job.span

    def _give_reason(self, span: Span, reason: str) -> None:
        scores = span.attributes.get("eval_scores") or {}
        errors = span.attributes.get("eval_errors") or {}
        for name, _ in self._slow:
            if name not in scores and name not in errors:
                note_error(span, name, reason)
                self.failed += 1

    def _count(self, outcome: Tuple[int, int]) -> None:
        self.done += outcome[0]
        self.failed += outcome[1]

    def is_pending(self, trace_id: str) -> bool:
        """Whether spans of this trace wait for their scores."""
        return trace_id in self._by_trace

    @property
    def taken(self) -> int:
        """Number of the span taken last."""
        return self._taken

    def all_closed(self, number: int) -> bool:
        """Whether every span up to this one has gone on."""
        return next(iter(self._open), number + 1) > number

    # -- in any thread ----------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Spans whose scores have not come yet."""
        return len(self._open)

    def wait(self, seconds: float, silence: float = EXIT_SILENCE_S) -> bool:
        """Wait for all answers, while answers keep coming; return whether all have come."""
        last, seen = monotonic(), self._answered
        end = last + seconds
        while self._open:
            now = monotonic()
            if self._answered != seen:
                last, seen = now, self._answered
            if now >= end or now - last >= silence:
                return False
            self._wake_worker()
            with self._changed:
                self._changed.wait(0.02)
        return True

    def abandon(self) -> None:
        """Have the worker pass on whatever waits, without scores."""
        with self._changed:
            self._jobs.clear()
        self._abandoned = bool(self._open)

    # -- in the judging threads -------------------------------------------------------------------------------

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="peekr-judge", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # as the interpreter goes no thread can be started: the worker judges
            if not self._threads:
                while self._jobs:
                    self._work(self._jobs.popleft())
        else:
            self._threads.append(thread)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    self._changed.wait()
                job = self._jobs.popleft()
            if not job.given_up:
                self._work(job)

    def _work(self, job: _Job) -> None:
        job.scored, job.failed = judge(job.work, job.asked)
        scores = job.work.attributes.get("eval_scores")
        if self._quick and isinstance(scores, dict):  # in the order in which the evaluators were given (EVAL-10)
            job.work.attributes["eval_scores"] = {
                **{name: scores[name] for name in self._order if name in scores},
                **{name: score for name, score in scores.items() if name not in self._order},
            }
        with self._changed:
            self._finished.append(job)
            self._answered += 1
            self._changed.notify_all()
        self._wake_worker()

    def _say(self, what: str, trouble: str) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.warning("%s %s", what, trouble)


def _apart(span: Span) -> Span:
    other = copy(span)
    other._attributes = dict(span._attributes or {})
    return other


def _early(span: Span) -> Span:
    early: Any = _apart(span)
    early.__class__ = EarlySpan
    narrow(early)
    return early  # type: ignore[no-any-return]
