"""What the base classes of evaluators, guardrails and alerts have in common: a name."""

from __future__ import annotations


class WithName:
    """Has a :attr:`name` that may be set."""

    @property
    def name(self) -> str:
        """What it is called in scores, messages and statistics: the class name, unless a name was set."""
        return str(getattr(self, "_name", None) or type(self).__name__)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value
