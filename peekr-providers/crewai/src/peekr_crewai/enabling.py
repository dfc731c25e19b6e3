"""The function for users. Light to import: CrewAI is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from peekr.errors import PluginNotInstalled

if TYPE_CHECKING:
    from peekr_crewai.tracing import CrewAITracing


def enable_crewai(run_name: str = "crewai_agent", trace: Any = None) -> CrewAITracing:
    """Trace what CrewAI does: inside a ``with`` block as one run, or process-wide.

    ::

        with enable_crewai(run_name="research"):
            crew.kickoff()

        enable_crewai()        # without ``with``: process-wide from now on, until .disable() or uninstrument()

    After :func:`peekr.instrument` CrewAI is traced anyway; the block then adds the run around it. Without it, the
    block begins to store runs as ``peekr.trace.run`` does.

    :param run_name: name of the run; its ``agent_type`` is ``crewai``.
    :param trace: a :class:`peekr.Trace` to open the run with; the default one if it is None.
    :raises PluginNotInstalled: (an ImportError) if crewai is not installed.
    """
    try:
        import_module("crewai")
    except ModuleNotFoundError as error:
        if error.name != "crewai":  # it is there and lacks something itself
            raise
        raise PluginNotInstalled("peekr.enable_crewai", "crewai") from None
    from peekr_crewai.tracing import CrewAITracing

    return CrewAITracing(run_name, trace)
