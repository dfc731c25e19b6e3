"""Whether CrewAI is patched: as long as somebody wants it. Light to import."""

from __future__ import annotations

import functools
from typing import Any, Callable, List, Set

from peekr.imports import forget, when_imported
from peekr.patching import Patches

#: The modules whose methods are patched. Some exist in newer versions only, some have moved.
MODULES = (
    "crewai.crew",
    "crewai.task",
    "crewai.agents.agent_builder.base_agent",
    "crewai.agent",
    "crewai.lite_agent",
    "crewai.tools.base_tool",
    "crewai.tools.structured_tool",
    "crewai.knowledge.knowledge",
    "crewai.memory.unified_memory",
    "crewai.flow.flow",
    "crewai.llms.base_llm",
    "crewai.llm",
    "crewai.utilities.token_counter_callback",
)


class Switch:
    """On while somebody holds it: the provider, a process-wide ``enable_crewai()``, an open ``with`` block."""

    def __init__(self) -> None:
        self._holders: Set[Any] = set()
        self._patches = Patches("crewai")
        self._waiting: List[Callable[[], None]] = []

    def hold(self, holder: Any) -> None:
        """Switch on for a holder, any hashable object; each module's methods when it is imported."""
        first = not self._holders
        self._holders.add(holder)
        if not first:
            return
        for module in MODULES:
            action = functools.partial(self._patch, module)
            self._waiting.append(action)
            when_imported(module, action)

    def release(self, holder: Any) -> None:
        """Take back a :meth:`hold`; the last one puts the methods back."""
        self._holders.discard(holder)
        if not self._holders:
            self.release_all()

    def release_all(self) -> None:
        """Put the methods back."""
        self._holders.clear()
        while self._waiting:
            forget(self._waiting.pop())
        self._patches.undo()

    def _patch(self, module: str) -> None:
        from peekr_crewai.points import patch_module

        patch_module(module, self._patches)


switch = Switch()
