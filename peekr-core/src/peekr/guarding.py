"""The call path's side of guardrails: what is asked before a request leaves and before an answer is handed out.

All of it runs in the caller's thread. Nobody pays for what is not there: providers look at :data:`guards`, whose
tuples are empty as a rule. Guards read the span with whole texts for as long as they run; what they add to its
attributes is kept, the texts are as long as before afterwards. Only :class:`~peekr.errors.GuardrailError` and
:class:`~peekr.errors.BudgetExceededError` come out.
"""

from __future__ import annotations

import logging
from copy import copy
from typing import Any, Callable, Dict, Optional, Sequence, Tuple
from weakref import WeakSet

from peekr.context import untraced
from peekr.errors import BudgetExceededError, GuardrailError
from peekr.parts import MAX_FAILURES
from peekr.patching import note_failure
from peekr.spans import Span
from peekr.withheld import added, withheld, without_quotations

logger = logging.getLogger("peekr")

#: What reaches the caller.
STOPS = (GuardrailError, BudgetExceededError)
#: Sets the attributes that a call has, in full length, on the span it is given.
Describe = Callable[[Span], object]
#: Spans whose texts a guardrail has replaced, so that the originals must not be stored either.
replaced: WeakSet[Span] = WeakSet()
_TEXTS = ("input", "output", "system")
#: Kinds of spans whose answer somebody may want to stop.
_ANSWERING = frozenset(("llm", "agent"))


class Asked:
    """One guardrail that is asked in the caller's thread, with the ledger of how it failed.

    Its errors are counted without a lock: a number lost between two threads harms nobody.
    """

    __slots__ = ("_call", "disabled", "errors", "guard", "in_a_row", "last_error", "name")

    def __init__(self, name: str, guard: Any, call: Callable[[Span], object]) -> None:
        self.name = name
        self.guard = guard
        self._call = call
        self.errors = self.in_a_row = 0
        self.last_error: Optional[str] = None
        self.disabled = False

    @property
    def window(self) -> Optional[int]:
        """See :attr:`peekr.guard.BaseGuardrail.window`."""
        window = getattr(self.guard, "window", 256)
        return None if window is None else max(int(window), 1)

    @property
    def blocks(self) -> bool:
        """See :attr:`peekr.guard.BaseGuardrail.blocks`."""
        return bool(getattr(self.guard, "blocks", True))

    @property
    def waits(self) -> bool:
        """See :attr:`peekr.guard.BaseGuardrail.waits`."""
        return bool(getattr(self.guard, "waits", False))

    def ask(self, span: Span) -> None:
        """Call the guardrail.

        :raises GuardrailError, BudgetExceededError: its own, completed with its name and the span.
        """
        if self.disabled:
            return
        try:
            with untraced():
                self._call(span)
        except GuardrailError as error:
            self.in_a_row = 0
            error.guardrail_name = error.guardrail_name or self.name
            error.span = span
            raise
        except BudgetExceededError:
            self.in_a_row = 0
            raise
        except Exception as error:
            self._failed(span, error)
        else:
            self.in_a_row = 0

    def _failed(self, span: Span, error: Exception) -> None:
        self.errors += 1
        self.in_a_row += 1
        self.last_error = f"{type(error).__name__}: {error}"
        add_note(span, "guardrail_warnings", f"{self.name} failed and was ignored: {type(error).__name__}")
        if self.errors == 1:
            logger.warning("guardrail %r failed and was ignored: %s", self.name, self.last_error, exc_info=error)
        if self.in_a_row >= MAX_FAILURES and not self.disabled:
            self.disabled = True
            logger.error("guardrail %r failed %d times in a row and is disabled", self.name, self.in_a_row)

    def stats(self) -> Dict[str, Any]:
        """The ledger as :func:`peekr.stats` shows that of any other part."""
        return {
            "group": "peekr.guardrails",
            "distribution": None,
            "errors": self.errors,
            "last_error": self.last_error,
            "disabled": self.disabled,
            "seconds": 0.0,
        }


