"""``enable_crewai()``."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import peekr
from peekr.testing import Recording, record
from peekr_crewai import enable_crewai

pytestmark = pytest.mark.filterwarnings("ignore")  # CrewAI's own, and those of what it is built on


def test_the_block_is_a_run_with_all_that_crewai_does(kit: Any, server: Any, recording: Recording) -> None:
    """LC-7, LC-1: what the crew said last is the run's final answer."""
    with enable_crewai(run_name="research"):
        server.crew().kickoff()
    assert kit.outline(recording.spans) == [
        "research",
        *kit.inside(["crewai.crew.kickoff", *kit.inside(kit.task)]),
        "    final.answer",
    ]
    (run,) = recording.named("research")
    assert (run.kind, run.attributes["agent_type"], run.status) == ("run", "crewai", "ok")
    assert {span.run_id for span in recording.spans} == {run.span_id}
    assert peekr.trace.get_active_context() is None


def test_an_error_fails_the_run(kit: Any, server: Any, recording: Recording) -> None:
    """LC-4, AGENT-11: as an error event where it happened, and of the run it ended."""
    server.script = [401]
    model = server.model(max_retries=0)
    with pytest.raises(Exception):  # noqa: B017 - whichever it is
        with enable_crewai():
            model.call("x")
    (run,) = recording.named("crewai_agent")
    assert run.status == "error"
    events = [span for span in recording.spans if span.name.startswith("error.")]
    assert [event.attributes["critical"] for event in events] == [False, True]
    assert events[0].parent_id == recording.named("crewai.llm.call")[0].span_id


def test_it_traces_though_the_provider_is_not_in_use(kit: Any, server: Any) -> None:
    """LC-1: it asks for itself; after the block CrewAI is left alone again."""
    with record(plugins=[]) as recording:
        with enable_crewai():
            server.model().call("x")
        server.model().call("y")
        assert kit.outline(recording.spans) == ["crewai_agent", "  crewai.llm.call"]


def test_without_a_block_it_is_a_switch_for_the_process(kit: Any, server: Any) -> None:
    """LC-1: on from the call on until it is taken back."""
    with record(plugins=[]) as recording:
        switch = enable_crewai()
        server.model().call("x")
        switch.disable()
        server.model().call("y")
        assert kit.outline(recording.spans) == ["crewai.llm.call"]


def test_a_block_within_a_block(kit: Any, server: Any, recording: Recording, run: Any) -> None:
    """CTX-5: ``with`` and ``async with``; leaving the inner one leaves the outer one traced."""

    async def work() -> None:
        async with enable_crewai("outer"):
            with enable_crewai("inner"):
                server.model().call("x")
            server.model().call("y")

    run(work())
    assert kit.outline(recording.spans) == ["outer", "  inner", "    crewai.llm.call", "  crewai.llm.call"]


def test_a_trace_of_ones_own_opens_the_run(recording: Recording) -> None:
    """LC-1."""
    opened = []

    class Mine(peekr.Trace):
        def run(self, run_name: str, **options: Any) -> Any:
            opened.append(run_name)
            return super().run(run_name, **options)

    with enable_crewai("one", trace=Mine()):
        pass
    assert opened == ["one"]


def test_without_crewai_it_says_what_to_install() -> None:
    """LC-5, PKG-6: and with the plugin in use nothing else is said."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'crewai': raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import peekr, peekr_crewai\n"
        "peekr.instrument(console=False, storage=None)\n"
        "try: peekr_crewai.enable_crewai()\n"
        "except ImportError as error: print(type(error).__name__, str(error).splitlines()[-1])\n"
        "peekr.uninstrument()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["PluginNotInstalled Install it with: pip install crewai"], done.stderr
    assert done.stderr == ""
