"""The one ContextVar: which span is current."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Optional

from peekr.spans import Parent, Span, current_of

current: ContextVar[Parent] = ContextVar("peekr_current", default=None)


def get_current_span() -> Optional[Span]:
    """Return the innermost open span of this thread or task, or None outside of all."""
    return current_of(current.get())


def restore(token: Token[Parent]) -> None:
    """Make the span before ``token`` current again; a token of another context restores nothing."""
    try:
        current.reset(token)
    except (ValueError, RuntimeError):  # another context, or used already: nothing of ours to restore there
        pass
