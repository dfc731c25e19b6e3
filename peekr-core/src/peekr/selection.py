"""Which spans a reader asks for."""

from __future__ import annotations

from typing import Any, Iterator, Optional

import attrs

from peekr.spans import Span


@attrs.define(slots=True, frozen=True)
class Selection:
    """A filter on spans; every field given must hold, None holds always.

    :ivar trace_id: the whole id; :meth:`peekr.stores.ReadStore.resolve_id` makes one of a prefix.
    :ivar run_id: likewise. The spans of a nested run belong to the nested run only.
    :ivar since: Unix seconds; the span started then or later.
    :ivar until: Unix seconds; the span started before.
    :ivar status: ``ok`` or ``error``.
    :ivar name: the name, or its first dotted parts: ``openai.chat`` fits ``openai.chat.completions``.
    """

    trace_id: Optional[str] = None
    run_id: Optional[str] = None
    session_id: Optional[str] = None
    tenant_id: Optional[str] = None
    user_id: Optional[str] = None
    since: Optional[float] = None
    until: Optional[float] = None
    status: Optional[str] = None
    kind: Optional[str] = None
    name: Optional[str] = None

    def given(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields that ask for something, with their values."""
        for field in self.__attrs_attrs__:
            value = getattr(self, field.name)
            if value is not None:
                yield field.name, value

    def accepts(self, span: Span) -> bool:
        """Whether the span is asked for."""
        if self.trace_id is not None and span.trace_id != self.trace_id:
            return False
        if self.since is not None and span.start_time < self.since:
            return False
        if self.until is not None and span.start_time >= self.until:
            return False
        if self.name is not None and span.name != self.name and not span.name.startswith(self.name + "."):
            return False
        for field in ("run_id", "session_id", "tenant_id", "user_id", "status", "kind"):
            wanted = getattr(self, field)
            if wanted is not None and getattr(span, field) != wanted:
                return False
        return True


def mentions(span: Span, needle: str) -> bool:
    """Whether the name or a text among the attributes contains ``needle`` (in lower case), in any case of letters."""
    return needle in span.name.lower() or _inside(span.attributes, needle)


def _inside(value: Any, needle: str) -> bool:
    todo = [value]  # no recursion: records of other programs are nested as deeply as they like
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            if needle in one.lower():
                return True
        elif isinstance(one, dict):
            todo.extend(one.values())
        elif isinstance(one, list):
            todo.extend(one)
    return False
