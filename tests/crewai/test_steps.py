"""How methods are wrapped, on classes with CrewAI's names and signatures: nothing here needs CrewAI.

What CrewAI itself makes of it is in the other files.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import threading
import weakref
from types import SimpleNamespace as Thing
from typing import Any, Iterator, Optional

import pytest

import peekr
from peekr.patching import Patches, failures
from peekr.testing import Recording, record
from peekr_crewai import points
from peekr_crewai.agents import AgentExecute, TaskExecute
from peekr_crewai.crews import CrewKickoff
from peekr_crewai.kickoffs import streams
from peekr_crewai.llm import LLMCall
from peekr_crewai.tools import ToolRun

NEST = ["crewai.crew.kickoff", "  crewai.task.execute", "    crewai.agent.execute_task"]


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing without any provider."""
    with record(plugins=[]) as recording:
        yield recording
        assert peekr.get_current_span() is None


class Agent:
    """Does what it is told."""

    def __init__(self, work: Any = lambda: "done", role: Any = "worker") -> None:
        self.role = role
        self.work = work

    def execute_task(self, task: Any, context: Optional[str] = None, tools: Any = None) -> Any:
        return self.work()

    async def aexecute_task(self, task: Any, context: Optional[str] = None, tools: Any = None) -> Any:
        await asyncio.sleep(0)
        return await self.work() if inspect.iscoroutinefunction(self.work) else self.work()

    execute_task = AgentExecute().wrap(execute_task)
    aexecute_task = AgentExecute().wrap(aexecute_task)


class Task:
    """Asks an agent."""

    description, name, expected_output = "find it", "find", "a city"

    def __init__(self, agent: Any) -> None:
        self.agent = agent

    def _execute_core(self, agent: Any, context: Optional[str], tools: Any) -> Any:
        return Thing(raw=self.agent.execute_task(self, context, tools))

    async def _aexecute_core(self, agent: Any, context: Optional[str], tools: Any) -> Any:
        return Thing(raw=await self.agent.aexecute_task(self, context, tools))

    _execute_core = TaskExecute().wrap(_execute_core)
    _aexecute_core = TaskExecute().wrap(_aexecute_core)


class Crew:
    """Has one task done."""

    name, process, stream = "atlas", "sequential", False

    def __init__(self, work: Any = lambda: "done") -> None:
        self.agents = [Agent(work)]
        self.tasks = [Task(self.agents[0])]

    def kickoff(self, inputs: Any = None) -> Any:
        """Start."""
        return self.tasks[0]._execute_core(None, None, [])

    async def akickoff(self, inputs: Any = None) -> Any:
        return await self.tasks[0]._aexecute_core(None, None, [])

    bare = kickoff
    kickoff = CrewKickoff().wrap(kickoff)
    akickoff = CrewKickoff().wrap(akickoff)


def test_one_call_of_each_is_one_span_nested(kit: Any, recording: Recording) -> None:
    """LLM-15, INST-12: and the result is the method's own."""
    assert Crew().kickoff({"a": 1}).raw == "done"
    assert kit.outline(recording.spans) == NEST
    assert [span.attributes["output"] for span in recording.spans] == ["done"] * 3
    assert recording.named("crewai.crew.kickoff")[0].attributes["input"] == '{"a": 1}'


def test_the_async_twins_at_once(kit: Any, recording: Recording) -> None:
    """CTX-1, CTX-5."""

    async def work() -> None:
        await asyncio.gather(Crew().akickoff(), Crew().akickoff(inputs={}))

    asyncio.run(work())
    assert kit.outline(recording.spans) == NEST * 2
    assert len({span.trace_id for span in recording.spans}) == 2


