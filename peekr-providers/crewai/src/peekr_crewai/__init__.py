"""Trace CrewAI: ``peekr.instrument()`` finds this package by its entry point.

::

    with peekr.enable_crewai(run_name="research"):      # one run around whatever CrewAI does inside
        crew.kickoff(inputs={"topic": "whales"})

Nothing here imports CrewAI before the program does or :func:`enable_crewai` is called.
"""

from __future__ import annotations

from peekr_crewai.enabling import enable_crewai
from peekr_crewai.provider import CrewAIProvider

__all__ = ["CrewAIProvider", "enable_crewai"]
