"""What ``enable_crewai()`` returns: a context manager, and a switch for the process."""

from __future__ import annotations

from typing import Any, Optional

from peekr.agent import Run, get_trace
from peekr_crewai.switch import switch


class CrewAITracing:
    """See :func:`peekr_crewai.enable_crewai`. May be entered again, also by several tasks at once."""

    def __init__(self, run_name: str, trace: Any = None) -> None:
        self._run_name = run_name
        self._trace = trace
        self._run: Optional[Run] = None
        self._holder = object()
        switch.hold(self._holder)

    def __enter__(self) -> CrewAITracing:
        switch.hold(self._holder)
        if self._run is None:
            self._run = (self._trace or get_trace()).run(self._run_name, agent_type="crewai")
        self._run.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._run is not None:
            self._run.__exit__(*failure)
            if not self._run._open:
                self.disable()

    async def __aenter__(self) -> CrewAITracing:
        return self.__enter__()

    async def __aexit__(self, *failure: Any) -> None:
        self.__exit__(*failure)

    def disable(self) -> None:
        """Switch off what this object switched on; CrewAI stays traced as long as ``instrument()`` asks for it."""
        switch.release(self._holder)
