"""Responses that are generated in the background: which fetch tells what they cost. Used in the worker only."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Mapping

_REMEMBERED = 1000


class Unsettled:
    """The ids of responses whose creation had no usage to report yet.

    The first fetch that reports it counts the tokens; every other fetch repeats what has been counted.
    """

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def note(self, response: Mapping[str, Any]) -> None:
        """Remember a response if its creation told no usage."""
        name = response.get("id")
        if response.get("status") in ("queued", "in_progress") and isinstance(name, str) and not response.get("usage"):
            self._ids[name] = None
            if len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)

    def settle(self, response: Mapping[str, Any]) -> bool:
        """Whether a fetched response is one of these and tells its usage; it is settled then."""
        name = response.get("id")
        if not isinstance(name, str) or not response.get("usage") or name not in self._ids:
            return False
        del self._ids[name]
        return True


unsettled = Unsettled()
