"""Starting and ending spans: by hand, in a ``with`` block, and for the providers."""

from __future__ import annotations

from contextvars import Token
from itertools import count
from time import perf_counter_ns
from typing import Any, Callable, List, Optional, Tuple

from peekr.context import Block, current, leave, restore
from peekr.delivery import emit
from peekr.plain import text_of
from peekr.spans import Parent, Span


class Counter:
    """Counts without a lock: ``next`` of itertools.count is one C call. Reading it takes a number too."""

    __slots__ = ("_numbers", "_reads", "add")

    def __init__(self) -> None:
        self._numbers = count()
        self._reads = 0
        self.add = self._numbers.__next__

    @property
    def value(self) -> int:
        """How often :attr:`add` was called."""
        value = next(self._numbers) - self._reads
        self._reads += 1
        return value

    def reset(self) -> None:
        """Count from zero again."""
        self._reads = next(self._numbers) + 1


class _Hooks:
    """Called when a span starts; empty as a rule, and then skipped. Set by :func:`peekr.instrument`.

    :ivar start: those in force.
    :ivar lasting: those of them that objects of a plugin asked for, whatever instrument() is called with.
    :ivar llm: called for LLM spans only, and never raises; set when evidence is first used (:mod:`peekr.grounding`).
    :ivar end: called when a span is ended by hand without an exception, and may raise what reaches the program; set
        where guardrails are (:mod:`peekr.reported`).
    """

    __slots__ = ("end", "lasting", "llm", "start")

    def __init__(self) -> None:
        self.start: Tuple[Any, ...] = ()
        self.lasting: Tuple[Any, ...] = ()
        self.llm: Optional[Callable[[Span], None]] = None
        self.end: Optional[Callable[[Span], None]] = None

    def use(self, hooks: Tuple[Any, ...]) -> None:
        """Put the plugins' hooks of a configuration in force."""
        self.start = (*self.lasting, *hooks)

    def add(self, hook: Any) -> None:
        """Call a hook with every span that starts, until :meth:`remove`; it must not raise."""
        self.lasting = (*self.lasting, hook)
        self.start = (hook, *self.start)

    def remove(self, hook: Any) -> None:
        """Undo :meth:`add`."""
        self.lasting = tuple(each for each in self.lasting if each is not hook)
        self.start = tuple(each for each in self.start if each is not hook)


started = Counter()
hooks = _Hooks()
_get, _set, _reset, _add = current.get, current.set, current.reset, started.add


def open_span(name: str, parent: Parent, kind: Optional[str] = None) -> Span:
    """Make a span that is not the current one."""
    span = Span(name if type(name) is str and name else text_of(name) or "?", parent, kind)
    _add()
    if kind == "llm" and hooks.llm is not None:
        hooks.llm(span)
    if hooks.start:
        run_start_hooks(span)
    return span


def run_start_hooks(span: Span) -> None:
    """Tell the hooks that somebody registered; they are guarded, so nothing is raised."""
    if span.scope.muted:
        return
    for hook in hooks.start:
        hook(span)


def close_span(span: Span) -> None:
    """End a span and hand it to the exporters, once: a second call does nothing."""
    if not span._t1:
        span._t1 = perf_counter_ns()
        emit(span)


def start_span(name: str, *, kind: Optional[str] = None) -> Tuple[Span, Token[Parent]]:
    """Start a span by hand and make it the current one.

    ::

        span, token = peekr.start_span("my.operation")
        try:
            span.attributes["key"] = "value"
        finally:
            peekr.end_span(span, token)

    :return: the span, and the token that :func:`end_span` takes.
    """
    span = open_span(name, _get(), kind)
    return span, _set(span)


def end_span(span: Span, token: Optional[Token[Parent]] = None) -> None:
    """End a span started by :func:`start_span`; make the one before it current and hand it to the exporters.

    Ending a span again does nothing. A token of another thread or task restores nothing and raises nothing.

    :raises GuardrailError, BudgetExceededError: if the span is of kind ``llm`` and a guardrail objects.
    """
    # of two spans that overlap, the later one must not bring back the earlier one, which is over
    if token is not None and (_get() is span or not getattr(token.old_value, "_t1", 0)):
        restore(token)
    if hooks.end is None:
        close_span(span)
    else:
        _close_looked_at(span, hooks.end)


def _close_looked_at(span: Span, look: Callable[[Span], None]) -> None:
    try:
        look(span)
    finally:
        close_span(span)


class span(Block[Span]):
    """Trace a block of code: ``with peekr.span("name") as s:``, or ``async with``.

    The block's exception marks the span as failed and passes through unchanged.

    :param name: of the span.
    :param kind: see :attr:`peekr.Span.kind`.
    :param attributes: first attributes.
    """

    __slots__ = ("_attributes", "_entered", "_kind", "_name")

    def __init__(self, name: str, *, kind: Optional[str] = None, **attributes: Any) -> None:
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._entered: List[Tuple[None, Token[Parent], Span]] = []

    def __enter__(self) -> Span:
        opened = open_span(self._name, _get(), self._kind)
        if self._attributes:
            opened.attributes.update(self._attributes)
        self._entered.append((None, _set(opened), opened))
        return opened

    def _leave(self, error: Optional[BaseException]) -> None:
        _, _, opened = leave(self._entered)
        if error is not None:
            opened.record_error(error)
        elif hooks.end is not None:
            _close_looked_at(opened, hooks.end)
        close_span(opened)


class Tracer:
    """What a provider gets to make spans with; one per :func:`peekr.instrument`.

    :ivar capture_io: whether inputs, outputs and payloads may be recorded.
    """

    __slots__ = ("capture_io",)

    def __init__(self, capture_io: bool = True) -> None:
        self.capture_io = capture_io

    def start(self, name: str, *, kind: Optional[str] = None) -> Span:
        """Start a span under the current one without making it current.

        Of a call that a framework makes and records too, one span is billed: this one, if it is of the same kind.
        """
        span = open_span(name, _get(), kind)
        framework = span.scope.framework
        if framework is not None and kind == framework.kind:
            framework.recorded = True
        return span

    def activate(self, span: Span) -> Token[Parent]:
        """Make a span current; give the token to :meth:`deactivate`. Never keep it across a ``yield``."""
        return _set(span)

    def deactivate(self, token: Token[Parent]) -> None:
        """Make the span before :meth:`activate` current again."""
        restore(token)

    def end(self, span: Span, error: Optional[BaseException] = None) -> None:
        """End a span, once; with an exception it is marked as failed."""
        if error is not None and not span._t1:
            span.record_error(error)
        close_span(span)
