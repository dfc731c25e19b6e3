"""Replace methods of somebody else's classes, and put them back exactly."""

from __future__ import annotations

import logging
from typing import Any, Callable, List, Tuple

logger = logging.getLogger("peekr")

_MISSING = object()


class Patches:
    """The methods one provider has replaced. Each patch stands alone: one that fails leaves the others."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.failures: List[str] = []
        self._undo: List[Tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> bool:
        """Replace ``owner.name`` by ``make(original)``; return whether that worked. Never raises.

        A method that this provider wrapped before is left alone, so that no call is traced twice.
        """
        try:
            original = getattr(owner, name)
            if getattr(original, "__peekr__", None) == self.provider:
                return True
            replacement = make(original)
            replacement.__peekr__ = self.provider
            before = vars(owner).get(name, _MISSING)
            setattr(owner, name, replacement)
        except Exception as error:
            self._failed(f"{getattr(owner, '__qualname__', owner)}.{name}", error)
            return False
        self._undo.append((owner, name, before, replacement))
        return True

    def _failed(self, what: str, error: Exception) -> None:
        self.failures.append(f"{what}: {type(error).__name__}: {error}")
        logger.warning(
            "provider %r could not patch %s (%s: %s): calls through it are not traced, everything else is",
            self.provider,
            what,
            type(error).__name__,
            error,
        )

    def undo(self) -> None:
        """Put every method back, unless somebody else has replaced it since (then theirs stays)."""
        while self._undo:
            owner, name, before, replacement = self._undo.pop()
            if vars(owner).get(name) is not replacement:
                continue
            if before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