def test_the_wrapped_method_looks_like_the_original() -> None:
    """INST-12."""
    assert inspect.signature(Crew.kickoff) == inspect.signature(Crew.bare)
    assert (Crew.kickoff.__doc__, Crew.kickoff.__name__) == ("Start.", "kickoff")
    assert inspect.iscoroutinefunction(Crew.akickoff) and not inspect.iscoroutinefunction(Crew.kickoff)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(TimeoutError("late"), "timeout"), (KeyboardInterrupt(), "cancelled"), (ConnectionError(), "connection")],
)
def test_an_error_passes_through_all(error: BaseException, reason: str, recording: Recording) -> None:
    """LLM-8, INST-12: the very object."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as failure:
        Crew(fail).kickoff()
    assert failure.value is error
    found = {(span.status, span.attributes["error_type"], span.attributes["error_reason"]) for span in recording.spans}
    assert found == {("error", type(error).__name__, reason)} and len(recording.spans) == 3


def test_a_cancelled_crew_says_so(recording: Recording) -> None:
    """LLM-8."""

    async def wait() -> None:
        await asyncio.Event().wait()

    async def work() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(Crew(wait).akickoff(), 0.01)

    asyncio.run(work())
    assert [span.attributes["error_reason"] for span in recording.spans] == ["cancelled"] * 3


def test_a_crew_that_is_dropped_half_way_ends(recording: Recording) -> None:
    """LLM-8, INST-13: its coroutine is closed by the collector, in no context of ours."""

    async def wait() -> None:
        await asyncio.sleep(0)

    coroutine = Crew(wait).akickoff()
    coroutine.send(None)
    token = peekr.get_current_span()
    coroutine.close()
    del coroutine
    gc.collect()
    assert token is not None
    peekr.flush()
    assert {span.attributes["error_reason"] for span in recording.spans} == {"cancelled"}
    assert len(recording.spans) == 3


def test_what_a_crew_leaves_running_stays_in_its_trace(recording: Recording) -> None:
    """CTX-3: and is no part of the agent that it was started by."""
    go, threads = threading.Event(), []

    def later() -> None:
        assert go.wait(10)
        with peekr.span("later"):
            pass

    def start() -> str:
        thread = threading.Thread(target=later)
        threads.append(thread)
        thread.start()
        return "done"

    Crew(start).kickoff()
    go.set()
    threads[0].join(10)
    (span,) = recording.named("later")
    assert span.trace_id == recording.named("crewai.crew.kickoff")[0].trace_id


def test_what_a_crew_leaves_running_does_not_keep_it(recording: Recording) -> None:
    """INST-13: a thread that lives on has a copy of the context."""
    go, threads = threading.Event(), []

    def start() -> str:
        threads.append(threading.Thread(target=go.wait, args=(10,)))
        threads[0].start()
        return "done"

    crew = Crew(start)
    crew.kickoff()
    alive = weakref.ref(crew)
    del crew
    gc.collect()
    assert alive() is None
    go.set()
    threads[0].join(10)


def test_an_agent_that_calls_itself_is_one_span(recording: Recording) -> None:
    """LLM-10."""
    tries = []

    class Retrying(Agent):
        def execute_task(self, task: Any, context: Optional[str] = None, tools: Any = None) -> Any:
            tries.append(1)
            return "done" if len(tries) > 2 else self.execute_task(task)

        execute_task = AgentExecute().wrap(execute_task)

    assert Retrying().execute_task(None) == "done"
    assert recording.only.attributes["retry_count"] == 2


def test_a_crew_that_continues_a_checkpoint_is_one_span(kit: Any, recording: Recording) -> None:
    """LLM-15: CrewAI makes another crew of it, and calls that one; what that one calls in turn is not the same."""

    class Restoring:
        def kickoff(self, inputs: Any = None, from_checkpoint: Any = None) -> Any:
            return Crew().kickoff(inputs) if from_checkpoint is None else Restoring().kickoff(inputs)

        kickoff = CrewKickoff().wrap(kickoff)

    assert Restoring().kickoff(from_checkpoint=Thing(restore_from="file")).raw == "done"
    assert kit.outline(recording.spans) == [NEST[0], *kit.inside(NEST)]
    recording.clear()
    assert Restoring().kickoff().raw == "done"
    assert kit.outline(recording.spans) == [NEST[0], *kit.inside(NEST)]


class Hostile:
    """Every attribute raises."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise RuntimeError(name)


