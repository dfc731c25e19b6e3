"""Whether what was stored of a call is what was sent."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from peekr import wire
from peekr.capture import PAYLOAD_LIMIT
from peekr.redaction_patterns import MARKERS
from peekr.spans import Span

#: What stands for something that capture left out: base64, bytes, what is nested too deep.
_NOTES = re.compile(r"<base64, \d+ characters>|;base64,<\d+ characters>|<\d+ bytes>")
_CUT = re.compile("…$")
#: What redaction and the guardrail for personal data leave behind.
_MARKS = re.compile("|".join(map(re.escape, sorted({*MARKERS, "[IBAN]"}))))


def stored_request(span: Span) -> Optional[Dict[str, Any]]:
    """Return the request in the payload; None where none was stored."""
    payload = span.payload
    request = payload.get("request") if isinstance(payload, Mapping) else None
    return dict(request) if isinstance(request, Mapping) and request else None


def flaw(span: Span, request: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    """Return how a stored request is not what was sent, and why; None if it is."""
    payload = span.payload
    shortened = isinstance(payload, Mapping) and payload.get("truncated") and _is_cut(request, payload)
    if shortened or _finds(_NOTES, request):
        return "was cut when it was stored", "A call is stored up to 256 KiB, images in a larger one only by their size"
    if _finds(_MARKS, request):
        return "was redacted", "What was taken out is nowhere to be found"
    return None


def _is_cut(request: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """``truncated`` is said of request and response together; a request that was cut has the size of the limit."""
    return "response" not in payload or _finds(_CUT, request) or len(wire.encode(request)) > PAYLOAD_LIMIT // 2


def _finds(pattern: Any, value: Any) -> bool:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            if pattern.search(each):
                return True
        elif isinstance(each, Mapping):
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    return False
