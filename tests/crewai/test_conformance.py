"""The provider keeps what every provider keeps."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest

from peekr.testing.conformance import ProviderConformance
from peekr_crewai import CrewAIProvider

pytest.importorskip("crewai", reason="crewai is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # CrewAI's own, and those of what it is built on

QUESTION = "What is the capital of France?"


class TestCrewAIProvider(ProviderConformance):
    entry_point = "crewai"

    @pytest.fixture(autouse=True)
    def _server(self, server: Any) -> None:
        self.server = server

    def make_provider(self) -> Any:
        return CrewAIProvider()

    def call(self) -> Any:
        from crewai.utilities.token_counter_callback import TokenCalcHandler

        return self.server.model().call(QUESTION, callbacks=[TokenCalcHandler(None)])

    def call_failing(self) -> Any:
        self.server.script = [401]
        return self.server.model(max_retries=0).call(QUESTION)

    def methods(self) -> Any:
        import crewai
        from crewai.agents.agent_builder.base_agent import BaseAgent
        from crewai.tools import BaseTool
        from crewai.tools.base_tool import Tool
        from crewai.tools.structured_tool import CrewStructuredTool

        model = type(self.server.model())
        return [
            *((crewai.Crew, name) for name in ("kickoff", "kickoff_async", "akickoff", "kickoff_for_each", "replay")),
            *((crewai.Task, name) for name in ("_execute_core", "_aexecute_core")),
            *((crewai.Agent, name) for name in ("execute_task", "aexecute_task", "kickoff", "akickoff")),
            *((each, name) for each in (BaseTool, Tool) for name in ("run", "arun")),
            *((CrewStructuredTool, name) for name in ("invoke", "ainvoke")),
            *((crewai.Flow, name) for name in ("kickoff", "kickoff_async", "_execute_method")),
            *((model, name) for name in ("call", "acall", "_track_token_usage_internal")),
            *((each, "__init_subclass__") for each in (BaseAgent, BaseTool, crewai.LLM, *model.__mro__[:2])),
        ]


def test_signatures_are_crewais_own() -> None:
    """INST-12: a program, and CrewAI itself, may look at them."""
    import asyncio
    import inspect

    import crewai

    from peekr.testing import record

    names = [name for name in ("kickoff", "kickoff_async", "akickoff") if hasattr(crewai.Crew, name)]
    before = [(inspect.signature(getattr(crewai.Crew, name)), getattr(crewai.Crew, name).__doc__) for name in names]
    with record(plugins=["crewai"]):
        now = [(inspect.signature(getattr(crewai.Crew, name)), getattr(crewai.Crew, name).__doc__) for name in names]
        assert now == before
        assert [asyncio.iscoroutinefunction(getattr(crewai.Crew, name)) for name in names] == [
            name != "kickoff" for name in names
        ]


def test_every_method_that_is_patched_is_there(caplog: Any) -> None:
    """INST-8: nothing is warned of, whatever the version."""
    from peekr.testing import record

    with record(plugins=["crewai"]):
        pass
    assert not [entry for entry in caplog.records if entry.name == "peekr"]


def test_instrument_before_the_import_of_crewai_traces_it() -> None:
    """INST-7: in a process where nothing of CrewAI is imported yet."""
    code = (
        "import peekr\n"
        "from peekr.testing import record\n"
        "with record(plugins=['crewai']) as recording:\n"
        "    from crewai.tools import tool\n"
        "    @tool('double')\n"
        "    def double(number: int) -> int:\n"
        "        '''Double it.'''\n"
        "        return 2 * number\n"
        "    assert double.run(number=2) == 4\n"
        "    print(recording.only.name, recording.only.attributes['output'])\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.splitlines()[-1:] == ["crewai.tool.double 4"], done.stderr


def test_a_crew_works_as_before_after_uninstrument(server: Any) -> None:
    """INST-17: crews, tools and models made while tracing."""
    import peekr
    from peekr.testing import record

    with record(plugins=["crewai"]):
        crew = server.crew()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert crew.kickoff().raw == "Paris."
    assert peekr.get_current_span() is None
