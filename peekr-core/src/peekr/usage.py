"""Reading token counts out of a provider's usage object, whatever it holds. Shared by the providers."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

_ENDLESS = float("inf")


def count(usage: Mapping[str, Any], *names: str) -> Optional[int]:
    """Return the first of these entries that is a count, a number of at least 0; None if there is none."""
    for name in names:
        value = usage.get(name)
        if value is None:
            continue
        if type(value) is int:
            if value >= 0:
                return value
        elif isinstance(value, (int, float)) and type(value) is not bool and 0 <= value < _ENDLESS:
            return int(value)
    return None


def part(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the first of these entries that is an object; an empty one if there is none."""
    for name in names:
        value = usage.get(name)
        if isinstance(value, dict):
            return value
    return {}


def known(counts: Mapping[str, Optional[int]]) -> Dict[str, int]:
    """Return the counts that are not None."""
    return {name: value for name, value in counts.items() if value is not None}
