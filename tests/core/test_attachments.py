"""State attached to the current span (contract MEM-7)."""

from __future__ import annotations

import asyncio
from typing import Any, Dict

import pytest

import peekr
from peekr import trace
from peekr.capture import PAYLOAD_LIMIT
from peekr.testing import Recording, record


def test_the_whole_value_is_in_the_payload_and_its_beginning_in_the_attributes(recording: Recording) -> None:
    """MEM-7."""
    rows = [{"row": number} for number in range(200)]
    with peekr.span("step"):
        peekr.attach("rows", rows)
        peekr.attach("note", "x" * 600)
    (span,) = recording.spans
    assert span.payload == {"state": {"rows": rows, "note": "x" * 600}}
    assert len(span.attributes["state.rows"]) == 500
    assert span.attributes["state.rows"].startswith('[{"row": 0}')
    assert span.attributes["state.note"] == "x" * 499 + "…"


def test_it_is_the_value_of_that_moment_and_the_last_one_counts(recording: Recording) -> None:
    """MEM-7: changing it afterwards changes nothing."""
    scratch: Dict[str, Any] = {"step": 1}
    with peekr.span("step"):
        peekr.attach("scratch", {"step": 0})
        peekr.attach("scratch", scratch)
        scratch["step"] = 2
    assert recording.spans[0].payload == {"state": {"scratch": {"step": 1}}}


def test_what_the_span_has_by_itself_stays(recording: Recording) -> None:
    """MEM-7: a run's metadata and its state are both in its payload."""
    with trace.run("agent", purpose="test"):
        peekr.attach("plan", ["a", "b"])
    assert recording.spans[0].payload == {"metadata": {"purpose": "test"}, "state": {"plan": ["a", "b"]}}


def test_each_task_attaches_to_its_own_span(recording: Recording) -> None:
    """MEM-7 with CTX-1."""

    async def step(number: int) -> None:
        async with peekr.span(f"step {number}"):
            await asyncio.sleep(0)
            peekr.attach("number", number)

    async def main() -> None:
        await asyncio.gather(step(1), step(2))

    asyncio.run(main())
    assert {span.name: (span.payload or {})["state"]["number"] for span in recording.spans} == {
        "step 1": 1,
        "step 2": 2,
    }


def test_outside_of_a_span_it_has_no_effect(recording: Recording) -> None:
    """MEM-7: and raises nothing."""
    peekr.attach("name", "value")
    assert recording.spans == []


def test_secrets_in_it_are_redacted() -> None:
    """MEM-7 with PIPE-5: state is content like any other."""
    with record(plugins=[], redact=True) as recording:
        with peekr.span("step"):
            peekr.attach("config", {"password": "hunter2", "user": "ann"})
        peekr.flush()
    assert "hunter2" not in str(recording.spans[0].to_dict())
    assert "ann" in str(recording.spans[0].to_dict())


def test_without_capture_nothing_is_attached() -> None:
    """MEM-7 with TRACE-5."""
    with record(plugins=[], capture_io=False) as recording:
        with peekr.span("step"):
            peekr.attach("config", "value")
        peekr.flush()
    assert recording.spans[0].payload is None
    assert "state.config" not in recording.spans[0].attributes


@pytest.mark.parametrize("value", [object(), float("nan"), {1: {2, 3}}, "\ud800", b"\xff"])
def test_any_value_will_do(recording: Recording, value: Any) -> None:
    """MEM-7, SPAN-8: never raises, and the record is JSON."""
    with peekr.span("step"):
        peekr.attach("value", value)
    assert "state" in recording.spans[0].to_dict()["payload"]


def test_a_huge_value_is_bounded_and_marked(recording: Recording) -> None:
    """MEM-7: 256 KiB in all."""
    with peekr.span("step"):
        peekr.attach("first", "x" * PAYLOAD_LIMIT * 2)
        peekr.attach("second", "y" * PAYLOAD_LIMIT)
    payload = recording.spans[0].payload
    assert payload is not None
    assert payload["truncated"] is True
    assert sum(map(len, payload["state"].values())) <= PAYLOAD_LIMIT
