"""The one ContextVar: which span is current."""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Generic, List, Optional, Tuple, Type, TypeVar

from peekr.scope import Scope
from peekr.spans import Anchor, Parent, Span, current_of

current: ContextVar[Parent] = ContextVar("peekr_current", default=None)

Entry = TypeVar("Entry", bound=Tuple[Any, "Token[Parent]", Parent])
Entered = TypeVar("Entered")


def get_current_span() -> Optional[Span]:
    """Return the innermost open span of this thread or task, or None outside of all."""
    return current_of(current.get())


def restore(token: Token[Parent]) -> bool:
    """Make the span before ``token`` current again; a token of another context restores nothing: False."""
    try:
        current.reset(token)
    except (ValueError, RuntimeError):  # another context, or used already: nothing of ours to restore there
        return False
    return True


def leave(entered: List[Entry]) -> Entry:
    """Take away the last entry of this thread or task, make current what was before it, and return it.

    For objects that may be entered again, also by several tasks at once.

    :param entered: tuples of anything, the token, and what was made current.
    """
    entry: Optional[Entry] = next((each for each in reversed(entered) if restore(each[1])), None)
    if entry is None:  # entered in another context, as a generator is that somebody steps in many
        entry = entered[-1]
        if current.get() is entry[2]:
            before = entry[1].old_value
            current.set(None if before is Token.MISSING else before)
    entered.remove(entry)
    return entry


class Block(Generic[Entered]):
    """What ``with`` and ``async with`` enter alike; neither ever waits."""

    __slots__ = ()

    def __enter__(self) -> Entered:
        raise NotImplementedError

    def _leave(self, error: Optional[BaseException]) -> None:
        """End the block; ``error`` is what it raised, which passes through."""
        raise NotImplementedError

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._leave(error)

    async def __aenter__(self) -> Entered:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._leave(error)


class untraced(Block[None]):
    """Record nothing of what happens inside: ``with untraced():``, for a judge's own calls of a model.

    Spans are made as ever, but no hook, evaluator or exporter sees them. Follows ``await`` and new tasks.
    """

    __slots__ = ("_entered",)

    #: Whether it was ever used in this process; until then nobody has to look.
    used = False
    #: How many spans the worker has left out so far.
    spans = 0

    def __init__(self) -> None:
        self._entered: List[Tuple[None, Token[Parent], Parent]] = []

    def __enter__(self) -> None:
        untraced.used = True
        place = Anchor(_MUTED)
        self._entered.append((None, current.set(place), place))

    def _leave(self, error: Optional[BaseException]) -> None:
        leave(self._entered)


_MUTED = Scope(muted=True)
