"""Graphs: nodes, tools in parallel, streams, interrupts."""

from __future__ import annotations

import asyncio
import sys
import warnings
from typing import Any

import pytest
from langchain_core.tools import tool

import peekr

pytest.importorskip("langgraph", reason="langgraph is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # older versions warn of themselves when they are imported
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode
    from langgraph.types import interrupt

needs_task_contexts = pytest.mark.skipif(sys.version_info < (3, 11), reason="LangChain needs Python 3.11 for it")


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    with peekr.span("inside"):
        return a + b


def agent(model: Any, node: Any) -> Any:
    """A model that may call a tool, and then says its last word."""
    graph = StateGraph(MessagesState)
    graph.add_node("model", node)
    graph.add_node("tools", ToolNode([add]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile()


def without_routing(lines: Any) -> Any:
    """Leave out the functions that choose the next node; their names differ between versions."""
    return [
        line
        for line in lines
        if line.strip() not in ("langchain.chain.RunnableCallable", "langchain.chain.unknown") and "lambda" not in line
    ]


TREE = [
    "langchain.chain.LangGraph",
    "  langchain.chain.model",
    "    mine",
    "      langchain.chat.PlainModel",
    "        sdk.chat",
    "  langchain.chain.tools",
    "    langchain.tool.add",
    "      inside",
    "  langchain.chain.model",
    "    mine",
    "      langchain.chat.PlainModel",
    "        sdk.chat",
]


def question() -> Any:
    return {"messages": [("user", "1 + 2?")]}


def script(kit: Any) -> Any:
    from langchain_core.messages import AIMessage

    return [kit.ask_for("add", a=1, b=2), AIMessage("3", usage_metadata=kit.usage)]


def test_an_agent_is_one_tree(kit: Any, recording: Any) -> None:
    """LC-6: nodes run in threads of LangGraph's own."""
    model = kit.plain_model(sdk=True, answers=script(kit))

    def node(state: Any) -> Any:
        with peekr.span("mine"):
            return {"messages": [model.invoke(state["messages"])]}

    result = agent(model, node).invoke(question())
    assert result["messages"][-1].content == "3"
    assert without_routing(kit.outline(recording.spans)) == TREE
    assert kit.billed_tokens(recording.spans) == 36
    node_span = recording.named("langchain.chain.tools")[0]
    assert node_span.attributes["langgraph_node"] == "tools"


@needs_task_contexts
def test_an_async_agent_is_the_same_tree(kit: Any, recording: Any) -> None:
    """LC-6: invoked, and streamed message by message."""
    for how in ("ainvoke", "astream"):
        model = kit.plain_model(sdk=True, answers=script(kit))

        async def node(state: Any, model: Any = model) -> Any:
            with peekr.span("mine"):
                return {"messages": [await model.ainvoke(state["messages"])]}

        async def work(how: str = how, node: Any = node) -> None:
            app = agent(None, node)
            if how == "ainvoke":
                await app.ainvoke(question())
                return
            async for _ in app.astream(question(), stream_mode="messages"):
                assert peekr.get_current_span() is None

        asyncio.run(work())
        assert without_routing(kit.outline(recording.spans)) == TREE
        recording.clear()


def test_graphs_in_many_threads_do_not_mix(kit: Any, recording: Any) -> None:
    """CTX-1, LC-4."""
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> None:
        model = kit.plain_model(sdk=True, answers=script(kit))

        def node(state: Any) -> Any:
            with peekr.span("mine"):
                return {"messages": [model.invoke(state["messages"])]}

        agent(model, node).invoke(question())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(8)))
    traces: Any = {}
    for span in recording.spans:
        traces.setdefault(span.trace_id, []).append(span)
    assert len(traces) == 8
    assert all(without_routing(kit.outline(spans)) == TREE for spans in traces.values())


def test_an_interrupt_is_no_error(recording: Any) -> None:
    """LLM-8: the graph waits for a human."""

    def ask(state: Any) -> Any:
        interrupt("go on?")
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    app = graph.compile(checkpointer=InMemorySaver())
    app.invoke({"messages": []}, {"configurable": {"thread_id": "t1"}})
    node = recording.named("langchain.chain.ask")[0]
    assert (node.status, node.attributes["interrupted"], node.attributes["thread_id"]) == ("ok", True, "t1")
    assert [span.status for span in recording.spans] == ["ok"] * len(recording.spans)


def test_a_tool_that_fails_in_a_graph(kit: Any, recording: Any) -> None:
    """LC-4: the tool has failed, the graph goes on if it is told to."""
    from langchain_core.messages import AIMessage

    @tool
    def broken(a: int) -> int:
        """Never work."""
        raise KeyError(a)

    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([broken], handle_tool_errors=True))
    graph.add_edge(START, "tools")
    calls = [{"name": "broken", "args": {"a": 1}, "id": "1"}, {"name": "broken", "args": {"a": 2}, "id": "2"}]
    graph.compile().invoke({"messages": [AIMessage("", tool_calls=calls)]})
    failed = recording.named("langchain.tool.broken")
    assert [span.status for span in failed] == ["error", "error"]
    assert {span.attributes["error_reason"] for span in failed} == {"tool_error"}
    assert recording.named("langchain.chain.LangGraph")[0].status == "ok"
