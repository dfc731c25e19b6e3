"""Any Python value as plain JSON data. The slow, thorough way: what the fast encoder refuses comes here."""

from __future__ import annotations

import math
from typing import Any, Dict, List

MAX_DEPTH = 64
_INT64 = 1 << 63


def plain(value: Any, depth: int = 0) -> Any:
    """Return ``value`` as str, int, float, bool, None, list and dict only; never raises.

    What JSON cannot hold becomes ``str(value)``; NaN and infinities become None; lone surrogates are replaced;
    structures deeper than 64 levels (circular ones too) end in ``"…"``.
    """
    kind = type(value)
    if kind is str:
        return clean_text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_INT64 <= value < _INT64 else str(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return "…"
    try:
        if isinstance(value, dict):
            return _mapping(value, depth)
        if isinstance(value, (list, tuple)):
            return _sequence(value, depth)
    except Exception as error:  # a subclass of dict or list may do anything, another thread may change it meanwhile
        return f"<{kind.__name__}: {type(error).__name__}>"
    return clean_text(text_of(value))


def _mapping(value: Dict[Any, Any], depth: int) -> Dict[str, Any]:
    return {key_of(key): plain(item, depth + 1) for key, item in list(value.items())}


def _sequence(value: Any, depth: int) -> List[Any]:
    return [plain(item, depth + 1) for item in list(value)]


def key_of(key: Any) -> str:
    """Return a dict key as JSON would write it: ``True`` as ``true``, ``None`` as ``null``, others by str()."""
    if type(key) is str:
        return clean_text(key)
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    return clean_text(text_of(key))


def text_of(value: Any) -> str:
    """Return ``str(value)``, or a note in angle brackets when that raises."""
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__}: str() raised {type(error).__name__}>"


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
