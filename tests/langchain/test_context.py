"""Whose child a span is: in threads, tasks, streams and generators; and that nothing stays current."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from typing import Any, List

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool

import peekr

#: LangChain itself carries its context into coroutines of Python 3.11 and newer only.
needs_task_contexts = pytest.mark.skipif(sys.version_info < (3, 11), reason="LangChain needs Python 3.11 for it")

CALL = ["langchain.chat.ScriptedModel", "  sdk.chat"]


def indented(lines: List[str]) -> List[str]:
    return ["  " + line for line in lines]


def test_a_providers_span_stands_under_langchains(kit: Any, recording: Any) -> None:
    """MODEL-8: sync, async, streamed."""
    model = kit.model(sdk=True)

    async def work() -> None:
        await model.ainvoke("x")
        async for _ in model.astream("x"):
            assert peekr.get_current_span() is None

    model.invoke("x")
    list(model.stream("x"))
    asyncio.run(work())
    assert kit.outline(recording.spans) == CALL * 4


def test_langchain_stands_under_the_current_span(kit: Any, recording: Any) -> None:
    """LC-6, CTX-6: a root of LangChain's is no root of the trace."""
    with peekr.span("turn"):
        kit.model().invoke("x")
        kit.model().invoke("y")
    assert kit.outline(recording.spans) == ["turn", *indented(["langchain.chat.ScriptedModel"] * 2)]
    assert len({span.trace_id for span in recording.spans}) == 1


def test_two_calls_in_a_row_are_two_traces(kit: Any, recording: Any) -> None:
    """CTX-2: also in one task, where LangChain's callbacks cannot take back what they set."""

    async def work() -> None:
        await kit.model().ainvoke("x")
        await kit.model().ainvoke("y")
        with peekr.span("z"):
            assert peekr.get_current_span().name == "z"

    asyncio.run(work())
    assert [span.parent_id for span in recording.spans] == [None, None, None]
    assert len({span.trace_id for span in recording.spans}) == 3


def test_after_a_call_the_outer_span_is_current_again(kit: Any, recording: Any) -> None:
    """CTX-1."""

    async def work() -> None:
        with peekr.span("outer") as outer:
            await kit.model().ainvoke("x")
            assert peekr.get_current_span() is outer
            with pytest.raises(ValueError, match="boom"):
                await kit.model(error=ValueError("boom")).ainvoke("x")
            assert peekr.get_current_span() is outer
            with peekr.span("later") as later:
                pass
            assert later.parent_id == outer.span_id

    asyncio.run(work())


@pytest.mark.parametrize("size", [1, 3])
def test_what_a_task_leaves_behind_does_not_grow(kit: Any, recording: Any, size: int) -> None:
    """B 21: a worker task may make calls for ever."""
    from peekr.context import current

    async def work() -> int:
        for _ in range(size):
            await kit.model().ainvoke("x")
        depth, place = 0, current.get()
        while place is not None:
            depth, place = depth + 1, getattr(place, "_before", None)
        return depth

    assert asyncio.run(work()) <= 1


def test_the_consumer_of_a_stream_is_outside_of_it(kit: Any, recording: Any) -> None:
    """STREAM-5: of a model, of a chain, sync and async."""
    model = kit.model(sdk=True)
    chain = RunnableLambda(lambda x: x) | model

    async def work() -> None:
        async for _ in model.astream("x"):
            assert peekr.get_current_span() is None
        async for _ in chain.astream("x"):
            assert peekr.get_current_span() is None

    for source in (model, chain):
        for _ in source.stream("x"):
            with peekr.span("consumer"):
                pass
    asyncio.run(work())
    assert {span.parent_id for span in recording.named("consumer")} == {None}


def test_streams_may_be_read_in_turns(kit: Any, recording: Any) -> None:
    """CTX-1, STREAM-5."""
    streams = [kit.model(sdk=True).stream("x") for _ in range(3)]
    for stream in streams:
        next(stream)
    for stream in reversed(streams):
        list(stream)
    assert kit.outline(recording.spans) == CALL * 3


