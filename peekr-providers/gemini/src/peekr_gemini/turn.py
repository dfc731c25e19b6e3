"""One public call of the SDK that may call the model several times: functions run for the model, continuations.

A single call of the model is one span. When a second one follows, or a function of the caller's is run, both go
under a parent that stands for the public call. So the first call's span is held back at its end until it is clear
whether anything follows; ``turns.py`` wraps the public methods to know when they are over.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Optional

from peekr.enclosing import enclose, hold, release
from peekr.spans import Span
from peekr.streaming import close_from_finalizer
from peekr.tracer import Tracer, close_span
from peekr_gemini.errors import describe_error
from peekr_gemini.operations import Operation

_current: ContextVar[Optional[Turn]] = ContextVar("peekr_gemini_turn", default=None)


class Use:
    """The tracer in use."""

    tracer = Tracer()


class Turn:
    """The calls of the model that one public call makes.

    :param name: of the parent span, if there will be one.
    """

    __slots__ = ("_first", "_held", "_last", "_name", "_over", "_parent", "calls")

    def __init__(self, name: str) -> None:
        self._name = name
        self._first: Optional[Span] = None
        self._last: Optional[Span] = None
        self._held: Optional[Span] = None
        self._parent: Optional[Span] = None
        self._over = False
        self.calls = 0

    def start(self, operation: Operation) -> Span:
        """Start the span of one call of the model."""
        tracer = Use.tracer
        self.calls += 1
        if self._first is None:
            self._first = self._last = span = tracer.start(operation.name, kind=operation.kind)
            return span
        token = tracer.activate(self.parent())
        try:
            self._last = span = tracer.start(operation.name, kind=operation.kind)
        finally:
            tracer.deactivate(token)
        return span

    def parent(self) -> Span:
        """Return the parent span, which is put around the first call when it is asked for first."""
        if self._parent is None:
            assert self._first is not None
            self._parent = enclose(self._first, self._name, "chain")
            self._let_go()
        return self._parent

    @property
    def begun(self) -> bool:
        """Whether the model has been called."""
        return self._first is not None

    def end(self, span: Span) -> None:
        """End the span of one call of the model; the first one is held back."""
        if span is self._first and self._parent is None and not self._over:
            hold(span)
            self._held = span
        else:
            close_span(span)

    def finish(self, error: Optional[BaseException] = None) -> None:
        """The public call is over; with the exception that its caller gets. Once; later calls do nothing."""
        if self._over:
            return
        self._over = True
        finalizing = isinstance(error, GeneratorExit)
        parent = self._parent
        self._let_go(finalizing)
        if parent is None or parent.ended:
            return
        if error is not None and not finalizing:
            describe_error(parent, error)
        parent._pending = self._describe
        if finalizing:
            close_from_finalizer(parent)
        else:
            close_span(parent)

    def _let_go(self, finalizing: bool = False) -> None:
        held, self._held = self._held, None
        if held is not None:
            release(held, finalizing=finalizing)

    def _describe(self, parent: Span) -> None:
        """In the worker, which has had the calls before. The parent has no tokens: sums take those of its calls."""
        known = parent.attributes
        first, last = self._first, self._last
        if first is not None and "input" in first.attributes:
            known.setdefault("input", first.attributes["input"])
        if last is not None and "output" in last.attributes:
            known.setdefault("output", last.attributes["output"])
        known.setdefault("model_calls", self.calls)

    def __del__(self) -> None:
        try:
            self.finish(GeneratorExit())
        except Exception:  # the interpreter is going down and has taken the modules apart
            pass


def current_turn() -> Optional[Turn]:
    """Return the turn under way in this context; a task that outlives its turn has none."""
    turn = _current.get()
    return None if turn is None or turn._over else turn


def enter_turn(turn: Optional[Turn]) -> Any:
    """Make a turn current; give the token to :func:`leave_turn`."""
    return _current.set(turn)


def leave_turn(token: Any) -> None:
    """Make the turn before :func:`enter_turn` current again."""
    try:
        _current.reset(token)
    except (ValueError, RuntimeError):  # a generator finalised in another context
        pass
