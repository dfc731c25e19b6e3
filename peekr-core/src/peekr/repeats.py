"""What was found out about short values, for when they come again: nothing, yes, the same question."""

from __future__ import annotations

from typing import Any, Dict, List

#: Values remembered, and how many others may pass before they make room for new ones. Where nothing comes again, one
#: of so many is remembered in vain, which costs next to nothing.
ROOM, PATIENCE = 1024, 16_384
#: Bytes of the longest value that is remembered.
SHORT = 200


class Repeats:
    """Remembers some values of a stream of them. Any thread; two of them may forget each other's, and no more.

    :ivar known: value → what was found out; to look into directly.
    """

    __slots__ = ("_passed", "known")

    def __init__(self) -> None:
        self.known: Dict[Any, Any] = {}
        self._passed = 0

    def note(self, values: List[Any], found: Any) -> None:
        """Take values that were not known."""
        if len(self.known) < ROOM:
            for value in values:
                if len(value) <= SHORT:
                    self.known[value] = found
            return
        self._passed += len(values)
        if self._passed > PATIENCE:
            self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.known = {}
        self._passed = 0
