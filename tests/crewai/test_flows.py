"""Flows, agents that work by themselves, and streams of crews."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import peekr
from peekr.testing import Recording

pytest.importorskip("crewai", reason="crewai is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # CrewAI's own, and those of what it is built on


def trip_flow(before: Any = None) -> Any:
    """A flow of two methods."""
    from crewai.flow.flow import Flow, listen, start

    class Trip(Flow):  # type: ignore[type-arg]
        @start()
        def choose(self) -> str:
            if before is not None:
                before()
            return "Paris"

        @listen(choose)
        async def book(self, city: str) -> str:
            await asyncio.sleep(0)
            return f"booked {city}"

    return Trip()


FLOW = ["crewai.flow.kickoff", "  crewai.flow.choose", "  crewai.flow.book"]


def test_a_flow_is_a_span_with_its_methods_inside(kit: Any, recording: Recording) -> None:
    """LLM-15, CTX-1: CrewAI runs it in an event loop of its own."""
    with peekr.span("mine"):
        assert trip_flow().kickoff(inputs={"days": 3}) == "booked Paris"
    assert kit.outline(recording.spans) == ["mine", *kit.inside(FLOW)]
    flow, _, book = sorted((span for span in recording.spans if span.name != "mine"), key=lambda span: span._t0)
    assert (flow.attributes["flow_name"], flow.attributes["output"]) == ("Trip", "booked Paris")
    assert flow.attributes["input"] == '{"days": 3}'
    assert (book.attributes["input"], book.attributes["output"]) == ("Paris", "booked Paris")


def test_a_flow_in_a_loop_is_the_same(kit: Any, recording: Recording, run: Any) -> None:
    """CTX-1, CTX-5."""

    async def work() -> None:
        assert await asyncio.gather(trip_flow().kickoff_async(), trip_flow().kickoff_async()) == ["booked Paris"] * 2

    run(work())
    assert kit.outline(recording.spans) == FLOW * 2


def test_a_flow_that_fails_says_where(recording: Recording) -> None:
    """LLM-8."""

    def fail() -> None:
        raise ConnectionError("no net")

    with pytest.raises(ConnectionError):
        trip_flow(before=fail).kickoff()
    assert {span.name for span in recording.spans} == {"crewai.flow.kickoff", "crewai.flow.choose"}
    assert {(span.status, span.attributes["error_reason"]) for span in recording.spans} == {("error", "connection")}


def test_a_crew_in_a_flow_stands_under_the_method(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15: the usual way to use both."""
    trip_flow(before=server.crew().kickoff).kickoff()
    assert kit.outline(recording.spans)[:4] == [
        "crewai.flow.kickoff",
        "  crewai.flow.choose",
        "    crewai.crew.kickoff",
        "      crewai.task.execute",
    ]


def needs_agent_kickoff() -> None:
    from crewai import Agent

    if not hasattr(Agent, "kickoff"):
        pytest.skip("crewai has no Agent.kickoff")


ALONE = ["crewai.agent.kickoff", "  crewai.llm.call"]


def test_an_agent_by_itself_is_one_span(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15."""
    needs_agent_kickoff()
    output = server.agent().kickoff("Capital of France?")
    assert output.raw.endswith("Paris.")
    assert kit.outline(recording.spans) == ALONE
    span = recording.named("crewai.agent.kickoff")[0]
    assert (span.kind, span.attributes["input"]) == ("agent", "Capital of France?")
    assert span.attributes["output"].endswith("Paris.") and span.attributes["agent_role"] == "geographer"
    assert kit.billed_tokens(recording.spans) == 18


@pytest.mark.parametrize("method", ["kickoff_async", "akickoff", "kickoff"])
def test_an_agent_by_itself_in_a_loop_is_one_span(
    method: str, kit: Any, server: Any, recording: Recording, run: Any
) -> None:
    """CTX-1: ``kickoff`` itself returns a coroutine there, in newer versions."""
    from crewai import Agent

    if not hasattr(Agent, method):
        pytest.skip(f"crewai has no Agent.{method}")

    async def work() -> Any:
        result = getattr(server.agent(), method)("Capital of France?")
        return await result if asyncio.iscoroutine(result) else result

    assert run(work()).raw.endswith("Paris.")
    assert kit.outline(recording.spans) == ALONE
    assert asyncio.iscoroutinefunction(getattr(Agent, method)) == (method != "kickoff")


def test_a_streamed_crew_is_one_span_where_it_was_asked_for(kit: Any, server: Any, recording: Recording) -> None:
    """CTX-3: CrewAI works in a thread when the stream is read, be that after the block."""
    from crewai import Crew

    if "stream" not in Crew.model_fields:
        pytest.skip("crewai's crews do not stream")
    with peekr.span("mine"):
        output = server.crew(stream=True).kickoff()
    list(output)
    assert output.result.raw.endswith("Paris.")
    assert kit.outline(recording.spans)[:3] == ["mine", "  crewai.crew.kickoff", "    crewai.task.execute"]
    assert len(recording.named("crewai.crew.kickoff")) == 1


def test_a_streamed_crew_in_a_loop(kit: Any, server: Any, recording: Recording, run: Any) -> None:
    """CTX-3."""
    from crewai import Crew

    if "stream" not in Crew.model_fields:
        pytest.skip("crewai's crews do not stream")

    async def work() -> None:
        for method in ("kickoff_async", "akickoff"):
            with peekr.span(method):
                output = await getattr(server.crew(stream=True), method)()
            async for _ in output:
                pass

    run(work())
    names = kit.outline(recording.spans)
    assert [line for line in names if not line.startswith("    ")] == [
        "kickoff_async",
        "  crewai.crew.kickoff",
        "akickoff",
        "  crewai.crew.kickoff",
    ]
