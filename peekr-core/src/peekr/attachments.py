"""State from outside of a call, attached to the current span: a scratchpad, the rows that were found (MEM-7)."""

from __future__ import annotations

import logging
from threading import Lock
from typing import Any, Dict, List, Optional, Tuple
from weakref import WeakKeyDictionary

from peekr.capture import FUNCTION_LIMIT, PAYLOAD_LIMIT, cut, document, text
from peekr.context import get_current_span
from peekr.plain import text_of
from peekr.settings import settings
from peekr.spans import Span
from peekr.wire import decode

logger = logging.getLogger("peekr")

_LIMIT_NAME = 200
#: Name → the value as a JSON document, and whether that was cut.
State = Dict[str, Tuple[bytes, bool]]
#: What was attached to spans that are still open. A provider sets the payload of its span when that ends, so this is
#: put into it afterwards, by the worker.
_attached: WeakKeyDictionary[Span, State] = WeakKeyDictionary()
_lock = Lock()


def attach(name: str, value: Any) -> None:
    """Attach a value, as it is now, to the current span. Never raises; without a current span it does nothing.

    The whole value (256 KiB at most) is stored as ``payload.state[name]``, its first 500 characters as
    ``attributes["state." + name]``. Attaching under the same name again replaces it.
    """
    span = get_current_span()
    if span is None or span.ended:
        logger.debug("attach(%r) is outside of any span and has no effect", name)
        return
    if not settings.capture_io:
        return
    try:
        _attach(span, cut(text_of(name), _LIMIT_NAME), value)
    except Exception as error:  # never into the traced program
        logger.warning("%r was not attached: %s", name, error, exc_info=error)


def _attach(span: Span, name: str, value: Any) -> None:
    taken = document(value)
    if span._attributes is None:
        span._attributes = {}
    span._attributes["state." + name] = (
        cut(value, FUNCTION_LIMIT) if isinstance(value, str) else text(value, FUNCTION_LIMIT)
    )
    with _lock:
        state = _attached.setdefault(span, {})
        span._size += len(taken[0]) - len(state[name][0] if name in state else b"")
        state[name] = taken


class Attachments:
    """Puts what was attached to a span into its payload. The first processor: redaction comes after it."""

    def wanted(self, spans: List[Span]) -> List[Span]:
        """Return those to look at: as a rule nothing is attached to any."""
        return spans if _attached else []

    def process(self, span: Span) -> None:
        """Take a span that has ended."""
        with _lock:
            state = _attached.pop(span, None)
        if state:
            span.payload = _with_state(span.payload, state)


def _with_state(payload: Optional[Dict[str, Any]], state: State) -> Dict[str, Any]:
    out = dict(payload) if isinstance(payload, dict) else {}
    kept: Dict[str, Any] = {}
    room = PAYLOAD_LIMIT
    for name, (taken, was_cut) in state.items():
        if len(taken) > room:
            taken, was_cut = document(decode(taken), max(room, 0))
        if was_cut:
            out["truncated"] = True
        room -= len(taken)
        kept[name] = decode(taken)
    out["state"] = kept
    return out
