"""``enable_langchain()`` and ``get_callback_handler()``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest
from langchain_core.callbacks.base import BaseCallbackHandler
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import peekr
from peekr.testing import record
from peekr_langchain import enable_langchain, get_callback_handler


@tool
def find_flights(query: str) -> str:
    """Find flights."""
    return "UA 1"


def flight_chain(model: Any) -> Any:
    """E4-09: a model and a tool."""
    return ChatPromptTemplate.from_template("{q}") | model | (lambda message: message.content) | find_flights


INSIDE = [
    "  langchain.chain.RunnableSequence",
    "    langchain.chain.ChatPromptTemplate",
    "    langchain.chat.ScriptedModel",
    "    langchain.chain.RunnableLambda",
    "    langchain.tool.find_flights",
]


def test_the_block_is_a_run_with_all_that_langchain_does(kit: Any, recording: Any) -> None:
    """LC-1, E4-09: callbacks are not passed on."""
    with enable_langchain(run_name="langchain_flight_agent"):
        assert flight_chain(kit.model()).invoke({"q": "SFO to JFK"}) == "UA 1"
    assert kit.outline(recording.spans) == ["langchain_flight_agent", *INSIDE]
    run = recording.named("langchain_flight_agent")[0]
    assert (run.kind, run.attributes["agent_type"], run.status) == ("run", "langchain", "ok")
    assert {span.run_id for span in recording.spans} == {run.span_id}
    types = {peekr.events.type_of(span) for span in recording.spans}  # type: ignore[attr-defined]
    assert {"llm_call", "tool_call"} <= {kind.value for kind in types if kind is not None}


@pytest.mark.parametrize(
    "passed",
    [
        lambda callbacks: callbacks,
        lambda callbacks: [callbacks],
        list,
        lambda callbacks: [callbacks[0], callbacks, get_callback_handler()],
    ],
    ids=["the list", "as a handler", "its handler", "several at once"],
)
def test_passing_callbacks_on_doubles_nothing(kit: Any, recording: Any, passed: Any) -> None:
    """LC-1, LC-2, C-26."""
    with enable_langchain() as callbacks:
        flight_chain(kit.model()).invoke({"q": "x"}, config={"callbacks": passed(callbacks)})
    assert kit.outline(recording.spans) == ["langchain_agent", *INSIDE]


def test_callbacks_of_a_model_are_not_told_twice(kit: Any, recording: Any) -> None:
    """LC-1: LangChain does not hand these on to what the model calls."""
    with enable_langchain() as callbacks:
        model = kit.model(callbacks=list(callbacks))
        RunnableLambda(lambda x: model.invoke(x)).invoke("x")
    assert kit.outline(recording.spans) == [
        "langchain_agent",
        "  langchain.chain.RunnableLambda",
        "    langchain.chat.ScriptedModel",
    ]


def test_callbacks_are_a_list_and_a_handler() -> None:
    """LC-2, LC-5."""
    callbacks = enable_langchain()
    try:
        assert isinstance(callbacks, list)
        assert isinstance(callbacks, BaseCallbackHandler)
        assert [type(one).__mro__[-2] for one in callbacks] and isinstance(callbacks[0], BaseCallbackHandler)
        assert callbacks.run_inline and len({callbacks}) == 1
    finally:
        callbacks.disable()


def test_parallel_runs_do_not_mix(kit: Any, recording: Any) -> None:
    """CTX-5, LC-4: the same object entered by several tasks, and by threads."""
    tracing = enable_langchain("agent")

    async def one() -> None:
        async with tracing:
            await kit.model().ainvoke("x")

    async def two() -> None:
        await asyncio.gather(one(), one())

    def threaded() -> None:
        with tracing:
            kit.model().invoke("x")

    asyncio.run(two())
    threads = [threading.Thread(target=threaded) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    tracing.disable()
    assert kit.outline(recording.spans) == ["agent", "  langchain.chat.ScriptedModel"] * 4


def test_an_error_fails_the_run(kit: Any, recording: Any) -> None:
    """LC-4, AGENT-11: as an error event where it happened, and of the run it ended."""
    with pytest.raises(TimeoutError):
        with enable_langchain():
            flight_chain(kit.model(error=TimeoutError("late"))).invoke({"q": "x"})
    events = recording.named("error.TimeoutError")
    assert [event.attributes["critical"] for event in events] == [False, True]
    assert events[0].attributes["error"] == "late"
    assert events[0].parent_id == recording.named("langchain.chat.ScriptedModel")[0].span_id
    assert recording.named("langchain_agent")[0].status == "error"


def test_a_tool_error_is_an_error_event_too(recording: Any) -> None:
    """LC-4."""

    @tool
    def broken(x: str) -> str:
        """Never work."""
        raise KeyError(x)

    with enable_langchain():
        with pytest.raises(KeyError):
            broken.invoke({"x": "k"})
    (event,) = recording.named("error.KeyError")
    assert event.attributes["critical"] is False


def test_steps_of_the_agent_vocabulary_stand_inside(kit: Any, recording: Any) -> None:
    """AGENT-9, MODEL-8: the run is active in what LangChain calls."""

    def work(x: str) -> str:
        assert peekr.trace.get_active_context() is not None
        peekr.trace.memory_read(memory_key="k", memory_value=1)
        return x

    with enable_langchain():
        RunnableLambda(work).invoke("x")
    assert kit.outline(recording.spans) == ["langchain_agent", "  langchain.chain.work", "    memory.read"]


def test_it_traces_though_the_provider_is_not_in_use(kit: Any) -> None:
    """LC-1: it asks for itself; after the block LangChain is left alone again."""
    with record(plugins=[]) as recording:
        with enable_langchain():
            kit.model().invoke("x")
        kit.model().invoke("y")
        assert kit.outline(recording.spans) == ["langchain_agent", "  langchain.chat.ScriptedModel"]


def test_without_a_block_it_is_a_switch_for_the_process(kit: Any) -> None:
    """LC-1: on from the call on, in every thread, until it is taken back."""
    with record(plugins=[]) as recording:
        switch = enable_langchain()
        thread = threading.Thread(target=lambda: kit.model().invoke("x"))
        thread.start()
        thread.join(10)
        assert kit.outline(recording.spans) == ["langchain.chat.ScriptedModel"]
        switch.disable()
        kit.model().invoke("y")
        assert len(recording.spans) == 1


def test_a_trace_of_ones_own_opens_the_run(kit: Any, recording: Any) -> None:
    """LC-1."""

    opened = []

    class Mine(peekr.Trace):
        def run(self, run_name: str, **options: Any) -> Any:
            opened.append(run_name)
            return super().run(run_name, **options)

    with enable_langchain("one", trace=Mine()):
        pass
    kit.model().invoke("x", config={"callbacks": [get_callback_handler(Mine())]})
    assert opened == ["one", "ScriptedModel"]


# -- get_callback_handler -----------------------------------------------------------------------------------------


def test_a_handler_opens_a_run_around_each_root(kit: Any, recording: Any) -> None:
    """LC-3, E4-16."""
    handler = get_callback_handler()
    for _ in range(2):
        flight_chain(kit.model()).invoke({"q": "x"}, config={"callbacks": [handler]})
    assert kit.outline(recording.spans) == ["RunnableSequence", *INSIDE] * 2
    runs = recording.named("RunnableSequence")
    assert [(run.kind, run.attributes["agent_type"]) for run in runs] == [("run", "langchain")] * 2
    assert {span.run_id for span in recording.spans} == {run.span_id for run in runs}


def test_a_handler_uses_the_run_that_is_there(kit: Any, recording: Any) -> None:
    """LC-3."""
    with peekr.trace.run("mine"):
        kit.model().invoke("x", config={"callbacks": [get_callback_handler()]})
    assert kit.outline(recording.spans) == ["mine", "  langchain.chat.ScriptedModel"]


def test_a_run_of_a_handler_fails_with_its_chain(kit: Any, recording: Any) -> None:
    """LC-4."""
    with pytest.raises(ValueError, match="boom"):
        kit.model(error=ValueError("boom")).invoke("x", config={"callbacks": [get_callback_handler()]})
    run = recording.spans[-1]
    assert (run.name, run.status, run.attributes["error"]) == ("ScriptedModel", "error", "boom")
    assert peekr.trace.get_active_context() is None


def test_a_run_of_a_handler_ends_with_an_abandoned_stream(kit: Any, recording: Any) -> None:
    """STREAM-4."""
    stream = kit.model().stream("x", config={"callbacks": [get_callback_handler()]})
    next(stream)
    stream.close()
    deadline = threading.Event()
    while not recording.named("ScriptedModel"):  # ended by a thread of its own
        assert not deadline.wait(0.01) or pytest.fail("the run never ended")
    assert [span.status for span in recording.spans] == ["ok", "ok"]


def test_with_no_instrument_runs_go_to_the_local_database(tmp_path: Any) -> None:
    """LC-3, AGENT-14."""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    code = (
        "import peekr, sys\n"
        "from peekr_langchain import enable_langchain, get_callback_handler\n"
        "from langchain_core.runnables import RunnableLambda\n"
        "RunnableLambda(len).invoke('x', config={'callbacks': [get_callback_handler()]})\n"
        "with enable_langchain('block'):\n"
        "    RunnableLambda(len).invoke('y')\n"
        "peekr.shutdown()\n"
        "with peekr.open_store('traces.db') as store:\n"
        "    print(sorted((run['name'], run['step_count']) for run in store.list_runs()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stdout.strip() == "[('block', 2), ('len', 2)]", done.stderr


def test_without_langchain_the_functions_say_what_to_install() -> None:
    """LC-5, PKG-6."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'langchain_core': raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import peekr, peekr_langchain\n"
        "peekr.instrument(console=False, storage=None)\n"
        "for ask in (peekr_langchain.enable_langchain, peekr_langchain.get_callback_handler):\n"
        "    try: ask()\n"
        "    except ImportError as error: print(type(error).__name__, str(error).splitlines()[-1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    said = "PluginNotInstalled Install it with: pip install langchain-core"
    assert done.stdout.splitlines() == [said, said], done.stderr
