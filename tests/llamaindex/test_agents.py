"""Agents and tools."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import peekr
from peekr.testing import Recording, record

agents = pytest.importorskip("llama_index.core.agent.workflow", reason="llama-index-core has no FunctionAgent yet")

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent  # noqa: E402

AGENT, CALL = "llamaindex.agent.FunctionAgent", "  llamaindex.llm.chat"


@peekr.trace(name="helper")
def helper(number: int) -> int:
    return 2 * number


def double(number: int) -> int:
    """Return twice the number."""
    return helper(number)


async def fail(number: int) -> int:
    """Fail."""
    raise ValueError("no such number")


def run(make: Any) -> Any:
    """Run what needs an event loop from its beginning."""

    async def work() -> Any:
        return await make()

    return asyncio.run(work())


def test_an_agents_run_is_a_tree_of_calls_and_tools(kit: Any, recording: Recording) -> None:
    """LLM-15: the user's own function is under the tool that calls it."""
    model = kit.llm(script=[kit.ask(double={"number": 3}), "It is 6."])
    agent = FunctionAgent(tools=[double], llm=model)
    assert str(run(lambda: agent.run("Double 3"))) == "It is 6."
    assert kit.outline(recording.spans) == [AGENT, CALL, "  llamaindex.tool.double", "    helper", CALL]
    (whole,) = recording.named(AGENT)
    assert (whole.kind, whole.attributes["input"], whole.attributes["output"]) == ("agent", "Double 3", "It is 6.")
    assert kit.billed_tokens(recording.spans) == 36


@pytest.mark.parametrize("streaming", [True, False])
def test_an_agents_name_is_its_spans(kit: Any, recording: Recording, streaming: bool) -> None:
    """LLM-15."""
    agent = FunctionAgent(name="counter", tools=[], llm=kit.llm(), streaming=streaming)
    run(lambda: agent.run("x"))
    assert kit.outline(recording.spans) == ["llamaindex.agent.counter", CALL]


def test_a_react_agent_is_traced_alike(kit: Any, recording: Recording) -> None:
    """LLM-15."""
    asked = 'Thought: I need a tool.\nAction: double\nAction Input: {"number": 3}'
    model = kit.llm(script=[asked, "Thought: I can answer without using any more tools.\nAnswer: 6"])
    assert str(run(lambda: ReActAgent(tools=[double], llm=model).run("Double 3"))) == "6"
    names = ["llamaindex.agent.ReActAgent", CALL, "  llamaindex.tool.double", "    helper", CALL]
    assert kit.outline(recording.spans) == names


def test_a_tool_has_its_arguments_and_result(kit: Any, recording: Recording) -> None:
    """LC-4, MODEL-11."""
    model = kit.llm(script=[kit.ask(double={"number": 3}), "It is 6."])
    run(lambda: FunctionAgent(tools=[double], llm=model).run("Double 3"))
    (tool,) = recording.named("llamaindex.tool.double")
    assert (tool.kind, tool.attributes["tool_name"]) == ("tool", "double")
    assert (json.loads(tool.attributes["input"]), tool.attributes["output"]) == ({"number": 3}, "6")
    assert tool.payload == {"tool_name": "double", "tool_args": {"number": 3}, "tool_result": 6}


def test_a_tool_that_fails_has_failed_and_the_agent_has_not(kit: Any, recording: Recording) -> None:
    """LLM-8: LlamaIndex tells the model of the error."""
    model = kit.llm(script=[kit.ask(fail={"number": 3}, double={"number": 4}), "Sorry."])
    assert str(run(lambda: FunctionAgent(tools=[fail, double], llm=model).run("x"))) == "Sorry."
    (tool,) = recording.named("llamaindex.tool.fail")
    attributes = tool.attributes
    assert (tool.status, attributes["error"], attributes["error_type"]) == ("error", "no such number", "ValueError")
    assert attributes["error_reason"] == "tool_error"
    assert recording.named(AGENT)[0].status == recording.named("llamaindex.tool.double")[0].status == "ok"


