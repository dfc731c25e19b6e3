"""What CrewAI is doing: one call of one of its methods is one span, however many methods it takes."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import attrs

from peekr.context import current, restore
from peekr.delivery import delivery
from peekr.patching import note_failure
from peekr.reasons import error_attributes
from peekr.spans import Anchor, Parent, Span
from peekr.streaming import close_from_finalizer
from peekr.tracer import close_span, open_span
from peekr_crewai import events

_MISSING = object()


@attrs.define(frozen=True)
class Call:
    """A call of a method: the object, and what it was given."""

    owner: Any
    args: Tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def given(self, at: int, name: str) -> Any:
        """Return an argument by its position behind ``self`` or by its name; None if it was not given."""
        value = self.kwargs.get(name, _MISSING)
        if value is not _MISSING:
            return value
        return self.args[at] if len(self.args) > at else None


class Doing(Anchor):
    """A call under way: stands in the context as the place of its span.

    :ivar own: its span.
    :ivar step: what kind of call it is.
    :ivar owner: the object whose method was called.
    :ivar notes: what the step wants to keep until the end.
    :ivar reported: id() of the exception that the run around has been told of.
    :ivar around: the call of CrewAI that this one is directly inside of.
    """

    own: Span
    step: Step
    owner: Any
    notes: Any
    reported: int
    around: Optional[Doing]
    _token: Any

    def start(self, step: Step, owner: Any, span: Span) -> None:
        """Make the span current."""
        self.own = span
        self.step = step
        self.owner = owner
        self.notes = None
        self.reported = 0
        before = current.get()
        self.around = before if isinstance(before, Doing) and not before.own.ended else None
        self._token = current.set(self)

    def leave(self) -> None:
        """Make current what was before. What still runs in copies of the context stays in the span's trace."""
        restore(self._token)
        self.owner = self.around = None  # such copies may live long, and crews are large


class PlainDoing(Doing):
    """Of everything that is no call of a model."""

    def __init__(self, step: Step, owner: Any, span: Span) -> None:
        super().__init__(span.scope, span)
        self.start(step, owner, span)


class Step:
    """One kind of call, and what is recorded of it. Never raises, except what the traced method raises.

    :ivar name: of the span.
    :ivar kind: of the span.
    """

    name = ""
    kind = "chain"

    # -- for the kinds of calls ---------------------------------------------------------------------------------

    def passes(self, call: Call) -> bool:
        """Whether this call makes no span: another one follows that does."""
        return False

    def is_same(self, here: Doing, call: Call) -> bool:
        """Whether a call directly inside another one of this kind is the same to the user."""
        return here.owner is call.owner

    def again(self, here: Doing, call: Call) -> None:
        """Note that the method called itself, or the one of its base class."""

    def parent(self, call: Call) -> Parent:
        """Return what the span stands under."""
        return current.get()

    def name_of(self, call: Call) -> str:
        """Return the span's name."""
        return self.name

    def begin(self, doing: Doing, call: Call) -> None:
        """Describe the call on its span."""

    def finish(self, doing: Doing, result: Any) -> None:
        """Describe the result."""

    def fail(self, doing: Doing, error: BaseException) -> Dict[str, Any]:
        """Return what is known of a failure besides the exception itself."""
        return error_attributes(error)

    def place(self, call: Call, span: Span) -> Doing:
        """Make the span current."""
        return PlainDoing(self, call.owner, span)

    # -- the call -----------------------------------------------------------------------------------------------

    def enter(self, call: Call) -> Optional[Doing]:
        """Open a span and make it current; None where there is to be none."""
        if delivery.pipeline is None:
            return None
        doing: Optional[Doing] = None
        try:
            if self.passes(call):
                return None
            here = current.get()
            if isinstance(here, Doing) and here.step is self and not here.own.ended and self.is_same(here, call):
                self.again(here, call)
                return None
            span = open_span(self.name_of(call), self.parent(call), self.kind)
            doing = self.place(call, span)
            self.begin(doing, call)
        except Exception as error:
            note_failure(f"the beginning of {self.name}", error)
        return doing

    def leave(self, doing: Doing, result: Any) -> None:
        """End the span of a call that has returned."""
        try:
            self.finish(doing, result)
        except Exception as error:
            note_failure(f"the end of {self.name}", error)
        doing.leave()
        self.close(doing)

    def leave_failed(self, doing: Doing, error: BaseException) -> None:
        """End the span of a call that has raised."""
        try:
            found = self.fail(doing, error)
            doing.own.record_error(error)
            doing.own.attributes.update(found)
            events.report_error(doing, error)
        except Exception as failure:
            note_failure(f"the failure of {self.name}", failure)
        doing.leave()
        self.close(doing, finalizing=isinstance(error, GeneratorExit))

    def close(self, doing: Doing, *, finalizing: bool = False) -> None:
        """End the span.

        :param finalizing: called while a coroutine is collected, in any thread and at any point of its code.
        """
        if finalizing:
            close_from_finalizer(doing.own)
        else:
            close_span(doing.own)

    def wrap(self, original: Any) -> Any:
        """Return the method with a span around; a coroutine function as one."""
        return _wrap_async(self, original) if inspect.iscoroutinefunction(original) else _wrap_sync(self, original)


def _wrap_sync(step: Step, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        doing = step.enter(Call(self, args, kwargs))
        if doing is None:
            return original(self, *args, **kwargs)
        try:
            result = original(self, *args, **kwargs)
        except BaseException as error:
            step.leave_failed(doing, error)
            raise
        step.leave(doing, result)
        return result

    return method


def _wrap_async(step: Step, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        doing = step.enter(Call(self, args, kwargs))
        if doing is None:
            return await original(self, *args, **kwargs)
        try:
            result = await original(self, *args, **kwargs)
        except BaseException as error:
            step.leave_failed(doing, error)
            raise
        step.leave(doing, result)
        return result

    return method