def test_a_stream_may_be_read_in_another_thread(kit: Any, recording: Any) -> None:
    """STREAM-5."""
    stream = kit.model(sdk=True).stream("x")
    next(stream)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    thread.join(10)
    assert kit.outline(recording.spans) == CALL


@pytest.mark.parametrize("drop", [lambda stream: stream.close(), lambda stream: None], ids=["closed", "dropped"])
def test_an_abandoned_stream_is_incomplete_and_not_lost(kit: Any, recording: Any, drop: Any) -> None:
    """STREAM-4, IFACE-11."""
    stream = kit.model().stream("x")
    assert next(stream).content == "Par"
    drop(stream)
    del stream
    gc.collect()
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Par")


def test_a_stream_tells_when_it_began(kit: Any, recording: Any) -> None:
    """STREAM-6."""
    list(kit.model().stream("x"))
    attributes = recording.only.attributes
    assert attributes["streaming"] is True
    assert 0 < attributes["ttft_ms"] <= recording.only.duration_ms
    assert (attributes["output"], attributes["tokens_total"]) == ("Paris.", 18)


def test_a_stream_that_fails_before_its_first_word(kit: Any, recording: Any) -> None:
    """STREAM-3: and leaves nothing current behind, although its end is told in another context."""
    model = kit.model(sdk=True, error=ValueError("boom"))

    async def work() -> None:
        with pytest.raises(ValueError, match="boom"):
            await model.astream("x").__anext__()
        with peekr.span("after") as after:
            assert after.parent_id is None

    with pytest.raises(ValueError, match="boom"):
        list(model.stream("x"))
    asyncio.run(work())
    assert kit.outline(recording.spans) == [*CALL, *CALL, "after"]


def test_a_cancelled_call_ends_its_span(kit: Any, recording: Any) -> None:
    """TRACE-6, LLM-8: LangChain reports no end of it."""

    async def hang() -> None:
        await asyncio.sleep(60)

    class Hanging(kit.model):  # type: ignore[name-defined,misc]
        async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
            self._call()
            await hang()

    async def work() -> None:
        with peekr.span("turn") as turn:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(Hanging(sdk=True).ainvoke("x"), 0.05)
            assert peekr.get_current_span() is turn
            with peekr.span("after") as after:
                assert after.parent_id == turn.span_id

    asyncio.run(work())
    span = recording.named("langchain.chat.Hanging")[0]
    assert (span.status, span.attributes["error_reason"]) == ("error", "cancelled")
    assert span.attributes["billed"] is False


def test_several_conversations_in_one_call_are_siblings(kit: Any, recording: Any) -> None:
    """LC-4: each with the provider's span of its own."""
    conversations = [[HumanMessage("x")], [HumanMessage("y")]]
    kit.model(sdk=True).generate(conversations)
    asyncio.run(kit.model(sdk=True).agenerate(conversations))
    assert kit.outline(recording.spans) == CALL * 4


def test_a_batch_runs_in_threads(kit: Any, recording: Any) -> None:
    """CTX-4, LC-4: parallel calls are told apart by their run ids."""
    with peekr.span("turn"):
        kit.model(sdk=True).batch(["x", "y", "z"])
    assert kit.outline(recording.spans) == ["turn", *indented(CALL * 3)]
    inputs = {span.attributes["input"] for span in recording.named("langchain.chat.ScriptedModel")}
    assert len(inputs) == 3


def test_parallel_steps_are_siblings(kit: Any, recording: Any) -> None:
    """CTX-1, CTX-3: sync in threads, async in tasks."""
    both = RunnableParallel(a=kit.model(sdk=True), b=kit.model(sdk=True))
    both.invoke("x")
    asyncio.run(both.ainvoke("x"))
    assert kit.outline(recording.spans) == ["langchain.chain.RunnableParallel<a,b>", *indented(CALL * 2)] * 2


