"""Any Python value as plain JSON data. The slow, thorough way: what the fast encoder refuses comes here."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Set, Union

MAX_DEPTH = 64
#: Values of one structure; one whose parts refer to each other could go on for ever.
MAX_VALUES = 200_000
#: Integers of more bits than this have too many digits for Python to write them.
_MAX_BITS = 14_000


def plain(value: Any) -> Any:
    """Return ``value`` as str, int, float, bool, None, list and dict only; never raises.

    What JSON cannot hold becomes ``str(value)``; NaN and infinities become None; lone surrogates are replaced.
    Ends in ``"…"``: what contains itself, what is deeper than 64 levels, and what follows the first 200,000 values.
    """
    return _Plain().of(value, 0)


class _Plain:
    """One structure on its way to plain data."""

    __slots__ = ("left", "open")

    def __init__(self) -> None:
        self.left = MAX_VALUES
        self.open: Set[int] = set()

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return clean_text(value)
        if value is None or kind is bool:
            return value
        if isinstance(value, int):
            return integer(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        if isinstance(value, str):
            return clean_text(str.__str__(value))
        if isinstance(value, (dict, list, tuple)):
            return self.container(value, depth)
        return clean_text(text_of(value))

    def container(self, value: Any, depth: int) -> Any:
        if depth >= MAX_DEPTH or self.left <= 0 or id(value) in self.open:
            return "…"
        self.open.add(id(value))
        try:
            return self.mapping(value, depth) if isinstance(value, dict) else self.sequence(value, depth)
        except Exception as error:  # a subclass may do anything, another thread may change it meanwhile
            return f"<{type(value).__name__}: {type(error).__name__}>"
        finally:
            self.open.discard(id(value))

    def mapping(self, value: Dict[Any, Any], depth: int) -> Dict[str, Any]:
        items = list(value.items())
        self.left -= len(items)
        return {key_of(key): self.of(item, depth + 1) for key, item in items}

    def sequence(self, value: Any, depth: int) -> List[Any]:
        items = list(value)
        self.left -= len(items)
        return [self.of(item, depth + 1) for item in items]


def integer(value: int) -> Union[int, str]:
    """Return an integer that can be written as digits, or a note in angle brackets for one that cannot."""
    bits = int.bit_length(value)
    return int(value) if bits <= _MAX_BITS else f"<int of {bits} bits>"


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
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
