"""The span record: one line of JSON, the same in every runtime."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

import jsonschema
import pytest

import peekr
from peekr import Span, wire
from peekr.testing import Recording, fixed

SCHEMA = json.loads((Path(peekr.__file__).parent / "span.schema.json").read_text(encoding="utf-8"))
TOP_LEVEL = [
    *("trace_id", "span_id", "parent_id", "name", "start_time", "end_time", "duration_ms", "status"),
    *("tenant_id", "retention_class", "user_id", "session_id", "attributes"),
]


def foreign(**changes: Any) -> Dict[str, Any]:
    """A record as another program may have written it."""
    return {"trace_id": "t", "span_id": "s", "name": "n", **changes}


class TestTheRecord:
    def test_has_these_keys(self, recording: Recording) -> None:
        """SPAN-1, SPAN-2, E0-20"""
        peekr.trace(lambda: 1)()
        assert list(recording.records[0]) == TOP_LEVEL

    def test_is_the_same_every_time_but_for_ids_and_clocks(self, recording: Recording) -> None:
        """SPAN-1, SPAN-3, SPAN-5"""
        with fixed() as clock:
            with peekr.session("alice", "s1", "acme", "short"), peekr.span("outer"):
                clock.advance(1)
                with peekr.span("inner", model="m") as inner:
                    clock.advance(2.5)
                    inner.status = "error"
        assert recording.records[0] == {
            "trace_id": "00000000000000000000000000000001",
            "span_id": "0000000000000002",
            "parent_id": "0000000000000001",
            "name": "inner",
            "start_time": 1_700_000_000.001,
            "end_time": 1_700_000_000.0035,
            "duration_ms": 2.5,
            "status": "error",
            "tenant_id": "acme",
            "retention_class": "short",
            "user_id": "alice",
            "session_id": "s1",
            "attributes": {
                "kind": "function",
                "run_id": "0000000000000001",
                "model": "m",
                "user_id": "alice",
                "session_id": "s1",
            },
        }

    def test_ids_are_those_of_the_w3c(self, recording: Recording) -> None:
        """SPAN-5"""
        for _ in range(200):
            with peekr.span("s"):
                pass
        records = recording.records
        assert all(re.fullmatch("[0-9a-f]{32}", record["trace_id"]) for record in records)
        assert all(re.fullmatch("[0-9a-f]{16}", record["span_id"]) for record in records)
        assert len({record["span_id"] for record in records}) == len({record["trace_id"] for record in records}) == 200

    def test_times_are_unix_seconds_and_monotonic_milliseconds(self, recording: Recording) -> None:
        """SPAN-3"""
        import time

        before = time.time()
        with peekr.span("s"):
            time.sleep(0.002)
        after = time.time()
        record = recording.records[0]
        assert before - 0.001 <= record["start_time"] <= record["end_time"] <= after + 0.001
        assert 2 <= record["duration_ms"] <= (after - before) * 1000 + 1
        assert record["end_time"] - record["start_time"] == pytest.approx(record["duration_ms"] / 1000, abs=1e-6)

    def test_a_clock_set_back_makes_no_negative_duration(self, recording: Recording) -> None:
        """SPAN-3: the wall clock gives the start, the monotonic clock the rest."""
        with peekr.span("s") as span:
            span._start_ns += 10**12
        assert recording.records[0]["duration_ms"] >= 0
        assert recording.records[0]["end_time"] >= recording.records[0]["start_time"]

    def test_the_run_is_the_nearest_one_around_else_the_root(self, recording: Recording) -> None:
        """MODEL-4"""
        with peekr.span("root") as root:
            with peekr.span("child") as child:
                with peekr.trace.run("run") as run:
                    with peekr.span("inside") as inside:
                        pass
        runs = {span.name: span.to_dict()["attributes"]["run_id"] for span in recording.spans}
        assert runs == {"root": root.span_id, "child": root.span_id, "run": run.run_id, "inside": run.run_id}
        assert child.run_id == root.span_id and inside.run_id == run.run_id

    def test_what_the_program_says_about_itself_wins(self, recording: Recording) -> None:
        """SPAN-2, MODEL-3"""
        with peekr.session(user_id="alice"), peekr.span("s") as span:
            span.attributes.update(kind="retrieval", user_id="bob", feature="search")
        record = recording.records[0]
        assert (record["attributes"]["kind"], record["user_id"]) == ("retrieval", "bob")
        assert record["attributes"]["user_id"] == "bob"

    @pytest.mark.parametrize("value", [5, None, 1.5, [1], object, float("nan")], ids=repr)
    def test_what_must_be_text_is_text(self, recording: Recording, value: Any) -> None:
        """SPAN-9: whatever a program puts there."""
        with peekr.span("s") as span:
            span.attributes.update(kind=value, run_id=value, user_id=value, session_id=value)
        jsonschema.validate(recording.records[0], SCHEMA)
        jsonschema.validate(json.loads(wire.encode(wire.record(recording.only))), SCHEMA)


class TestEveryLineValidates:
    """SPAN-9"""

    def test_of_functions_spans_runs_and_steps(self, recording: Recording) -> None:
        with peekr.trace.run("run", agent_type="a", user_id="u", note="x") as run:
            run.llm(model="m", prompt="p", response="r", prompt_tokens=1, completion_tokens=2)
            run.tool(tool_name="t", tool_args={"a": 1}, tool_result=None)
            run.memory_read(memory_key="k", memory_value=1)
            run.memory_write(memory_key="k", memory_value=1)
            run.error(error_type="E", error_message="m")
            run.agent_spawn("1", "one")
            peekr.trace(lambda: 1)()
            run.final(answer="a")
        with pytest.raises(ZeroDivisionError):
            peekr.trace(lambda: 1 / 0)()
        assert len(recording.spans) == 10
        for span in recording.spans:
            jsonschema.validate(json.loads(wire.encode(wire.record(span))), SCHEMA)

    @pytest.mark.parametrize("value", [None, 1.5, -1, "x", [1], {"a": 1}, float("nan"), object()])
    def test_whatever_a_program_puts_into_peekrs_own_attributes(self, recording: Recording, value: Any) -> None:
        names = [*("input", "output", "model", "error", "error_type", "error_reason", "eval_scores", "tenant_id")]
        names += ["tokens_input", "tokens_output", "tokens_total"]
        with peekr.span("s") as span:
            span.attributes.update(dict.fromkeys(names, value))
        with peekr.span("s") as span:
            span.payload = value
        for span in recording.spans:
            jsonschema.validate(json.loads(wire.encode(wire.record(span))), SCHEMA)

    @pytest.mark.parametrize("name", ["", None, 5])
    def test_of_a_span_whose_name_was_taken_away(self, recording: Recording, name: Any) -> None:
        with peekr.span("s") as span:
            span.name = name
        jsonschema.validate(recording.records[0], SCHEMA)
        assert recording.records[0]["name"]

    @pytest.mark.parametrize(
        "wrong", [{"status": "blocked"}, {"trace_id": ""}, {"attributes": {}}, {"start_time": None}]
    )
    def test_and_what_is_no_record_does_not(self, wrong: Dict[str, Any]) -> None:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**Span("s").to_dict(), **wrong}, SCHEMA)

    def test_of_an_open_run(self) -> None:
        """MODEL-9"""
        span = Span("run", None, "run")
        record = span.to_dict()
        jsonschema.validate(record, SCHEMA)
        assert record["end_time"] is record["duration_ms"] is None
        assert not Span.from_dict(record).ended


class TestFromDict:
    """IFACE-2: the inverse of to_dict(), which takes old and foreign records too."""

    def test_a_record_comes_back_as_it_was(self, recording: Recording) -> None:
        with peekr.trace.run("run") as run:
            run.llm(model="m", prompt="p" * 2000, response={"a": 1}, total_tokens=3)
        for record in recording.records:
            assert Span.from_dict(record).to_dict() == record

    def test_the_smallest_record(self) -> None:
        span = Span.from_dict(foreign())
        assert (span.trace_id, span.span_id, span.parent_id, span.name) == ("t", "s", None, "n")
        assert (span.status, span.attributes, span.ended, span.start_time) == ("ok", {}, False, 0.0)

    @pytest.mark.parametrize("record", [None, [], "x", 5], ids=repr)
    def test_what_is_no_mapping_is_no_record(self, record: Any) -> None:
        with pytest.raises(ValueError, match="a span record is a mapping, not"):
            Span.from_dict(record)

    @pytest.mark.parametrize("key", ["trace_id", "span_id", "name"])
    @pytest.mark.parametrize("value", [None, "", 5, []], ids=repr)
    def test_without_its_three_texts_it_is_no_record(self, key: str, value: Any) -> None:
        with pytest.raises(ValueError, match=re.escape(f"a span record needs a text {key!r}, got {value!r}")):
            Span.from_dict(foreign(**{key: value}))

    @pytest.mark.parametrize("key", ["start_time", "end_time", "duration_ms"])
    @pytest.mark.parametrize("value", ["1.5", True, [1], float("nan"), float("inf"), 1e300], ids=repr)
    def test_a_time_that_is_no_number_is_a_value_error(self, key: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"{key} of span 's' is no"):
            Span.from_dict(foreign(**{key: value}))

    @pytest.mark.parametrize("value", [[1], 5, "[1]", "not json", '"text"'], ids=repr)
    def test_attributes_that_are_no_object_are_a_value_error(self, value: Any) -> None:
        with pytest.raises(ValueError):
            Span.from_dict(foreign(attributes=value))

    def test_attributes_as_text_are_read(self) -> None:
        """SQLITE: a column of a database."""
        assert Span.from_dict(foreign(attributes='{"a": 1}')).attributes == {"a": 1}

    def test_a_missing_duration_follows_from_the_times(self) -> None:
        assert Span.from_dict(foreign(start_time=10.0, end_time=10.5)).duration_ms == 500

    def test_a_missing_end_follows_from_the_duration(self) -> None:
        assert Span.from_dict(foreign(start_time=10.0, duration_ms=500)).end_time == 10.5

    def test_an_old_llm_record_is_told_by_its_model(self) -> None:
        """MODEL-3: records of 0.9 name no kind."""
        assert Span.from_dict(foreign(attributes={"model": "m"})).kind == "llm"
        assert Span.from_dict(foreign(name="openai.embeddings", attributes={"model": "m"})).kind == "embedding"
        assert Span.from_dict(foreign(name="tool.x")).kind == "tool"

    def test_old_ids_of_32_digits_stay(self) -> None:
        """SPAN-5, D-12"""
        span = Span.from_dict(foreign(span_id="ab" * 16, parent_id="x"))
        assert (span.span_id, span.parent_id) == ("ab" * 16, "x")

    def test_user_and_session_of_old_records_come_from_the_attributes(self) -> None:
        """SPAN-2"""
        span = Span.from_dict(foreign(attributes={"user_id": "u", "session_id": 5}))
        assert (span.user_id, span.session_id) == ("u", "5")


class TestEncode:
    def test_nan_is_null_and_objects_are_text(self) -> None:
        """SPAN-8"""
        line = wire.encode(
            {"nan": float("nan"), "object": ValueError("x"), "bytes": b"x", "set": {1}, "e": [{1: b"y"}]}
        )
        assert json.loads(line)["nan"] is None
        assert json.loads(line)["object"] == "x"

    def test_attributes_that_json_cannot_hold_are_stored_as_str(self, recording: Recording) -> None:
        """SPAN-8: the same whether something else in the record is odd or not."""
        import datetime

        values = {"bytes": b"x", "set": {1}, "date": datetime.datetime(2024, 1, 2), "nested": [{"set": {1}}]}
        expected = {"bytes": "b'x'", "set": "{1}", "date": "2024-01-02 00:00:00", "nested": [{"set": "{1}"}]}
        with peekr.span("s", **values):
            pass
        with peekr.span("\ud800", odd="\ud800", **values):
            pass
        for span in recording.spans:
            for attributes in (span.to_dict()["attributes"], json.loads(wire.encode(wire.record(span)))["attributes"]):
                assert {name: attributes[name] for name in expected} == expected

    def test_a_payload_is_written_as_it_was_taken(self, recording: Recording) -> None:
        """MODEL-11: the worker does not decode it; a lone surrogate elsewhere does not change it."""
        with peekr.trace.run("r") as run:
            run.llm(model="m\ud800", prompt=[{"role": "user"}], response="r")
        span = recording.named("llm.call")[0]
        assert json.loads(wire.encode(wire.record(span)))["payload"]["prompt"] == [{"role": "user"}]


def test_a_span_can_be_copied(recording: Recording) -> None:
    from copy import copy

    with peekr.span("s", a=1) as span:
        pass
    assert copy(span).to_dict() == span.to_dict()


def test_an_event_without_a_run_cannot_be_written() -> None:
    """EVT-2, AGENT-7: left out, the run fills it in; given, it may not be empty."""
    with pytest.raises(ValueError, match="needs a run_id"):
        peekr.BaseEvent(name="x").to_dict()
    with pytest.raises(ValueError, match="needs a run_id"):
        peekr.BaseEvent(run_id="", name="x")