def test_what_cannot_be_read_harms_nobody(recording: Recording, caplog: Any) -> None:
    """INST-13: one warning, and the span all the same."""
    failures.clear()
    caplog.set_level(logging.WARNING, "peekr")

    class Odd(Agent):
        role = property(lambda self: Hostile().role, lambda self, value: None)

    for _ in range(3):
        assert Odd().execute_task(Hostile(), Hostile()) == "done"
    assert [span.name for span in recording.spans] == ["crewai.agent.execute_task"] * 3
    assert len(caplog.records) == 1
    failures.clear()


def test_while_nothing_is_stored_nothing_is_done() -> None:
    """INST-17: methods that are still wrapped."""
    peekr.shutdown()
    assert Crew().kickoff().raw == "done"
    assert peekr.get_current_span() is None


def test_a_place_for_a_stream_goes_with_its_object() -> None:
    """INST-13: crews whose stream nobody reads."""
    crew = Crew()
    crew.stream = True
    CrewKickoff().passes(Thing(owner=crew, kwargs={}))
    assert id(crew) in streams._places
    key = id(crew)
    del crew
    gc.collect()
    assert key not in streams._places


# -- models and tools ---------------------------------------------------------------------------------------------


class Base:
    """Stands for a base class whose subclasses have the method."""

    model = "own-1"

    def call(self, messages: Any, tools: Any = None) -> Any:
        raise NotImplementedError


def test_classes_made_before_and_after_are_patched_and_put_back(recording: Recording) -> None:
    """INST-6, INST-17: one class, one span, also where a method calls that of its base."""

    class Early(Base):
        def call(self, messages: Any, tools: Any = None) -> Any:
            return "early"

    patches = Patches("crewai")
    points._patch_family(Base, {"call": LLMCall().wrap}, patches)

    class Late(Early):
        def call(self, messages: Any, tools: Any = None) -> Any:
            return super().call(messages) + " late"

    class Heir(Late):
        pass

    assert Early().call("x") == "early" and Heir().call("x") == "early late"
    assert len(recording.named("crewai.llm.call")) == 2
    patches.undo()
    assert "__init_subclass__" not in vars(Base)
    assert not any(hasattr(vars(each)["call"], "__peekr__") for each in (Base, Early, Late))

    class After(Early):
        def call(self, messages: Any, tools: Any = None) -> Any:
            return "after"

    assert After().call("x") == "after" and len(recording.spans) == 2


def test_a_base_that_looks_at_its_subclasses_still_does(recording: Recording) -> None:
    """INST-17: with arguments of the class statement, and with a second base."""
    seen = []

    class Looking:
        def __init_subclass__(cls, mark: str = "", **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            seen.append((cls.__name__, mark))

    class Other(Base):
        pass

    patches = Patches("crewai")
    points._patch_family(Looking, {}, patches)
    points._patch_family(Other, {}, patches)

    class One(Looking, mark="a"):
        pass

    class Two(Other, Looking, mark="b"):
        pass

    patches.undo()

    class Three(Looking, mark="c"):
        pass

    assert seen == [("One", "a"), ("Two", "b"), ("Three", "c")]


def test_a_tool_that_is_asked_for_as_text(recording: Recording) -> None:
    """LLM-15."""

    class Structured:
        name = "look up"

        def invoke(self, input: Any, config: Any = None) -> Any:
            return {"city": "Paris"}

        invoke = ToolRun(by_input=True).wrap(invoke)

    for given in ('{"word": "x"}', {"word": "x", "security_context": {"id": 1}}, "no json"):
        assert Structured().invoke(given) == {"city": "Paris"}
    assert [span.attributes["input"] for span in recording.spans] == ['{"word": "x"}', '{"word": "x"}', '"no json"']
    assert {span.attributes["output"] for span in recording.spans} == {'{"city": "Paris"}'}
    assert recording.spans[0].payload == {
        "tool_name": "look up",
        "tool_args": {"word": "x"},
        "tool_result": {"city": "Paris"},
    }
