"""Runs: opening, nesting, failing, and who belongs to which."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

import pytest

import peekr
from peekr import trace
from peekr.testing import Recording


class TestARun:
    def test_is_a_span_of_kind_run(self, recording: Recording) -> None:
        """AGENT-1, MODEL-2"""
        with trace.run("flight_search", agent_type="chat", user_id="user123", session_id="s1") as ctx:
            assert trace.get_active_context() is ctx
        span = recording.only
        assert (span.name, span.kind, span.status, span.span_id) == ("flight_search", "run", "ok", ctx.run_id)
        assert (span.attributes["agent_type"], span.user_id, span.session_id) == ("chat", "user123", "s1")
        assert span.run_id == span.span_id
        assert ctx.trace_id == span.trace_id

    def test_what_happens_inside_belongs_to_it(self, recording: Recording) -> None:
        """MODEL-8"""

        @peekr.trace(name="helper")
        def helper() -> None:
            trace.tool(tool_name="t")

        with trace.run("run") as run:
            trace.llm(model="m", prompt="p", response="r")
            helper()
            with peekr.span("block"):
                trace.llm(model="m2")
        spans = {span.name if span.name != "llm.call" else span.attributes["model"]: span for span in recording.spans}
        assert {span.run_id for span in spans.values()} == {run.run_id}
        parents = {name: span.parent_id for name, span in spans.items()}
        assert parents["m"] == parents["helper"] == parents["block"] == run.run_id
        assert parents["tool.t"] == spans["helper"].span_id
        assert parents["m2"] == spans["block"].span_id

    def test_may_have_details_of_its_own(self, recording: Recording) -> None:
        """AGENT-1"""
        with trace.run("run", version=3, labels=["a"]):
            pass
        assert recording.only.payload == {"metadata": {"version": 3, "labels": ["a"]}}

    def test_inside_a_span_is_its_child(self, recording: Recording) -> None:
        """MODEL-4"""
        with peekr.span("outer") as outer, trace.run("run") as run:
            pass
        inner, _ = recording.spans
        assert (inner.parent_id, inner.run_id, inner.trace_id) == (outer.span_id, run.run_id, outer.trace_id)

    @pytest.mark.parametrize("name", ["", 5, None, "\ud800"], ids=repr)
    def test_an_odd_name_harms_nobody(self, recording: Recording, name: Any) -> None:
        with trace.run(name):
            pass
        assert peekr.Span.from_dict(recording.records[0]).kind == "run"


class TestNesting:
    def test_the_inner_run_is_one_of_its_own(self, recording: Recording) -> None:
        """MODEL-6, E4-11"""
        with trace.run("planning_agent", user_id="user123") as main:
            trace.llm(model="gpt-4", prompt="Delegate?", response="Yes")
            with trace.run("booking_agent", session_id="booking_456") as booking:
                trace.tool(tool_name="book_flight", tool_args={"flight_id": "UA123"}, tool_result={"status": "ok"})
                assert trace.final(answer="Flight booked successfully!") is not None
            assert trace.get_active_context() is main
            assert trace.final(answer="Booked. Confirmation: CONF-12345") is not None
        llm, tool, inner_final, inner, outer_final, outer = recording.spans
        assert len({span.trace_id for span in recording.spans}) == 1
        assert (inner.run_id, inner.parent_id, inner.user_id) == (booking.run_id, main.run_id, "user123")
        assert {tool.run_id, inner_final.run_id} == {booking.run_id}
        assert {llm.run_id, outer_final.run_id, outer.run_id} == {main.run_id}
        assert (inner.session_id, outer.session_id) == ("booking_456", None)

    def test_under_a_span_inside_the_outer_run(self, recording: Recording) -> None:
        """MODEL-6: the innermost open span is its parent."""
        with trace.run("outer"), peekr.span("step") as step, trace.run("inner"):
            pass
        assert recording.named("inner")[0].parent_id == step.span_id

    def test_an_event_for_the_outer_run_from_inside_the_inner_one(self, recording: Recording) -> None:
        """AGENT-8"""
        with trace.run("outer") as outer, trace.run("inner"):
            outer.tool(tool_name="t")
        tool = recording.named("tool.t")[0]
        assert (tool.parent_id, tool.run_id) == (outer.run_id, outer.run_id)

    def test_a_run_from_its_context(self, recording: Recording) -> None:
        """AGENT-8"""
        with trace.run("outer") as outer, outer.run("inner") as inner:
            assert trace.get_active_context() is inner
        assert recording.named("inner")[0].parent_id == outer.run_id

    def test_a_failure_inside_that_is_handled_fails_the_inner_run_only(self, recording: Recording) -> None:
        """AGENT-11, MODEL-7"""
        with trace.run("outer"):
            with pytest.raises(ValueError), trace.run("inner"):
                raise ValueError("boom")
        assert {span.name: span.status for span in recording.spans if span.kind == "run"} == {
            "inner": "error",
            "outer": "ok",
        }


class TestTheActiveContext:
    """AGENT-9"""

    def test_is_none_outside(self, recording: Recording) -> None:
        assert trace.get_active_context() is None
        with peekr.span("s"), peekr.session():
            assert trace.get_active_context() is None

    def test_is_the_run_around_any_span(self, recording: Recording) -> None:
        with trace.run("run") as run, peekr.span("a"), peekr.session(), peekr.span("b"):
            assert trace.get_active_context() is run
            assert run.get_active_context() is run
            assert peekr.get_trace().get_active_context() is run

    def test_follows_tasks_and_threads(self, recording: Recording) -> None:
        async def main() -> None:
            with trace.run("run") as run:
                assert await asyncio.to_thread(trace.get_active_context) is run
                assert await asyncio.ensure_future(look()) is run

        async def look() -> Any:
            return trace.get_active_context()

        asyncio.run(main())
        with trace.run("run") as run, ThreadPoolExecutor(1) as pool:
            assert pool.submit(trace.get_active_context).result() is run
        assert trace.get_active_context() is None

    def test_is_none_in_what_outlives_the_run(self, recording: Recording, warnings: Any) -> None:
        """AGENT-6, AGENT-10: a background task of a run that is over."""
        go = threading.Event()
        answers: List[Any] = []

        def work() -> None:
            go.wait(10)
            answers.append((trace.get_active_context(), trace.tool(tool_name="late")))

        with trace.run("run"):
            thread = threading.Thread(target=work)
            thread.start()
        go.set()
        thread.join()
        assert answers == [(None, None)]
        assert len(recording.spans) == 1

    def test_of_another_trace_continued_here_is_none(self, recording: Recording) -> None:
        with trace.run("run"), peekr.extract({"traceparent": f"00-{1:032x}-{1:016x}-01"}), peekr.span("s"):
            assert trace.get_active_context() is None


class TestConcurrency:
    """CTX-5, AGENT-9"""

    def test_gathered_runs_never_mix(self, recording: Recording) -> None:
        """E4-12"""

        async def agent(name: str) -> None:
            with trace.run(name):
                trace.llm(model="m", prompt=name)
                await asyncio.sleep(0)
                trace.tool(tool_name="t", tool_args=name)
                await asyncio.sleep(0)
                trace.final(answer=name)

        async def main() -> None:
            await asyncio.gather(*[agent(f"agent{number}") for number in range(20)])

        asyncio.run(main())
        runs = {span.span_id: span.name for span in recording.spans if span.kind == "run"}
        assert len(runs) == len({span.trace_id for span in recording.spans}) == 20
        for span in recording.spans:
            said = span.attributes.get("input") or span.attributes.get("output") or span.name
            assert said.strip('"') == runs[span.run_id]

    def test_runs_in_threads_never_mix(self, recording: Recording) -> None:
        barrier = threading.Barrier(5)

        def agent(name: str) -> None:
            with trace.run(name):
                barrier.wait(10)
                trace.tool(tool_name=name)
                barrier.wait(10)

        threads = [threading.Thread(target=agent, args=(f"a{number}",)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        runs = {span.span_id: span.name for span in recording.spans if span.kind == "run"}
        assert all(runs[span.run_id] == span.name.partition(".")[2] for span in recording.spans if span.kind == "tool")

    def test_events_of_child_tasks_attach_to_the_run_they_inherited(self, recording: Recording) -> None:
        """C-37"""

        async def tool(number: int) -> None:
            await asyncio.sleep(0)
            trace.tool(tool_name=str(number))

        async def main() -> None:
            with trace.run("run"):
                await asyncio.gather(*[tool(number) for number in range(5)])

        asyncio.run(main())
        (run,) = [span for span in recording.spans if span.kind == "run"]
        assert {span.parent_id for span in recording.spans if span.kind == "tool"} == {run.span_id}

    def test_one_decorated_coroutine_function_many_times_at_once(self, recording: Recording) -> None:
        """AGENT-18, CTX-5"""

        @trace.run("agent")
        async def agent(steps: int) -> None:
            context = trace.get_active_context()
            for _ in range(steps):
                await asyncio.sleep(0)
            assert trace.get_active_context() is context
            trace.tool(tool_name=str(steps))

        async def main() -> None:
            await asyncio.gather(*[agent(steps) for steps in (5, 1, 3, 2, 4)])

        asyncio.run(main())
        runs = [span for span in recording.spans if span.kind == "run"]
        assert len({span.span_id for span in runs}) == len({span.trace_id for span in runs}) == 5
        assert sorted(span.run_id for span in recording.spans if span.kind == "tool") == sorted(
            span.span_id for span in runs
        )

    def test_one_run_object_in_many_tasks_at_once(self, recording: Recording) -> None:
        """CTX-5"""
        shared = trace.run("agent")

        async def agent(steps: int) -> None:
            async with shared as context:
                for _ in range(steps):
                    await asyncio.sleep(0)
                assert trace.get_active_context() is context
            assert trace.get_active_context() is None

        async def main() -> None:
            await asyncio.gather(*[agent(steps) for steps in (5, 1, 3)])

        asyncio.run(main())
        assert len({span.trace_id for span in recording.spans}) == len(recording.spans) == 3


class TestTheWaysToWriteIt:
    """AGENT-18"""

    def test_async_with(self, recording: Recording) -> None:
        async def main() -> None:
            async with trace.run("run") as run:
                await asyncio.sleep(0)
                run.final(answer="a")

        asyncio.run(main())
        assert [span.kind for span in recording.spans] == ["final", "run"]

    def test_as_a_decorator_every_call_is_a_run(self, recording: Recording) -> None:
        @trace.run("agent", user_id="u")
        def agent(value: int) -> int:
            """Answers."""
            trace.tool(tool_name="t")
            return value

        assert [agent(1), agent(value=2)] == [1, 2]
        assert (agent.__name__, agent.__doc__) == ("agent", "Answers.")
        runs = [span for span in recording.spans if span.kind == "run"]
        assert [run.user_id for run in runs] == ["u", "u"]
        assert runs[0].trace_id != runs[1].trace_id

    def test_a_recursive_agent_is_runs_within_runs(self, recording: Recording) -> None:
        @trace.run("agent")
        def agent(depth: int) -> None:
            if depth:
                agent(depth - 1)

        agent(2)
        spans = recording.spans
        assert [span.parent_id for span in spans] == [spans[1].span_id, spans[2].span_id, None]

    def test_the_same_object_again(self, recording: Recording) -> None:
        run = trace.run("run")
        for _ in range(2):
            with run:
                pass
        assert len({span.trace_id for span in recording.spans}) == 2


class TestTheEnd:
    def test_an_error_fails_the_run(self, recording: Recording) -> None:
        """AGENT-5, D-4: a critical one or not."""
        for critical in (False, True):
            with trace.run("run") as run:
                event = run.error(error_type="E", error_message="m", critical=critical)
                assert event is not None and event.status.value == "failed"
                assert run.tool(tool_name="fallback") is not None
        assert [span.status for span in recording.spans] == ["error", "ok", "error"] * 2
        assert [span.attributes["critical"] for span in recording.named("error.E")] == [False, True]

    @pytest.mark.parametrize(("success", "status"), [(True, "ok"), (False, "error"), (None, "ok")])
    def test_the_final_answer_tells_success(self, recording: Recording, success: Any, status: str) -> None:
        """AGENT-6"""
        with trace.run("run") as run:
            run.final(answer="a", success=success)
        assert recording.spans[-1].status == status
        assert recording.spans[0].status == "ok"

    def test_after_the_final_answer_no_event_is_taken(self, recording: Recording, warnings: Any) -> None:
        """AGENT-6"""
        with trace.run("run") as run:
            assert run.final(answer="a") is not None
            assert run.tool(tool_name="t") is None
            assert trace.llm(model="m") is None
            assert run.final(answer="b") is None
        assert [span.name for span in recording.spans] == ["final.answer", "run"]
        assert warnings()[0] == "run 'run' has ended: the tool event is not recorded"

    def test_after_the_block_neither(self, recording: Recording, warnings: Any) -> None:
        """AGENT-6"""
        with trace.run("run") as run:
            pass
        assert run.tool(tool_name="t") is None
        assert len(recording.spans) == len(warnings()) == 1

    @pytest.mark.parametrize("answered", [False, True])
    def test_an_exception_is_recorded_and_passes(self, recording: Recording, answered: bool) -> None:
        """AGENT-11"""
        error = ValueError("boom")

        def agent() -> None:
            with trace.run("run") as run:
                if answered:
                    run.final(answer="a")
                raise error

        with pytest.raises(ValueError) as failure:
            agent()
        assert failure.value is error
        *_, event, span = recording.spans
        assert (event.name, event.status, event.parent_id) == ("error.ValueError", "error", span.span_id)
        assert (event.attributes["error"], event.attributes["critical"]) == ("boom", True)
        assert event.attributes["stack_trace"].startswith("Traceback (most recent call last)")
        assert "ValueError: boom" in event.payload["stack_trace"]
        assert (span.status, span.attributes["error"], span.attributes["error_type"]) == ("error", "boom", "ValueError")

    def test_cancellation_fails_the_run(self, recording: Recording) -> None:
        """AGENT-11, TRACE-6"""

        async def main() -> None:
            async def agent() -> None:
                async with trace.run("run"):
                    await asyncio.sleep(60)

            task = asyncio.ensure_future(agent())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert [span.name for span in recording.spans] == ["error.CancelledError", "run"]

    def test_a_decorated_function_fails_its_run(self, recording: Recording) -> None:
        """AGENT-11, AGENT-18"""

        @trace.run("run")
        def agent() -> None:
            raise ValueError("boom")

        with pytest.raises(ValueError, match="boom"):
            agent()
        assert recording.spans[-1].status == "error"


class TestOutsideOfAnyRun:
    """AGENT-10"""

    @pytest.mark.parametrize(
        "emit",
        [
            lambda: trace.llm(model="m"),
            lambda: trace.tool(tool_name="t"),
            lambda: trace.memory_read(memory_key="k"),
            lambda: trace.memory_write(memory_key="k"),
            lambda: trace.error(error_type="E", error_message="m"),
            lambda: trace.final(answer="a"),
            lambda: trace.emit(peekr.BaseEvent(name="n")),
            lambda: trace.agent_spawn("1", "one"),
            lambda: trace.task_assign("1", "one"),
        ],
    )
    def test_nothing_is_recorded_nothing_raised_and_a_warning_said(
        self, recording: Recording, warnings: Any, emit: Any
    ) -> None:
        assert emit() is None
        assert recording.spans == []
        (warning,) = warnings()
        assert "outside of any run and is not recorded" in warning


class TestAnAdapter:
    """AGENT-17: the template of the documentation, with no framework."""

    def test_the_example_of_the_documentation(self, recording: Recording) -> None:
        """E4-17"""

        class CustomAdapter:
            def __init__(self, trace_instance: Any = None) -> None:
                self.trace = trace_instance or peekr.get_trace()

            def on_llm_call(self, model: str, prompt: str, response: str) -> None:
                context = self.trace.get_active_context()
                if context:
                    context.llm(model=model, prompt=prompt, response=response)

        with trace.run("my_agent"):
            CustomAdapter().on_llm_call("gpt-4", "Hello", "Hi there!")
        CustomAdapter().on_llm_call("gpt-4", "x", "y")
        assert [span.name for span in recording.spans] == ["llm.call", "my_agent"]


class TestTheDefaultTrace:
    """AGENT-12, MODEL-10"""

    def test_is_made_once_and_may_be_replaced_and_reset(self) -> None:
        first = peekr.get_trace()
        assert peekr.get_trace() is first
        mine = peekr.Trace()
        peekr.set_trace(mine)
        assert peekr.get_trace() is mine
        peekr.set_trace(None)
        assert peekr.get_trace() not in (first, mine)

    def test_the_functions_of_the_module_go_to_it(self, recording: Recording) -> None:
        calls: List[str] = []

        class Mine(peekr.Trace):
            def run(self, run_name: str, **options: Any) -> Any:
                calls.append(run_name)
                return super().run(run_name, **options)

        peekr.set_trace(Mine())
        with trace.run("run"):
            pass
        assert calls == ["run"]

    def test_the_object_is_a_decorator_and_has_the_vocabulary(self) -> None:
        assert callable(trace)
        for name in (
            *("run", "llm", "tool", "memory_read", "memory_write", "error", "final", "emit"),
            *("get_active_context", "shutdown", "flush", "task_assign", "task_complete"),
            *("agent_spawn", "agent_join", "agent_leave", "agent_communication", "agent_handoff"),
        ):
            assert callable(getattr(trace, name))
        assert repr(trace) == "<peekr.trace>"

    def test_flush_and_shutdown_are_those_of_peekr(self, recording: Recording) -> None:
        """AGENT-13"""
        with trace.run("run") as run:
            assert trace.flush() and run.flush(10)
        assert trace.shutdown(timeout_ms=5000) is True
        assert recording._exporter.closed


def test_without_a_store_installed_runs_are_said_to_be_lost_once(
    monkeypatch: Any, warnings: Any, tmp_path: Path
) -> None:
    """AGENT-14, IFACE-8: never silently, and not for every run."""
    monkeypatch.setenv("PEEKR_PLUGINS_DISABLE", "sqlite")
    monkeypatch.setattr("peekr.process.state.may_start", True)
    for _ in range(3):
        with trace.run("run") as run:
            assert run.tool(tool_name="t") is not None
    (warning,) = warnings()
    assert warning.startswith("runs are not stored: ") and "'sqlite'" in warning  # not installed, or disabled
    assert json.dumps([path.name for path in tmp_path.glob("traces*")]) == "[]"
