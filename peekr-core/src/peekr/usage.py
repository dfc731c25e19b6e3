"""Reading token counts out of a provider's usage object, whatever it holds. Shared by the providers."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional


def count(usage: Mapping[str, Any], *names: str) -> Optional[int]:
    """Return the first of these entries that is a count, a number of at least 0; None if there is none."""
    for name in names:
        value = usage.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf"):
            return int(value)
    return None


def part(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the first of these entries that is an object; an empty one if there is none."""
    for name in names:
        value = usage.get(name)
        if isinstance(value, Mapping):
            return value
    return {}


def known(counts: Mapping[str, Optional[int]]) -> Dict[str, int]:
    """Return the counts that are not None."""
    return {name: value for name, value in counts.items() if value is not None}