class Guards:
    """What is asked in this process.

    :ivar inputs: before a request leaves.
    :ivar outputs: before an answer is handed out.
    :ivar reading: whether somebody reads texts that may not be captured.
    """

    __slots__ = ("inputs", "outputs", "reading")

    def __init__(self) -> None:
        self.reading = False
        self.inputs: Tuple[Asked, ...] = ()
        self.outputs: Tuple[Asked, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anybody is asked at all, or reads what may not be captured."""
        return bool(self.inputs or self.outputs or self.reading)


guards = Guards()


def without_originals(span: Span) -> None:
    """Drop the record of a call if a guardrail has replaced texts that stand in it too. In the worker."""
    if span in replaced:
        span.resolve()
        span.payload = None


def before_call(span: Span, describe: Describe) -> None:
    """Ask whether the request may leave. The caller ends the span with what is raised, and does not call the SDK.

    :param describe: sets ``input``, ``system`` and ``model`` on a copy of the span.
    :raises GuardrailError, BudgetExceededError: if it may not; the span is marked as blocked.
    """
    if not span.scope.muted:
        ask(guards.inputs, span, describe)


def after_call(span: Span, describe: Describe) -> None:
    """Ask whether the answer may be handed out. The caller ends the span, whatever happens, and passes on what is
    raised.

    :param describe: sets all attributes of the call on a copy of the span.
    :raises GuardrailError: if it may not; the span is marked as blocked.
    """
    if answers(span):
        ask(guards.outputs, span, describe)


async def after_async_call(span: Span, describe: Describe) -> None:
    """As :func:`after_call`; with a guardrail that takes long, the event loop goes on meanwhile."""
    if not answers(span):
        return
    asked = guards.outputs
    await in_thread(asked, lambda: ask(asked, span, describe))


async def in_thread(asked: Sequence[Asked], call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns; if one of ``asked`` takes long, the event loop goes on meanwhile."""
    if not any(guard.waits for guard in asked):
        return call()
    import asyncio
    import contextvars

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # an event loop that is not asyncio's
        return call()
    return await loop.run_in_executor(None, contextvars.copy_context().run, call)


def answers(span: Span) -> bool:
    """Whether somebody wants to see this span's answer."""
    return bool(guards.outputs) and span.kind in _ANSWERING and not span.scope.muted


def block(span: Span, error: BaseException) -> None:
    """Mark a span as stopped by this exception (GUARD-7); the reason is the same for a budget that is spent."""
    span.record_error(error)
    span.attributes["blocked"] = True
    span.attributes["error_reason"] = "guardrail"
    if isinstance(error, GuardrailError):
        add_note(span, "guardrail_violations", f"{error.guardrail_name}: {error}")


def add_note(span: Span, name: str, note: str) -> None:
    """Add a text to a list among the attributes, once."""
    add_notes(span, name, (note,))


def add_notes(span: Span, name: str, notes: Sequence[str]) -> None:
    """Add texts to a list among the attributes, each once."""
    attributes = span.attributes
    known = attributes.get(name)
    attributes[name] = list(dict.fromkeys([*known, *notes] if isinstance(known, list) else notes))


def ask(asked: Sequence[Asked], span: Span, describe: Describe) -> None:
    """Ask each of them about a span that shows its whole texts meanwhile.

    :raises GuardrailError, BudgetExceededError: of the first that objects; the span is marked as blocked.
    """
    with _Shown(span, describe):
        for guard in asked:
            try:
                guard.ask(span)
            except STOPS as error:
                block(span, error)
                raise


class _Shown:
    """A span as guards see it, with whole texts, for the time of a ``with`` block; what they add stays."""

    __slots__ = ("_attributes", "_payload", "_pending", "_span", "_texts")

    def __init__(self, span: Span, describe: Describe) -> None:
        view = copy(span)
        view._attributes, view._pending = {**(span._attributes or {}), **withheld.of(span)}, None
        try:
            describe(view)
        except Exception as error:
            note_failure("describing a call to guardrails", error)
        self._span = span
        self._texts: Dict[str, Any] = dict(view._attributes)
        self._attributes, self._payload, self._pending = span._attributes, span._payload, span._pending
        span._attributes, span._payload, span._pending = dict(self._texts), view._payload, None

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *error: Any) -> None:
        span, texts = self._span, self._texts
        now = span._attributes or {}
        new = added(texts, now)
        if any(name in new and name in texts and new[name] != texts[name] for name in _TEXTS):
            replaced.add(span)
        if withheld.on:
            new = without_quotations(new)
        span._payload, span._pending = self._payload, self._pending
        span._attributes = {**(self._attributes or {}), **new} if new else self._attributes
