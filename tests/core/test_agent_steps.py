"""The agent vocabulary, row by row: how each call becomes a span (MODEL-2)."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict

import pytest

import peekr
from peekr import trace, wire
from peekr.testing import Recording, fixed, record


def step_of(recording: Recording, emit: Callable[[Any], Any]) -> Any:
    """The span that one call in a run becomes."""
    with trace.run("run") as run:
        event = emit(run)
    assert event is not None
    (span,) = [span for span in recording.spans if span.kind != "run"]
    assert (span.parent_id, span.run_id, span.trace_id) == (run.run_id, run.run_id, run.trace_id)
    return span


ROWS: Dict[str, Any] = {
    "llm": (
        lambda t: t.llm(
            model="gpt-4", prompt="Hi", response="Hello!", prompt_tokens=3, completion_tokens=4, temperature=0.5
        ),
        ("llm.call", "llm", "llm_call", "gpt-4"),
        {
            "model": "gpt-4", "input": "Hi", "output": "Hello!",
            "tokens_input": 3, "tokens_output": 4, "tokens_total": 7, "temperature": 0.5,
        },
    ),
    "tool": (
        lambda t: t.tool(tool_name="search", tool_args={"q": "x"}, tool_result=["a"], tool_type="web"),
        ("tool.search", "tool", "tool_call", "search"),
        {"tool_name": "search", "input": '{"q": "x"}', "output": '["a"]', "tool_type": "web"},
    ),
    "memory_read": (
        lambda t: t.memory_read(memory_key="prefs", memory_value={"seat": "window"}, memory_type="key_value"),
        ("memory.read", "memory_read", "memory_read", "Read: prefs"),
        {"memory_key": "prefs", "memory_type": "key_value", "output": '{"seat": "window"}'},
    ),
    "memory_write": (
        lambda t: t.memory_write(memory_key="last", memory_value=[1], memory_type="key_value", overwrite=True),
        ("memory.write", "memory_write", "memory_write", "Write: last"),
        {"memory_key": "last", "memory_type": "key_value", "overwrite": True, "input": "[1]"},
    ),
    "error": (
        lambda t: t.error(error_type="ConnectionError", error_message="no route", stack_trace="at x", critical=True),
        ("error.ConnectionError", "error", "error", "ConnectionError"),
        {"error": "no route", "error_type": "ConnectionError", "critical": True, "stack_trace": "at x"},
    ),
    "final": (
        lambda t: t.final(answer="Done.", answer_type="text"),
        ("final.answer", "final", "final_answer", "Final Answer"),
        {"output": "Done.", "answer_type": "text", "success": True},
    ),
    "emit": (
        lambda t: t.emit(peekr.BaseEvent(name="note", metadata={"a": 1}, input="in", output={"b": 2})),
        ("note", "custom", "custom", "note"),
        {"input": "in", "output": '{"b": 2}'},
    ),
    "emit without a name": (
        lambda t: t.emit(peekr.BaseEvent()),
        ("custom", "custom", "custom", "custom"),
        {},
    ),
    "agent_spawn": (
        lambda t: t.agent_spawn("a1", "planner", agent_role="boss", parent_run_id="r", agent_config={"x": 1}),
        ("agent_spawn", "custom", "agent_spawn", "agent_spawn"),
        {"agent_id": "a1", "agent_name": "planner", "agent_role": "boss", "parent_run_id": "r"},
    ),
    "agent_join": (
        lambda t: t.agent_join("a1", "planner", group_id="g"),
        ("agent_join", "custom", "agent_join", "agent_join"),
        {"agent_id": "a1", "group_id": "g"},
    ),
    "agent_leave": (
        lambda t: t.agent_leave(agent_id="a1", agent_name="planner", reason="done"),
        ("agent_leave", "custom", "agent_leave", "agent_leave"),
        {"agent_id": "a1", "reason": "done"},
    ),
    "agent_communication": (
        lambda t: t.agent_communication("a1", "planner", "hello", to_agent_id="a2", to_agent_name="worker"),
        ("agent_communication", "custom", "agent_communication", "agent_communication"),
        {"from_agent_id": "a1", "message_content": "hello", "to_agent_name": "worker", "message_type": "message"},
    ),
    "agent_handoff": (
        lambda t: t.agent_handoff("a1", "planner", "a2", "worker", handoff_reason="busy", context_summary="so far"),
        ("agent_handoff", "custom", "agent_handoff", "agent_handoff"),
        {"to_agent_id": "a2", "handoff_reason": "busy", "context_summary": "so far"},
    ),
    "task_assign": (
        lambda t: t.task_assign("t1", "book", assigned_to_agent_id="a2", priority="high", task_data={"x": 1}),
        ("task_assignment", "custom", "task_assignment", "task_assignment"),
        {"task_id": "t1", "task_name": "book", "assigned_to_agent_id": "a2", "priority": "high"},
    ),
    "task_complete": (
        lambda t: t.task_complete("t1", "book", completed_by_agent_id="a2", success=True, completion_time_ms=5),
        ("task_completion", "custom", "task_completion", "task_completion"),
        {"task_id": "t1", "completed_by_agent_id": "a2", "success": True, "completion_time_ms": 5},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("emit", "expected", "attributes"), ROWS.values(), ids=ROWS.keys())
class TestEveryRow:
    def test_name_kind_type_and_attributes(
        self, recording: Recording, emit: Any, expected: Any, attributes: Any
    ) -> None:
        """MODEL-2, AGENT-2 … AGENT-7, AGENT-16, EVT-1"""
        span = step_of(recording, emit)
        record = span.to_dict()["attributes"]
        assert (span.name, record["kind"], record["event_type"], record["event_name"]) == expected
        assert {name: record.get(name) for name in attributes} == attributes

    def test_the_event_is_returned(self, recording: Recording, emit: Any, expected: Any, attributes: Any) -> None:
        """AGENT-8"""
        with trace.run("run") as run:
            event = emit(run)
        assert (event.type.value, event.run_id, event.parent_event_id) == (expected[2], run.run_id, run.run_id)
        data = event.to_dict()
        assert (data["type"], data["run_id"]) == (expected[2], run.run_id)
        assert data["status"] == ("failed" if expected[1] == "error" else "completed")

    def test_on_the_module_and_on_the_context_it_is_the_same(
        self, recording: Recording, emit: Any, expected: Any, attributes: Any
    ) -> None:
        """AGENT-8, MODEL-10"""
        with fixed(), trace.run("run") as run:
            emit(run)
        with fixed(), trace.run("run"):
            emit(trace)
        one, _, two, _ = recording.records
        for span in (one, two):
            span["attributes"].pop("event_id", None)
        assert one == two

    def test_without_capture_nothing_that_was_said_is_stored(self, emit: Any, expected: Any, attributes: Any) -> None:
        """TRACE-5, MODEL-11"""
        with record(plugins=[], capture_io=False) as recording:
            span = step_of(recording, emit)
        line = wire.encode(wire.record(span)).decode()
        for said in ('"Hi"', "Hello", "window", "[1]", "Done.", "at x", '"in"', "hello", "busy", "so far"):
            assert said not in line
        assert span.payload is None


class TestWhatWasSaid:
    def test_the_payload_holds_all_of_it(self, recording: Recording) -> None:
        """MODEL-11, C-28: attributes are cut, the payload is not."""
        messages = [{"role": "user", "content": "x" * 5000}]
        span = step_of(recording, lambda t: t.llm(model="m", prompt=messages, response="y" * 5000, seed=[1]))
        assert span.payload == {"model": "m", "prompt": messages, "response": "y" * 5000, "seed": [1]}
        assert len(span.attributes["input"]) == len(span.attributes["output"]) == 1000

    def test_arguments_of_a_tool_are_cut_at_500(self, recording: Recording) -> None:
        """TRACE-4, MODEL-2"""
        span = step_of(recording, lambda t: t.tool(tool_name="t", tool_args="x" * 1000, tool_result={"a": "y" * 1000}))
        assert len(span.attributes["input"]) == len(span.attributes["output"]) == 500

    def test_a_payload_that_was_cut_says_so(self, recording: Recording) -> None:
        """LLM-11"""
        span = step_of(recording, lambda t: t.llm(model="m", prompt="x" * 1_000_000))
        assert span.payload["truncated"] is True

    def test_a_tool_without_a_result_returned_null(self, recording: Recording) -> None:
        """AGENT-3"""
        span = step_of(recording, lambda t: t.tool(tool_name="t"))
        assert (span.attributes["input"], span.attributes["output"]) == ("null", "null")

    def test_values_that_change_afterwards_are_stored_as_they_were(self, recording: Recording) -> None:
        """EVT-3"""
        args: Dict[str, Any] = {"q": ["before"]}
        kind = ["before"]
        metadata = {"a": ["before"]}
        event = peekr.BaseEvent(name="note", metadata=metadata, input=args)
        with trace.run("run", note=kind) as run:
            run.tool(tool_name="t", tool_args=args, tool_result=args, tool_type=kind, extra=args)
            run.emit(event)
            for value in (args["q"], kind, metadata["a"]):
                value.append("after")
        text = json.dumps(recording.records)
        assert "after" not in text
        assert text.count("before") >= 6

    @pytest.mark.parametrize(
        ("tokens", "expected"),
        [
            ({"prompt_tokens": 1, "completion_tokens": 2}, {"tokens_input": 1, "tokens_output": 2, "tokens_total": 3}),
            ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}, {"tokens_total": 9}),
            ({"total_tokens": 9}, {"tokens_input": None, "tokens_total": 9}),
            ({"prompt_tokens": 1}, {"tokens_input": 1, "tokens_total": None}),
            ({"prompt_tokens": "many"}, {"tokens_input": None}),
            ({}, {"tokens_input": None, "tokens_output": None, "tokens_total": None}),
        ],
    )
    def test_tokens(self, recording: Recording, tokens: Any, expected: Any) -> None:
        """AGENT-2, C-36"""
        span = step_of(recording, lambda t: t.llm(model="m", **tokens))
        assert {name: span.attributes.get(name) for name in expected} == expected


class TestTime:
    """AGENT-8"""

    @pytest.mark.parametrize("name", ["duration_ms", "latency_ms"])
    def test_a_duration_reaches_back_from_now(self, recording: Recording, name: str) -> None:
        with fixed() as clock, trace.run("run") as run:
            clock.advance(100)
            event = run.tool(tool_name="t", **{name: 40})
        step, _ = recording.records
        assert (step["start_time"], step["end_time"]) == (1_700_000_000.06, 1_700_000_000.1)
        assert step["duration_ms"] == 40
        assert event is not None and event.duration_ms == 40

    def test_that_of_an_event_of_ones_own_counts(self, recording: Recording) -> None:
        event = peekr.BaseEvent(name="note", duration_ms=25)
        with fixed(), trace.run("run") as run:
            run.emit(event)
        assert recording.records[0]["duration_ms"] == 25
        assert event.duration_ms == 25

    @pytest.mark.parametrize("odd", ["long", -5, None, float("nan"), float("inf"), []], ids=repr)
    def test_an_odd_one_is_none(self, recording: Recording, odd: Any) -> None:
        """INST-13"""
        span = step_of(recording, lambda t: t.tool(tool_name="t", duration_ms=odd))
        assert 0 <= span.duration_ms < 1000


class TestOddFields:
    """AGENT-10, INST-13: emitters never raise."""

    @pytest.mark.parametrize("name", ["step", "event", "fields", "kind", "run", "span", "name", "self_", "input"])
    def test_any_further_field_is_stored(self, recording: Recording, name: str) -> None:
        span = step_of(recording, lambda t: t.tool(tool_name="t", **{name: "mine"}))
        assert span.payload[name] == "mine"
        assert span.name == "tool.t"

    @pytest.mark.parametrize(
        "value", [None, 5, ["x"], object(), "\ud800", "x" * 10_000], ids=lambda v: type(v).__name__
    )
    def test_any_value_in_any_place(self, recording: Recording, value: Any) -> None:
        with trace.run("run") as run:
            events = [
                run.llm(model=value, prompt=value, response=value, prompt_tokens=value),
                run.tool(tool_name=value, tool_args=value, tool_result=value, tool_type=value),
                run.memory_read(memory_key=value, memory_value=value, memory_type=value),
                run.memory_write(memory_key=value, memory_value=value, overwrite=value),
                run.error(error_type=value, error_message=value, stack_trace=value, critical=value),
                run.agent_spawn(value, value),
                run.final(answer=value, answer_type=value, success=value),
            ]
        assert None not in events
        assert len(recording.spans) == 8
        for stored in recording.records:
            assert len(json.dumps(stored)) < 100_000
            assert len(stored["name"]) <= 1000
            assert all(len(text) <= 1000 for text in stored["attributes"].values() if isinstance(text, str))

    def test_what_is_no_event_is_not_recorded(self, recording: Recording, warnings: Any) -> None:
        with trace.run("run") as run:
            assert run.emit("note") is None  # type: ignore[arg-type]
        assert recording.only.kind == "run"
        assert "emit() takes a BaseEvent, not str" in warnings()[0]
