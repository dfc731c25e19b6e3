"""Tools that CrewAI's agents use, or a program by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import peekr
from peekr.testing import Recording

pytest.importorskip("crewai", reason="crewai is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # CrewAI's own, and those of what it is built on


def look_up_tool(answer: Any = "Paris is a city", **options: Any) -> Any:
    """A tool made by CrewAI's decorator, which says something or raises it."""
    from crewai.tools import tool

    @tool("look up", **options)
    def look_up(word: str) -> str:
        """Look a word up."""
        if isinstance(answer, Exception):
            raise answer
        peekr.get_current_span().attributes["seen"] = word  # type: ignore[union-attr]
        return answer

    return look_up


def own_tool() -> Any:
    """A tool as a class."""
    from crewai.tools import BaseTool

    class LookUp(BaseTool):
        name: str = "look up"
        description: str = "Look a word up."

        def _run(self, word: str) -> str:
            return f"{word} is a city"

    return LookUp()


@pytest.mark.parametrize("make", [look_up_tool, own_tool])
def test_an_agents_tool_is_a_span_of_the_agent(make: Any, kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15: asked for in whichever way this version of CrewAI asks."""
    from crewai import Crew

    server.script = [kit.action("look up", word="Paris"), kit.final()]
    agent = server.agent(tools=[make()])
    Crew(agents=[agent], tasks=[server.task(agent)]).kickoff()
    call, tool = "    crewai.llm.call", "    crewai.tool.look up"
    names = [line.replace("look_up", "look up") for line in kit.outline(recording.spans)]
    assert names == ["crewai.crew.kickoff", *kit.inside([*kit.task[:2], call, tool, call])]
    (span,) = [span for span in recording.spans if span.kind == "tool"]
    known = span.attributes
    assert (span.status, known["input"], known["output"]) == ("ok", '{"word": "Paris"}', "Paris is a city")
    assert known["tool_name"].replace("_", " ") == "look up"
    assert span.payload is not None
    assert (span.payload["tool_args"], span.payload["tool_result"]) == ({"word": "Paris"}, "Paris is a city")
    if make is look_up_tool:
        assert known["seen"] == "Paris"
    asked = min(recording.named("crewai.llm.call"), key=lambda each: each._t0)
    if asked.attributes.get("tool_calls"):
        assert '"arguments": "{\\"word\\": \\"Paris\\"}"' in asked.attributes["output"]


def test_a_tool_that_raises_has_failed_and_the_agent_goes_on(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-8: ``tool_error``; CrewAI tells the model of it."""
    from crewai import Crew

    server.script = [kit.action("look up", word="Paris"), kit.final()]
    agent = server.agent(tools=[look_up_tool(KeyError("no such word"))])
    assert Crew(agents=[agent], tasks=[server.task(agent)]).kickoff().raw.endswith("Paris.")
    failed = [span for span in recording.spans if span.kind == "tool"]
    assert failed and {span.status for span in failed} == {"error"}
    for span in failed:
        known = span.attributes
        assert (known["error_type"], known["error_reason"]) == ("KeyError", "tool_error")
        assert known["input"] == '{"word": "Paris"}' and "output" not in known
    assert {span.status for span in recording.spans if span.kind != "tool"} == {"ok"}


def test_a_tool_by_itself_is_a_span(recording: Recording) -> None:
    """INST-12: what it returns is what it returns."""
    assert look_up_tool().run(word="Paris") == "Paris is a city"
    span = recording.only
    assert (span.name, span.kind, span.attributes["input"]) == ("crewai.tool.look up", "tool", '{"word": "Paris"}')
    recording.clear()
    assert look_up_tool().to_structured_tool().invoke({"word": "Rome"}) == "Paris is a city"
    assert recording.only.attributes["input"] == '{"word": "Rome"}'


def test_a_tools_async_twin(recording: Recording, run: Any) -> None:
    """CTX-1."""
    from crewai.tools import BaseTool

    if not hasattr(BaseTool, "arun"):
        pytest.skip("crewai has no BaseTool.arun")

    class LookUp(BaseTool):
        name: str = "look up"
        description: str = "Look a word up."

        def _run(self, word: str) -> str:
            return word

        async def _arun(self, word: str) -> str:
            await asyncio.sleep(0)
            return f"async {word}"

    assert run(LookUp().arun(word="x")) == "async x"
    assert (recording.only.attributes["output"], recording.only.status) == ("async x", "ok")


def test_a_structured_tools_async_twin(recording: Recording, run: Any) -> None:
    """CTX-4: of a sync function, in a thread of the loop's."""
    structured = look_up_tool().to_structured_tool()
    if not hasattr(structured, "ainvoke"):
        pytest.skip("crewai has no CrewStructuredTool.ainvoke")
    assert run(structured.ainvoke({"word": "Paris"})) == "Paris is a city"
    assert recording.only.attributes["seen"] == "Paris"


def test_a_large_result_is_cut_and_says_so(recording: Recording) -> None:
    """LLM-11: at capture, in the attributes and in the payload."""
    assert len(look_up_tool("x" * 400_000).run(word="Paris")) == 400_000
    span = recording.only
    assert len(span.attributes["output"]) == 1000 and span.attributes["output"].endswith("…")
    assert span.payload is not None and span.payload["truncated"] is True


def test_a_query_of_knowledge_is_a_span(recording: Recording) -> None:
    """LLM-15: whatever it is stored in."""
    from crewai.knowledge.knowledge import Knowledge

    class Storage:
        def search(self, *args: Any, **kwargs: Any) -> Any:
            return [{"content": "Paris is a city", "score": 0.9}, {"context": "Rome, too"}]

    knowledge = Knowledge.model_construct(storage=Storage())
    assert len(knowledge.query(["capital", "France"])) == 2
    span = recording.only
    known = span.attributes
    assert (span.name, span.kind, known["input"]) == ("crewai.knowledge.query", "retrieval", "capital\nFrance")
    assert (known["rag.docs_count"], known["rag.retrieved_docs"]) == (2, ["Paris is a city", "Rome, too"])
