"""Parameters that several resources take."""

from __future__ import annotations

from typing import Annotated, Any, Dict, Optional

from fastapi import Depends, Query

from peekr.timeparse import parse_time
from peekr_server.errors import invalid

#: SQLite's integers end a little further on; JavaScript's here.
_MOST = 2**53 - 1

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
AnyLimit = Annotated[Optional[int], Query(ge=1, le=_MOST, description="At most so many; all by default.")]
Offset = Annotated[int, Query(ge=0, le=_MOST, description="Leave out so many of the first.")]
Millis = Annotated[Optional[float], Query(allow_inf_nan=False, description="Milliseconds since the epoch.")]
Text = Annotated[Optional[str], Query()]
Moment = Annotated[
    Optional[str], Query(description="ISO 8601, epoch seconds, or an age such as 15m, 24h, 7d.", examples=["7d"])
]


def moment(value: Optional[str], name: str) -> Optional[float]:
    """Return a :data:`Moment` as Unix seconds.

    :raises RequestValidationError: if it is none.
    """
    if not value:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        raise invalid(["query", name], str(error)) from None


def one_of(value: Optional[str], name: str, *allowed: str) -> Optional[str]:
    """Return the value, None for an empty one.

    :raises RequestValidationError: if it is not one of these.
    """
    if not value:
        return None
    if value not in allowed:
        raise invalid(["query", name], f"must be one of {', '.join(allowed)}, got {value[:100]!r}")
    return value


async def _filters(
    tenant_id: Text = None,
    user_id: Text = None,
    session_id: Text = None,
    since: Moment = None,
    until: Moment = None,
) -> Dict[str, Any]:
    return {
        "tenant_id": tenant_id or None,
        "user_id": user_id or None,
        "session_id": session_id or None,
        "since": moment(since, "since"),
        "until": moment(until, "until"),
    }


#: Five parameters, as arguments of :class:`peekr.selection.Selection` and :meth:`peekr.ReadStore.traces`.
Filters = Annotated[Dict[str, Any], Depends(_filters)]