def test_threads_that_peekr_does_not_know_are_traced(kit: Any, recording: Any) -> None:
    """LC-6: the handler is found in a thread that inherited no context at all."""
    import _thread

    done = threading.Event()

    def work() -> None:
        kit.model(sdk=True).invoke("x")
        done.set()

    _thread.start_new_thread(work, ())
    assert done.wait(10)
    assert kit.outline(recording.spans) == CALL


def test_what_a_tool_does_stands_under_it(kit: Any, recording: Any) -> None:
    """MODEL-8: spans of the program, and LangChain's own under those."""

    @tool
    def work(x: str) -> str:
        """Do something."""
        with peekr.span("mine"):
            return str(kit.model(sdk=True).invoke(x).content)

    @tool
    async def awork(x: str) -> str:
        """Do something."""
        with peekr.span("mine"):
            return str((await kit.model(sdk=True).ainvoke(x)).content)

    work.invoke({"x": "1"})
    asyncio.run(awork.ainvoke({"x": "1"}))
    inside = ["  mine", *indented(indented(CALL))]
    assert kit.outline(recording.spans) == ["langchain.tool.work", *inside, "langchain.tool.awork", *inside]


def test_what_a_function_does_stands_under_it(kit: Any, recording: Any) -> None:
    """MODEL-8."""

    @peekr.trace(name="mine")
    def work(x: str) -> str:
        return str(kit.model(sdk=True).invoke(x).content)

    (RunnableLambda(lambda x: x) | RunnableLambda(lambda x: work(x), name="outer")).invoke("x")
    assert kit.outline(recording.spans) == [
        "langchain.chain.RunnableSequence",
        "  langchain.chain.RunnableLambda",
        "  langchain.chain.outer",
        "    mine",
        *indented(indented(indented(CALL))),
    ]


@needs_task_contexts
def test_what_a_coroutine_does_stands_under_it(kit: Any, recording: Any) -> None:
    """MODEL-8."""

    async def work(x: str) -> str:
        with peekr.span("mine"):
            return str((await kit.model(sdk=True).ainvoke(x)).content)

    async def two() -> None:
        await asyncio.gather(RunnableLambda(work).ainvoke("x"), RunnableLambda(work).ainvoke("y"))

    asyncio.run(two())
    assert kit.outline(recording.spans) == [
        "langchain.chain.work",
        "  mine",
        *indented(indented(CALL)),
        "langchain.chain.work",
        "  mine",
        *indented(indented(CALL)),
    ]


@needs_task_contexts
def test_a_task_that_outlives_its_tool_stays_in_the_trace(kit: Any, recording: Any) -> None:
    """CTX-3."""
    ended = asyncio.Event()
    tasks: List[Any] = []

    async def background() -> None:
        await ended.wait()
        with peekr.span("background"):
            pass

    @tool
    async def start() -> str:
        """Start something that takes longer."""
        tasks.append(asyncio.create_task(background()))
        return "started"

    async def work() -> None:
        await start.ainvoke({})
        ended.set()
        await asyncio.gather(*tasks)

    asyncio.run(work())
    assert kit.outline(recording.spans) == ["langchain.tool.start", "  background"]


def test_without_the_patches_the_spans_are_the_same(kit: Any, recording: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """INST-8: a LangChain that has moved its inner functions."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import config

    for owner, name in (
        (config, "_set_config_context"),
        (BaseChatModel, "_generate_with_cache"),
        (BaseChatModel, "_agenerate_with_cache"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name).__wrapped__)
    chain = RunnableLambda(lambda x: x) | kit.model(sdk=True)
    chain.invoke("x")
    asyncio.run(chain.ainvoke("x"))
    whole = ["langchain.chain.RunnableSequence", "  langchain.chain.RunnableLambda", *indented(CALL)]
    assert kit.outline(recording.spans) == whole * 2