def test_a_tool_called_by_hand_is_one_span(recording: Recording) -> None:
    """LLM-15: FunctionTool's ``__call__`` calls its ``call``; positional arguments too."""
    from llama_index.core.tools import FunctionTool

    tool = FunctionTool.from_defaults(double)
    assert tool(number=2).raw_output == tool.call(2).raw_output == run(lambda: tool.acall(number=2)).raw_output == 4
    names = [span.name for span in recording.spans]
    assert names == ["helper", "llamaindex.tool.double"] * 3
    given = [span.attributes["input"] for span in recording.named("llamaindex.tool.double")]
    assert given == ['{"number": 2}', "2", '{"number": 2}']


def test_a_query_engine_as_a_tool_stands_below_it(kit: Any, recording: Recording) -> None:
    """LLM-15."""
    from llama_index.core.tools import QueryEngineTool

    tool = QueryEngineTool.from_defaults(kit.index().as_query_engine(llm=kit.llm()), name="capitals", description="x")
    recording.clear()
    assert str(run(lambda: tool.acall("France?"))) == "Paris."
    assert kit.outline(recording.spans)[:3] == [
        "llamaindex.tool.capitals",
        "  llamaindex.query",
        "    llamaindex.retrieve",
    ]
    assert recording.named("llamaindex.tool.capitals")[0].attributes["output"] == '"Paris."'


def test_several_agents_show_whose_turn_it_is(kit: Any, recording: Recording) -> None:
    """MODEL-6, LLM-15."""
    handing = kit.llm(script=[kit.ask(handoff={"to_agent": "second", "reason": "it knows"})])
    about: Any = {"description": "x", "tools": []}
    first = FunctionAgent(name="first", llm=handing, can_handoff_to=["second"], **about)
    second = FunctionAgent(name="second", llm=kit.llm(script=["done"]), **about)
    assert str(run(lambda: AgentWorkflow(agents=[first, second], root_agent="first").run(user_msg="go"))) == "done"
    assert kit.outline(recording.spans) == [
        "llamaindex.agent.AgentWorkflow",
        "  llamaindex.agent.first",
        "    llamaindex.llm.chat",
        "  llamaindex.tool.handoff",
        "  llamaindex.agent.second",
        "    llamaindex.llm.chat",
    ]


def test_what_the_caller_does_meanwhile_is_no_part_of_the_run(kit: Any, recording: Recording) -> None:
    """CTX-1, CTX-2: ``run()`` returns at once; two runs of one task are two traces."""

    async def work() -> None:
        for _ in range(2):
            handler = FunctionAgent(tools=[], llm=kit.llm()).run("x")
            assert peekr.get_current_span() is None
            with peekr.span("meanwhile"):
                await asyncio.sleep(0)
            await handler
            assert peekr.get_current_span() is None

    asyncio.run(work())
    assert sorted(kit.outline(recording.spans)) == sorted([AGENT, CALL, "meanwhile"] * 2)
    assert len({span.trace_id for span in recording.spans}) == 4


def test_runs_side_by_side_keep_apart(kit: Any, recording: Recording) -> None:
    """CTX-5."""

    async def one(number: int) -> None:
        with peekr.span(f"caller {number}"):
            model = kit.llm(script=[kit.ask(double={"number": number}), "done"])
            await FunctionAgent(tools=[double], llm=model).run("x")

    async def work() -> None:
        await asyncio.gather(*(one(number) for number in range(4)))

    asyncio.run(work())
    by_id = {span.span_id: span for span in recording.spans}
    assert len({span.trace_id for span in recording.spans}) == 4
    for span in recording.named("llamaindex.tool.double"):
        run_span = by_id[span.parent_id or ""]
        assert run_span.name == AGENT
        assert by_id[run_span.parent_id or ""].name == f"caller {json.loads(span.attributes['input'])['number']}"


def test_without_capture_agents_and_tools_keep_nothing(kit: Any) -> None:
    """LLM-12."""
    with record(plugins=["llamaindex"], capture_io=False) as recording:
        model = kit.llm(script=[kit.ask(double={"number": 31337}), "SECRET"])
        run(lambda: FunctionAgent(tools=[double], llm=model, system_prompt="SECRET").run("SECRET"))
        text = str(recording.records)
        assert len(recording.spans) == 5 and "SECRET" not in text and "31337" not in text
