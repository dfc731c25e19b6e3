"""``peekr memory`` (contract MEM-3, example E3-07)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")

import peekr as api
from peekr import trace

Invoke = Callable[..., Any]

WINDOW = {"id": "m1", "text": "User prefers window seats on long flights", "similarity": 0.91}
MORNING = {"id": "m2", "text": "User dislikes early mornings a lot", "similarity": 0.4}
SAID = "I picked one of the window seats: user prefers window seats on long flights."


@pytest.fixture(params=["sqlite", "jsonl"])
def store(request: Any, invoke: Invoke) -> str:
    """The recall of example E3-07, in both kinds of file."""
    path = "traces.db" if request.param == "sqlite" else "traces.jsonl"
    api.instrument(storage=request.param, db_path=path, jsonl_path=path, console=False, plugins=[])
    try:
        with trace.run("agent"):
            api.recall("seat?", [WINDOW, MORNING])
            trace.llm(model="gpt-4o", prompt="p", response=SAID)
            trace.memory_write(memory_key="unread", memory_value="lost")
            trace.memory_write(memory_key="read", memory_value="kept")
        with trace.run("reader"):
            trace.memory_read(memory_key="read", memory_value="kept")
    finally:
        api.shutdown()
        api.uninstrument()
    return path


def test_the_hit_rate_is_that_of_the_memories_an_answer_followed(store: str, invoke: Invoke) -> None:
    """MEM-3, E3-07: one of two; what no answer followed is said apart."""
    said = invoke("memory", store).stdout
    assert "hit rate 50 %" in said
    assert "2 recalls  3 memories  1 hit" in said
    assert "without an answer 1" in said
    assert "never-read writes 1" in said


def test_the_report_for_machines_has_memories_runs_and_writes(store: str, invoke: Invoke) -> None:
    """MEM-3: per memory and per run."""
    report = json.loads(invoke("memory", store, "--json").stdout)
    assert (report["recalls"], report["answered"], report["hits"], report["hit_rate"]) == (2, 2, 1, 0.5)
    rates = {each["id"]: each["hit_rate"] for each in report["memories"]}
    assert rates == {"m1": 1.0, "m2": 0.0, "read": None}
    assert [run["hit_rate"] for run in report["runs"]] == [0.5, None]
    assert [(each["key"], each["text"]) for each in report["never_read_writes"]] == [("unread", '"lost"')]


def test_runs_can_be_the_rows(store: str, invoke: Invoke) -> None:
    """MEM-3."""
    lines = invoke("memory", store, "--by", "run").stdout.splitlines()
    assert lines[2].split() == ["run", "recalls", "memories", "hits", "hit", "rate"]
    assert lines[4].split()[1:] == ["1", "2", "1", "50", "%"]


def test_spans_that_others_wrote_are_judged_by_the_same_rule(invoke: Invoke, write: Any, record: Any) -> None:
    """MEM-3: files without memory_hits, of another runtime."""
    recall = record("1", kind="memory_read", recall=True, memories=[WINDOW, MORNING], name="memory.read", at=0)
    write([recall, record("2", kind="llm", output=SAID, at=20)])
    assert "hit rate 50 %" in invoke("memory", "traces.jsonl").stdout


def test_a_store_without_recalls_says_how_to_record_one(invoke: Invoke, write: Any, record: Any) -> None:
    """CLI-15: a designed answer, exit 0."""
    write([record("1")])
    assert "peekr.recall(query, memories)" in invoke("memory", "traces.jsonl").stdout
    assert json.loads(invoke("memory", "traces.jsonl", "--json").stdout)["hit_rate"] is None


def test_memories_of_any_shape_break_nothing(invoke: Invoke, write: Any, record: Any) -> None:
    """MEM-3: a file is hostile."""
    for number, memories in enumerate([None, "text", [1, None, "x"], [{}], [{"id": {}, "rank": "x", "text": ["a"]}]]):
        write([record(str(number), kind="memory_read", recall=True, memories=memories, trace_id=f"{number:032x}")])
        write([record(f"{number}l", kind="llm", output=7, memory_hits="x", at=20, trace_id=f"{number:032x}")])
    assert "5 recalls" in invoke("memory", "traces.jsonl").stdout
    assert not Path("traces.db").exists()
