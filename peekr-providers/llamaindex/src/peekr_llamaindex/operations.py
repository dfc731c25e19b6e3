"""What LlamaIndex is doing at the moment: each operation is a span, current while LlamaIndex does it.

Called in the traced program's threads, several at once. Dict operations only, each of them atomic: no lock that a
finaliser could wait for.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Optional, Protocol, Union

import attrs

from peekr.context import current, restore
from peekr.frameworks import FrameworkCall, Place
from peekr.patching import note_failure
from peekr.spans import Span
from peekr.streaming import close_from_finalizer
from peekr.tracer import close_span, open_span
from peekr_llamaindex.errors import describe_error

#: Operations under way; of more than these the oldest is ended as incomplete: its end was never told.
MAX_OPEN = 10_000
#: Groups that call a provider, whose own span is billed where there is one.
_CALLING = frozenset(("llm", "embed"))


class OperationPlace(Place):
    """The place of an operation.

    :ivar group: see :mod:`peekr_llamaindex.groups`.
    :ivar instance: LlamaIndex' object; None when the operation is over.
    :ivar future: of an operation that goes on when its method has returned, as long as it is under way.
    """

    __slots__ = ("future", "group", "instance")
    future: Any
    group: str
    instance: Any

    def close(self) -> None:
        """Stand for what was current before, from now on."""
        self.instance = self.future = None
        super().close()


class ModelPlace(FrameworkCall):
    """The place of a call of a model. LlamaIndex never asks for the token counts of a stream."""

    __slots__ = ("future", "group", "instance")
    asks = False
    future: Any
    group: str
    instance: Any

    def close(self) -> None:
        """Stand for what was current before, from now on."""
        self.instance = self.future = None
        super().close()


OwnPlace = Union[OperationPlace, ModelPlace]


class Notes(Protocol):
    """What is known of an operation besides its span."""

    def resolve(self, span: Span) -> None:
        """Set the span's attributes and payload. In the worker."""


@attrs.define(eq=False, repr=False)
class Operation:
    """One operation under way.

    :ivar notes: what is noted in the caller's thread, for the worker to make attributes of.
    """

    group: str
    span: Span
    place: OwnPlace
    token: Any = None
    notes: Optional[Notes] = None

    def leave(self) -> None:
        """Make current again what was before; where that cannot be done from here, leave a transparent place."""
        token, self.token = self.token, None
        if token is not None and not restore(token):
            self.place.close()

    def fail(self, error: BaseException) -> None:
        """End the span with an exception."""
        describe_error(self.span, error, tool=self.group == "tool")
        self.end(finalizing=isinstance(error, GeneratorExit))

    def end(self, *, finalizing: bool = False) -> None:
        """End the span.

        :param finalizing: called while a coroutine or generator is collected, at any point of a thread's code.
        """
        self.leave()
        self.place.close()
        if self.notes is not None:
            self.span._pending = self.notes.resolve  # not sooner: who reads or sets an attribute resolves it
        if finalizing:
            close_from_finalizer(self.span)
        else:
            close_span(self.span)


def begin(name: str, kind: str, group: str, instance: Any) -> Operation:
    """Open a span under the current one and make it current."""
    before = current.get()
    span = open_span(name, before, kind)
    place: OwnPlace = ModelPlace(span, before) if group in _CALLING else OperationPlace(span, before)
    place.group, place.instance, place.future = group, instance, None
    return Operation(group, span, place, current.set(place))


def around() -> Optional[OwnPlace]:
    """Return the operation that the running code is a direct part of, if there is one."""
    here = current.get()
    return here if isinstance(here, (OperationPlace, ModelPlace)) and not here.closed else None


class Registry:
    """The operations that LlamaIndex has told of and that have not ended, by its own ids."""

    def __init__(self) -> None:
        self.open: Dict[Any, Operation] = {}

    def add(self, key: Any, operation: Operation) -> None:
        """Keep an operation until :meth:`take`."""
        self.open[key] = operation
        if len(self.open) > MAX_OPEN:
            try:
                self._end_one(next(iter(self.open), None))
            except RuntimeError:  # another thread has changed it meanwhile: the next time, then
                pass

    def take(self, key: Any) -> Optional[Operation]:
        """Take an operation out that is about to end; None if it is not known (any more)."""
        return self.open.pop(key, None)

    def end_all(self) -> None:
        """End all as incomplete."""
        for key in list(self.open):
            self._end_one(key)

    def _end_one(self, key: Any) -> None:
        operation = self.take(key)
        if operation is not None:
            try:
                operation.span.attributes["incomplete"] = True
                operation.end()
            except Exception as error:
                note_failure("ending an operation of LlamaIndex", error)

    def forget(self) -> None:
        """Drop all without ending their spans."""
        self.open.clear()


registry = Registry()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=registry.forget)  # the parent ends its own
