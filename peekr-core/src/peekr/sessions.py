"""Sessions: who is served, carried by every span inside."""

from __future__ import annotations

import uuid
from contextvars import Token
from typing import Any, List, Mapping, Optional, Tuple

from peekr.context import Block, current, leave
from peekr.scope import root_scope
from peekr.spans import Anchor, Parent


class session(Block["session"]):
    """Give every span inside a user, a session, a tenant and a retention class: ``with peekr.session(...)``.

    Works as ``async with`` too. A nested session inherits what it does not name. Leaving the block restores the
    outer values. One object may be entered again, also recursively.

    :param session_id: made up when omitted, unless an outer session has one.
    :ivar session_id: the one in force, after entering.
    """

    def __init__(
        self,
        user_id: Optional[str] = None,
        session_id: Optional[str] = None,
        tenant_id: Optional[str] = None,
        retention_class: Optional[str] = None,
        *,
        tags: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._values = {
            "user_id": _text(user_id),
            "session_id": _text(session_id),
            "tenant_id": _text(tenant_id),
            "retention_class": _text(retention_class),
        }
        self._tags = dict(tags) if tags else None
        self._entered: List[Tuple[Optional[str], Token[Parent], Anchor]] = []
        self.session_id = _text(session_id)

    def __enter__(self) -> session:
        parent = current.get()
        outer = root_scope.value if parent is None else parent.scope
        scope = outer.with_values(**self._values)
        if scope.session_id is None:
            scope = scope.with_values(session_id=uuid.uuid4().hex)
        if self._tags:
            scope = scope.with_values(tags={**(outer.tags or {}), **self._tags})
        place = Anchor(scope, parent)
        self._entered.append((self.session_id, current.set(place), place))
        self.session_id = scope.session_id
        return self

    def _leave(self, error: Optional[BaseException]) -> None:
        self.session_id, _, _ = leave(self._entered)


def _text(value: Any) -> Optional[str]:
    return None if value is None else str(value)
