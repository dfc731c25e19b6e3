"""Whether LangChain's callbacks are recorded at all. Light to import."""

from __future__ import annotations

from typing import Any, Set

from peekr.delivery import delivery


class Switch:
    """On while somebody holds it: the provider, a process-wide ``enable_langchain()``, an open ``with`` block."""

    def __init__(self) -> None:
        self._holders: Set[Any] = set()

    def hold(self, holder: Any) -> None:
        """Switch on for a holder, any hashable object."""
        self._holders.add(holder)

    def release(self, holder: Any) -> None:
        """Take back a :meth:`hold`."""
        self._holders.discard(holder)

    def release_all(self) -> None:
        """Switch off."""
        self._holders.clear()

    @property
    def on(self) -> bool:
        """Whether spans are wanted, and go anywhere."""
        return bool(self._holders) and delivery.pipeline is not None


switch = Switch()
