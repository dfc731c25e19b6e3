"""Crews, tasks and agents with the real CrewAI, whose model is a server on this machine."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import peekr
from peekr.testing import Recording, record

pytest.importorskip("crewai", reason="crewai is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # CrewAI's own, and those of what it is built on


def needs(owner: str, name: str) -> Any:
    """Skip where this version of CrewAI has no such method."""
    import crewai

    return pytest.mark.skipif(not hasattr(getattr(crewai, owner), name), reason=f"crewai has no {owner}.{name}")


def test_a_kickoff_is_crew_task_agent(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15, INST-15."""
    output = server.crew().kickoff()
    assert output.raw == "Paris."
    assert kit.outline(recording.spans) == ["crewai.crew.kickoff", *kit.inside(kit.task)]
    assert [span.kind for span in sorted(recording.spans, key=lambda s: s._t0)] == ["chain", "chain", "agent", "llm"]
    assert {span.status for span in recording.spans} == {"ok"}
    assert len({span.trace_id for span in recording.spans}) == 1


def test_what_is_known_of_each(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15: who did what, and what came out."""
    from crewai import Crew

    agent = server.agent(role="{topic} expert", goal="know {topic}")
    task = server.task(agent, "Find the capital of {topic}", name="find")
    Crew(name="atlas", agents=[agent], tasks=[task]).kickoff(inputs={"topic": "France"})
    crew, task_span, agent_span, call = sorted(recording.spans, key=lambda span: span._t0)
    known = crew.attributes
    assert (known["crew_name"], known["process"], known["agents"]) == ("atlas", "sequential", ["France expert"])
    assert (known["input"], known["output"], known["tasks"]) == ('{"topic": "France"}', "Paris.", ["find"])
    known = task_span.attributes
    assert (known["task_name"], known["agent_role"], known["expected_output"]) == ("find", "France expert", "a city")
    assert (known["input"], known["output"]) == ("Find the capital of France", "Paris.")
    assert known["task_id"] == str(task.id)
    known = agent_span.attributes
    assert (known["agent_name"], known["agent_goal"], known["agent_model"]) == (
        "France expert",
        "know France",
        "gpt-4o",
    )
    assert (known["input"], known["output"]) == ("Find the capital of France", "Paris.")
    known = call.attributes
    assert known["model"] == "gpt-4o" and "France expert" in known["input"] and "Paris." in known["output"]
    assert call.payload is not None and call.payload["request"]["messages"][-1]["role"] == "user"


def test_tokens_of_the_crew_are_counted_once(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-3, COST: what CrewAI adds up stands beside the calls, under a name that nobody adds up."""
    server.crew(tasks=2).kickoff()
    assert kit.billed_tokens(recording.spans) == 36
    crew = recording.named("crewai.crew.kickoff")[0]
    assert not [name for name in crew.attributes if name.startswith("tokens_")]
    assert crew.attributes["usage_metrics"]["total_tokens"] == 36
    call = recording.named("crewai.llm.call")[0].attributes
    assert [call[f"tokens_{name}"] for name in ("input", "output", "total")] == [11, 7, 18]


def test_a_later_task_shows_what_it_was_told(server: Any, recording: Recording) -> None:
    """LLM-15: the context that an earlier task has given."""
    from crewai import Crew

    agent = server.agent()
    first = server.task(agent, "first")
    second = server.task(agent, "second", context=[first])
    Crew(agents=[agent], tasks=[first, second]).kickoff()
    spans = sorted(recording.named("crewai.task.execute"), key=lambda span: span._t0)
    assert [span.attributes["input"] for span in spans] == ["first", "second\n\nContext:\nParis."]


def test_an_async_task_stands_under_its_crew(kit: Any, server: Any, recording: Recording) -> None:
    """CTX-4: CrewAI runs it in a thread; two of them at once do not mix."""
    from crewai import Crew

    agents = [server.agent("one"), server.agent("two")]
    tasks = [server.task(agent, agent.role, async_execution=True) for agent in agents]
    tasks.append(server.task(agents[0], "sum up", context=tasks[:2]))
    Crew(agents=agents, tasks=tasks).kickoff()
    assert kit.outline(recording.spans) == ["crewai.crew.kickoff", *kit.inside(kit.task * 3)]
    by_id = {span.span_id: span for span in recording.spans}
    for span in recording.named("crewai.agent.execute_task"):
        task = by_id[span.parent_id or ""]
        assert task.attributes["agent_role"] == span.attributes["agent_role"]
    asynchronous = [span.attributes.get("async_execution") for span in recording.named("crewai.task.execute")]
    assert sorted(map(str, asynchronous)) == ["None", "True", "True"]


def test_a_task_in_a_thread_is_traced_by_itself(kit: Any, server: Any, recording: Recording) -> None:
    """CTX-4: ``execute_async`` without a crew, under a span of the program's own."""
    task = server.task(server.agent())
    with peekr.span("mine"):
        assert task.execute_async().result(30).raw == "Paris."
    assert kit.outline(recording.spans) == ["mine", *kit.inside(kit.task)]


def test_a_manager_delegates_under_the_tool_it_uses(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15: the hierarchical process."""
    from crewai import Crew, Process

    worker = server.agent("worker")
    task = server.task(None, "Find it")
    work = {"task": "find it", "context": "France", "coworker": "worker"}
    server.script = [kit.action("Delegate work to coworker", **work), kit.final("Paris"), kit.final("Paris!")]
    crew = Crew(agents=[worker], tasks=[task], process=Process.hierarchical, manager_llm=server.model())
    assert crew.kickoff().raw.endswith("Paris!")
    names = [line.strip().lower().replace(" ", "_") for line in kit.outline(recording.spans)]
    assert names == [
        "crewai.crew.kickoff",
        "crewai.task.execute",
        "crewai.agent.execute_task",
        "crewai.llm.call",
        "crewai.tool.delegate_work_to_coworker",
        "crewai.agent.execute_task",
        "crewai.llm.call",
        "crewai.llm.call",
    ]
    depths = [len(line) - len(line.lstrip()) for line in kit.outline(recording.spans)]
    assert depths == [0, 2, 4, 6, 6, 8, 10, 6]
    roles = [span.attributes["agent_role"] for span in recording.named("crewai.agent.execute_task")]
    assert roles[0] == "worker" and roles[1] != "worker"
    assert recording.named("crewai.crew.kickoff")[0].attributes["process"] == "hierarchical"
    assert kit.billed_tokens(recording.spans) == 54


def test_kickoff_async_is_one_span(kit: Any, server: Any, recording: Recording, run: Any) -> None:
    """CTX-1: it runs ``kickoff`` in a thread; two at once are two traces, or one under one span."""

    async def both() -> None:
        await asyncio.gather(server.crew().kickoff_async(), server.crew().kickoff_async())

    run(both())
    assert kit.outline(recording.spans) == ["crewai.crew.kickoff", *kit.inside(kit.task)] * 2
    assert len({span.trace_id for span in recording.spans}) == 2


@needs("Crew", "akickoff")
def test_akickoff_is_the_same_tree(kit: Any, server: Any, recording: Recording, run: Any) -> None:
    """CTX-1: CrewAI's native async."""

    async def both() -> None:
        with peekr.span("mine"):
            crews = [server.crew(), server.crew()]
            outputs = await asyncio.gather(*(crew.akickoff(inputs={"n": at}) for at, crew in enumerate(crews)))
            assert [output.raw for output in outputs] == ["Paris.", "Paris."]

    run(both())
    one = ["crewai.crew.kickoff", *kit.inside(kit.task)]
    assert kit.outline(recording.spans) == ["mine", *kit.inside(one * 2)]
    assert {span.status for span in recording.spans} == {"ok"}


def test_a_kickoff_for_each_input_is_one_trace(kit: Any, server: Any, recording: Recording, run: Any) -> None:
    """LLM-15, CTX-6."""
    inputs = [{"n": 1}, {"n": 2}]
    one = ["crewai.crew.kickoff", *kit.inside(kit.task)]
    batch = ["crewai.crew.kickoff_for_each", *kit.inside(one * 2)]
    assert len(server.crew().kickoff_for_each(inputs)) == 2
    assert kit.outline(recording.spans) == batch
    span = recording.named("crewai.crew.kickoff_for_each")[0].attributes
    assert (span["input_count"], span["input"], span["output"]) == (2, '[{"n": 1}, {"n": 2}]', '["Paris.", "Paris."]')
    recording.clear()
    run(server.crew().kickoff_for_each_async(inputs))
    assert kit.outline(recording.spans) == batch


def test_a_guardrail_that_objects_is_a_retry_of_the_task(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-10: one task, however often its agent starts again."""
    from crewai import Crew

    agent = server.agent()
    objections = iter([(False, "too short"), (True, "Paris, France")])
    task = server.task(agent, guardrail=lambda output: next(objections))
    assert Crew(agents=[agent], tasks=[task]).kickoff().raw == "Paris, France"
    (span,) = recording.named("crewai.task.execute")
    assert span.attributes["retry_count"] == 1 and span.attributes["output"] == "Paris, France"
    assert len(recording.named("crewai.agent.execute_task")) == 2


def test_an_agent_that_begins_again_is_one_span(server: Any, recording: Recording) -> None:
    """LLM-10: after an error CrewAI calls ``execute_task`` once more, up to ``max_retry_limit`` times."""
    model = server.model(max_retries=0)
    server.script = [401, server.script[0]]
    agent = server.agent(llm=model, max_retry_limit=2)
    try:
        server.task(agent).execute_sync()
    except Exception:
        pytest.skip("this version of crewai does not begin again after such an error")
    (span,) = recording.named("crewai.agent.execute_task")
    assert (span.status, span.attributes["retry_count"], span.attributes["output"]) == ("ok", 1, "Paris.")


def test_an_error_passes_and_marks_what_it_passes(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-8, INST-12: the program gets CrewAI's own exception."""
    server.script = [429]
    crew = server.crew()
    crew.agents[0].max_retry_limit = 0
    crew.agents[0].llm = server.model(max_retries=0)
    with pytest.raises(Exception) as failure:
        crew.kickoff()
    for name in ("crewai.crew.kickoff", "crewai.task.execute", "crewai.agent.execute_task", "crewai.llm.call"):
        span = recording.named(name)[0]
        assert span.status == "error" and span.attributes["error"] and span.attributes["error_type"]
        assert span.attributes["error_reason"] == "rate_limit"
    crew_span = recording.named("crewai.crew.kickoff")[0]
    assert crew_span.attributes["error_type"] == type(failure.value).__name__
    assert "output" not in crew_span.attributes


def test_without_capture_there_is_no_content(server: Any) -> None:
    """LLM-12: not in a role either, which the inputs were put into."""
    from crewai import Crew
    from crewai.tools import tool

    @tool("look up")
    def look_up(word: str) -> str:
        """Look a word up."""
        return "SECRET"

    server.script = [{"tool": "look up", "args": {"word": "SECRET"}}, server.script[0]]
    agent = server.agent("{topic} expert", goal="SECRET", backstory="SECRET", tools=[look_up])
    task = server.task(agent, "Find {topic}", expected_output="SECRET")
    with record(plugins=["crewai"], capture_io=False) as recording:
        Crew(agents=[agent], tasks=[task]).kickoff(inputs={"topic": "SECRET"})
        spans = recording.spans
    assert len(spans) == 6
    assert "SECRET" not in str([span.to_dict() for span in spans])
    assert not [span for span in spans if {"input", "output"} & set(span.attributes) or span.payload is not None]
    assert "{topic} expert" in str([span.to_dict() for span in spans])
    assert sum(span.attributes.get("tokens_total", 0) for span in spans) == 36


def test_crews_of_ones_own_class_are_traced(kit: Any, server: Any, recording: Recording) -> None:
    """INST-6: a subclass that calls its base is one span."""
    from crewai import Agent, Crew

    class OwnCrew(Crew):
        def kickoff(self, *args: Any, **kwargs: Any) -> Any:
            return super().kickoff(*args, **kwargs)

    class OwnAgent(Agent):
        def execute_task(self, *args: Any, **kwargs: Any) -> Any:
            return super().execute_task(*args, **kwargs)

    agent = OwnAgent(role="own", goal="g", backstory="b", llm=server.model())
    OwnCrew(agents=[agent], tasks=[server.task(agent)]).kickoff()
    assert kit.outline(recording.spans) == ["crewai.crew.kickoff", *kit.inside(kit.task)]


def test_a_crew_in_a_thread_stands_under_what_started_it(kit: Any, server: Any, recording: Recording) -> None:
    """CTX-4."""
    with peekr.span("mine"):
        thread = threading.Thread(target=server.crew().kickoff)
        thread.start()
        thread.join(30)
    assert kit.outline(recording.spans)[:2] == ["mine", "  crewai.crew.kickoff"]


def test_a_crew_within_a_crew_is_a_crew(kit: Any, server: Any, recording: Recording) -> None:
    """LLM-15: started by a callback of another one."""
    inner, outer = server.crew(), server.crew()
    outer.tasks[0].callback = lambda output: inner.kickoff()
    outer.kickoff()
    crews = recording.named("crewai.crew.kickoff")
    assert len(crews) == 2
    assert kit.outline(recording.spans).count("    crewai.crew.kickoff") == 1


def test_a_task_with_a_time_limit_is_the_same_tree(kit: Any, server: Any, recording: Recording) -> None:
    """CTX-4: CrewAI then works in a thread of a pool."""
    from crewai import Crew

    agent = server.agent(max_execution_time=60)
    Crew(agents=[agent], tasks=[server.task(agent)]).kickoff()
    assert kit.outline(recording.spans) == ["crewai.crew.kickoff", *kit.inside(kit.task)]


def test_instrumenting_twice_traces_once(kit: Any, server: Any, recording: Recording) -> None:
    """INST-9: all the way down."""
    from peekr_crewai import CrewAIProvider
    from peekr_crewai.switch import switch

    peekr.instrument(console=False, exporter=recording._exporter, plugins=["crewai"])
    switch.hold("another")
    CrewAIProvider().instrument(None)  # type: ignore[arg-type]
    server.crew().kickoff()
    assert kit.outline(recording.spans) == ["crewai.crew.kickoff", *kit.inside(kit.task)]
    switch.release("another")


def test_a_patch_that_fails_leaves_the_others_and_crewai_working(kit: Any, server: Any, caplog: Any) -> None:
    """INST-8: one warning."""
    from peekr_crewai import points

    def broken(original: Any) -> Any:
        raise TypeError("no")

    kept = points.POINTS["crewai.task"]
    points.POINTS["crewai.task"] = (("Task", "_execute_core", broken),)
    try:
        with record(plugins=["crewai"]) as recording:
            assert server.crew().kickoff().raw == "Paris."
            names = kit.outline(recording.spans)
    finally:
        points.POINTS["crewai.task"] = kept
    assert names == ["crewai.crew.kickoff", "  crewai.agent.execute_task", "    crewai.llm.call"]
    (warning,) = [entry for entry in caplog.records if entry.name == "peekr"]
    assert "Task._execute_core" in warning.getMessage()
