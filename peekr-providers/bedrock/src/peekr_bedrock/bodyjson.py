"""The bodies of InvokeModel as JSON data, whatever they are. Used in the worker."""

from __future__ import annotations

import json
from typing import Any, Dict

import msgspec

from peekr.messages import lighten

#: Bytes of a body in which no base64 is looked for.
_PLAIN = 4096


def parse(body: Any) -> Dict[str, Any]:
    """Return the JSON object of a body; a text that is none as ``{"text": …}``, other JSON as ``{"data": …}``."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        words = body if isinstance(body, str) else bytes(body).decode("utf-8", "replace")
        try:
            value = json.loads(words)  # NaN, and bytes that are no UTF-8
        except (ValueError, RecursionError):
            value = words
    if len(body) > _PLAIN:
        value = lighten(value)
    return value if isinstance(value, dict) else {"text" if isinstance(value, str) else "data": value}
