"""Frameworks that call a provider's SDK: one of the two spans is billed, and the request stays the framework's own.

A framework's callbacks tell when its LLM call begins and ends, often not in the context in which the SDK is called.
So the framework's plugin makes a :class:`FrameworkCall` current when the call begins. Whatever begins under it
carries it in ``span.scope.framework``: :meth:`peekr.Tracer.start` notes on it that a provider recorded the same call,
and a provider that would ask for more than the request does leaves a framework's request as it is.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, ClassVar, Optional, Tuple

import attrs

from peekr.scope import Scope, root_scope
from peekr.spans import Anchor, Parent, Span, current_of

#: The values of a scope but for the last, its framework: ``attrs.evolve`` at a fraction of the time.
_values = attrgetter(*[field.name for field in attrs.fields(Scope)[:-1]])


class Place(Anchor):
    """Stands for an open span in the context, and after :meth:`close` for what was current before.

    For those who learn of an end where they cannot take back what they made current: left behind in a task, it
    changes nothing.
    """

    __slots__ = ("_before", "closed")

    def __init__(self, span: Span, before: Parent) -> None:
        super().__init__(span.scope, span)
        self._before = before
        self.closed = False

    def close(self) -> None:
        """Stand for what was current before, from now on. Idempotent."""
        if self.closed:
            return
        self.closed = True
        before, self._before = self._before, None
        self.scope = root_scope.value if before is None else before.scope
        self._trace = None if before is None else before._trace
        self._id = None if before is None else before._id
        self._run = None if before is None else before._run
        self.span = current_of(before)


class FrameworkCall(Place):
    """The place of a framework's span around an LLM call, or around the call of an embedding model.

    :ivar kind: of the framework's span.
    :ivar recorded: whether another span of this kind recorded the call or a part of it; the framework's span then has
        ``attributes["billed"] = False`` and no token counts.
    :cvar asks: whether the framework asks for token counts itself where it knows that the server understands; a
        provider then leaves its requests as they are. A subclass of a framework that never asks says False.
    """

    __slots__ = ("_around", "_inside", "kind", "recorded")
    asks: ClassVar[bool] = True
    kind: Optional[str]
    recorded: bool

    def __init__(self, span: Span, before: Parent) -> None:
        self._around = span.scope
        self.kind = span._kind
        outer = self._around.framework
        if outer is not None and outer.kind == self.kind:  # a call within a call: the inner one is billed
            outer.recorded = True
        self.recorded = False
        super().__init__(span, before)
        self._inside: Optional[Scope] = None

    @property
    def scope(self) -> Scope:  # made when something begins inside
        """What begins inside takes over; names this call."""
        if self._inside is None:
            values: Tuple[Any, ...] = (*_values(self._around), self)
            self._inside = Scope(*values)
        return self._inside

    @scope.setter
    def scope(self, value: Scope) -> None:
        self._inside = value
