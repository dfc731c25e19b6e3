"""The provider. Light to import: the rest comes with CrewAI."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from peekr_crewai.switch import switch

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.tracer import Tracer


class CrewAIProvider:
    """Makes spans of crews, tasks, agents, tools, flows and calls of models, through patches of their methods."""

    name = "crewai"
    target = "crewai"

    def instrument(self, tracer: Tracer) -> None:
        """Switch on; each part as soon as the module it belongs to is imported."""
        switch.hold(self.name)

    def uninstrument(self) -> None:
        """Put everything back."""
        switch.release_all()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_crewai.doctor import SUITE

        return [SUITE]
