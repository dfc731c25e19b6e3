"""The runs of LangChain that are under way, by its own run ids: each is a span.

Handlers share one :data:`registry`, so a call that several of them are told of makes one span. Called in the traced
program's threads, several at once. Dict operations only, each of them atomic: no lock that a finaliser could wait for.
"""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import Any, Callable, Dict, List, Optional, Protocol

import attrs

from peekr.context import current, restore
from peekr.frameworks import FrameworkCall, Place
from peekr.spans import Anchor, Parent, Span
from peekr.streaming import close_from_finalizer
from peekr.tracer import close_span, open_span

#: Runs under way; of more than these the oldest is ended as incomplete: its end was never told.
MAX_OPEN = 10_000
#: Runs that have ended and may still get children.
MAX_ENDED = 1_000


class Notes(Protocol):
    """What is known of a run besides its span."""

    def resolve(self, span: Span) -> None:
        """Set the span's attributes and payload. In the worker."""

    def seal(self, run: LangChainRun) -> None:
        """Note what is only known at the end. In the caller's thread."""


@attrs.define(eq=False, repr=False)
class LangChainRun:
    """One run under way.

    :ivar parent: LangChain's id of the run it is a part of.
    :ivar owner: the handler that opened it.
    :ivar place: what is current while the run's own code makes calls; None for chains, which yield to their consumer.
    :ivar call: of an LLM run: knows whether a provider recorded the same call.
    :ivar first_ns: when the first token came (perf_counter_ns), or 0.
    :ivar reported: id() of the exception that a child reported already.
    :ivar notes: what is noted in the caller's thread, for the worker to make attributes of.
    :ivar on_end: called after the span was ended, with the exception or None, and whether in a finaliser.
    """

    span: Span
    parent: Any = None
    owner: Any = None
    place: Optional[Place] = None
    call: Optional[FrameworkCall] = None
    token: Any = None
    first_ns: int = 0
    reported: int = 0
    notes: Optional[Notes] = None
    on_end: Optional[Callable[[Optional[BaseException], bool], None]] = None

    def enter(self) -> None:
        """Make the span current for what the run calls. Never kept across a ``yield``: see :meth:`leave`."""
        self.place = Place(self.span, current.get())
        self.token = current.set(self.place)

    def enter_call(self, alone: bool) -> None:
        """As :meth:`enter`, for a call of a model.

        :param alone: False for one of several that begin before the first of them is made: none is current yet.
        """
        self.call = self.place = FrameworkCall(self.span, current.get())
        if alone:
            self.token = current.set(self.place)

    def leave(self) -> None:
        """Take the span back; where that cannot be done from here, leave nothing but a transparent place behind."""
        token, self.token = self.token, None
        if token is not None and not restore(token) and self.place is not None:
            self.place.close()

    def first_token(self) -> None:
        """The answer has begun: the provider was called, and the consumer is about to run."""
        if not self.first_ns:
            self.first_ns = perf_counter_ns()
            self.leave()


class Runs:
    """The runs under way, and the places of the last ones that ended."""

    def __init__(self) -> None:
        self.open: Dict[Any, LangChainRun] = {}
        self._ended: Dict[Any, Parent] = {}

    def begin(
        self, run_id: Any, parent: Any, name: str, kind: str, owner: Any, *, under: Parent = None
    ) -> LangChainRun:
        """Open a span for a run that is not known yet.

        :param under: what it stands under where LangChain names no parent; the current span by default.
        """
        place = self.place_of(parent) if under is None else under
        run = LangChainRun(open_span(name, place, kind), parent, owner)
        self.open[run_id] = run
        if len(self.open) > MAX_OPEN:
            self._end_oldest()
        return run

    def hide(self, run_id: Any, parent: Any) -> None:
        """Make no span of a run: its children stand under its parent."""
        self._remember(run_id, self.place_of(parent))

    def place_of(self, run_id: Any) -> Parent:
        """Return where a child of a run belongs: under the run, or under what was opened inside it since."""
        here = current.get()
        run = self.open.get(run_id)
        if run is not None:
            return inner_of(here, run.span)
        there = self._ended.get(run_id)
        return here if there is None else inner_of(here, there)

    def take(self, run_id: Any) -> Optional[LangChainRun]:
        """Take a run out that is about to end; None if it is not known (any more)."""
        run = self.open.pop(run_id, None)
        if run is not None and run.call is None:  # a call of a model has no children left
            anchor = Anchor(run.span.scope, run.span)
            anchor.span = None  # the span and what it holds are to go
            self._remember(run_id, anchor)
        return run

    def children_of(self, run_id: Any) -> List[Any]:
        """Return the ids of the open runs that name this one as their parent."""
        return [key for key, run in list(self.open.items()) if run.parent == run_id]

    def _remember(self, run_id: Any, place: Parent) -> None:
        self._ended[run_id] = place
        if len(self._ended) > MAX_ENDED:
            _pop_first(self._ended)

    def _end_oldest(self) -> None:
        run = _pop_first(self.open)
        if run is not None:
            run.span.attributes["incomplete"] = True
            end(run)

    def forget(self) -> None:
        """Drop all runs without ending their spans."""
        self.open.clear()
        self._ended.clear()


def _pop_first(runs: Dict[Any, Any]) -> Any:
    try:
        return runs.pop(next(iter(runs)), None)
    except (RuntimeError, StopIteration):  # another thread has changed it meanwhile: the next time, then
        return None


def end(run: LangChainRun, error: Optional[BaseException] = None, *, finalizing: bool = False) -> None:
    """End a run's span.

    :param finalizing: called while a generator is collected, in any thread and at any point of its code.
    """
    run.leave()
    if run.place is not None:
        run.place.close()
    if run.notes is not None:
        run.notes.seal(run)
        run.span._pending = run.notes.resolve  # not sooner: who reads or sets an attribute resolves it
    if finalizing:
        close_from_finalizer(run.span)
    else:
        close_span(run.span)
    if run.on_end is not None:
        run.on_end(error, finalizing)


def inner_of(here: Parent, there: Parent) -> Parent:
    """Return the inner one of two places around the running code: what is current, and what LangChain says.

    They are nested if they belong to one trace, and then the inner one began later.
    """
    if here is None or there is None or here._trace != there._trace:
        return there
    if here._id == there._id:  # a session in between, or the place of the same span
        return here
    span = here if isinstance(here, Span) else here.span
    if span is None or span.ended:
        return there
    return here if not isinstance(there, Span) or span._t0 > there._t0 else there


registry = Runs()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=registry.forget)  # the parent ends its own runs
