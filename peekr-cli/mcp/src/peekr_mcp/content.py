"""What was recorded, as texts and numbers that may be handed to a model: bounded, and without control characters."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from itertools import chain
from typing import Any, Iterator, Optional, Tuple

import attrs

from peekr.terminal import neutral

#: Characters of a name, id or other field of one line.
LINE = 200
_LARGEST = 2**53
_LAYOUT = re.compile("([\n\t]+)")


def harmless(text: str) -> str:
    """Return the text with control and invisible characters written out; its lines and tabs stay."""
    parts = _LAYOUT.split(text.replace("\r\n", "\n"))
    return "".join(part if at % 2 else neutral(part) for at, part in enumerate(parts))


def line(value: Any, limit: int = LINE) -> str:
    """Return a value as one harmless line of bounded length."""
    return neutral(as_text(value)[:limit])


def line_or_none(value: Any, limit: int = LINE) -> Optional[str]:
    """Return :func:`line`, or None for what is not there."""
    return None if value is None else line(value, limit)


def as_text(value: Any) -> str:
    """Return a text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}, too deep to show>"


def number(value: Any) -> Optional[float]:
    """Return a number that JSON can hold, None for everything else: records of other programs hold anything."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None  # not so for NaN


def whole(value: Any) -> Optional[int]:
    """Return such a number without its fraction, None for everything else."""
    found = number(value)
    return None if found is None else int(found)


def moment(seconds: Optional[float]) -> Optional[str]:
    """Return Unix seconds as ``2026-01-31T09:00:00.123Z``; None where no calendar knows them."""
    if not seconds:
        return None
    try:
        stamp = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@attrs.define(slots=True)
class Cutter:
    """Cuts recorded texts to what an answer has room for.

    :ivar limit: characters of one text.
    :ivar room: characters that all texts together may still take.
    :ivar start: the first character of each text that is shown.
    :ivar cuts: how many texts were cut at their end.
    """

    limit: int
    room: int = 60_000
    start: int = 0
    cuts: int = 0

    def text(self, value: Any, limit: Optional[int] = None) -> Optional[str]:
        """Return a part of a recorded value, which says how much is left out; None for what is not there."""
        if value is None:
            return None
        full = as_text(value)
        shown = full[self.start : self.start + max(0, min(limit or self.limit, self.room))]
        self.room -= len(shown)
        left = len(full) - self.start - len(shown)
        if left <= 0:
            return harmless(shown)
        self.cuts += 1
        return f"{harmless(shown)} […{left:,} more characters]"


def mention(name: str, attributes: Any, text: str, around: int = 80) -> str:
    """Return the first place that contains the text, in any case of letters, as ``attribute: …text around it…``."""
    needle = text.lower()
    for where, candidate in chain([("name", name)], _texts(attributes)):
        at = candidate.lower().find(needle)
        if at >= 0:
            first, last = max(0, at - around), at + len(needle) + around
            shown = ("…" if first else "") + candidate[first:last] + ("…" if last < len(candidate) else "")
            return f"{line(where)}: {harmless(shown)}"
    return ""


def _texts(value: Any) -> Iterator[Tuple[str, str]]:
    """Yield every text inside, in its order, with the path to it; records may be nested to any depth."""
    pending = [("", value)]
    while pending:
        where, value = pending.pop()
        if isinstance(value, str):
            yield where, value
        elif isinstance(value, dict):
            inside = [(f"{where}.{key}" if where else str(key), item) for key, item in value.items()]
            pending += reversed(inside)
        elif isinstance(value, list):
            pending += reversed([(f"{where}[{at}]", item) for at, item in enumerate(value)])
