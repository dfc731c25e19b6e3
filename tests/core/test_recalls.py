"""What was recalled, and what of it the answer used (contract MEM-1 to MEM-3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, List

import pytest

import peekr
from peekr import Span, trace
from peekr.memory_hits import Answer, MemoryHits
from peekr.recalls import MAX_MEMORIES, described, memory_name
from peekr.testing import Recording, record

FIELDS = {"id", "text", "rank", "similarity", "score", "usage_count", "age_seconds", "reason"}
WINDOW = {"id": "m1", "text": "User prefers window seats on long flights", "similarity": 0.91, "score": 0.8}
MORNING = {"id": "m2", "text": "User dislikes early mornings a lot", "similarity": 0.4}
SAID = "I picked one of the window seats: user prefers window seats on long flights."


def only(recording: Recording, kind: str) -> Span:
    (span,) = [span for span in recording.spans if span.kind == kind]
    return span


def test_a_recall_is_a_memory_read_with_every_field_of_its_memories(recording: Recording) -> None:
    """MEM-1, MEM-2: missing fields are null, the rank is the place in the list."""
    with trace.run("agent"):
        shown = peekr.recall("seat?", [{**WINDOW, "usage_count": 3, "age_seconds": 86400}, MORNING], store="mem0")
    span = only(recording, "memory_read")
    assert (span.name, span.kind) == ("memory.read", "memory_read")
    assert span.attributes["recall"] is True
    assert span.attributes["memory_query"] == "seat?"
    assert span.attributes["memory_store"] == "mem0"
    assert span.attributes["memories"] == shown
    assert [set(memory) for memory in shown] == [FIELDS, FIELDS]
    assert [memory["rank"] for memory in shown] == [1, 2]
    assert shown[0]["age_seconds"] == 86400
    assert shown[1] == {**dict.fromkeys(FIELDS), **MORNING, "rank": 2}


def test_a_recall_outside_of_a_run_is_a_trace_of_its_own_and_inside_a_child(recording: Recording) -> None:
    """MEM-2: where there is a current span, the recall is below it."""
    peekr.recall("alone", ["a"])
    with peekr.span("step") as step:
        peekr.recall("inside", ["b"])
    alone, inside = (span for span in recording.spans if span.kind == "memory_read")
    assert alone.parent_id is None
    assert inside.parent_id == step.span_id


class Memo:
    """A memory of some library."""

    def __init__(self) -> None:
        self.memory_id = "obj"
        self.memory = "Likes tea"
        self.metadata = {"reason": "asked for drinks", "uses": 4}
        self.age = timedelta(hours=1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Likes tea", {"text": "Likes tea"}),
        (b"Likes tea", {"text": "Likes tea"}),
        (
            Memo(),
            {"id": "obj", "text": "Likes tea", "reason": "asked for drinks", "usage_count": 4, "age_seconds": 3600.0},
        ),
        ({"id": 7, "content": "x", "rank": 5, "score": "high"}, {"id": "7", "text": "x", "rank": 5, "score": None}),
        ({"text": {"seat": "window"}}, {"text": '{"seat": "window"}'}),
        (None, {"text": None, "id": None}),
    ],
)
def test_memories_may_be_texts_mappings_and_objects(given: Any, expected: Dict[str, Any]) -> None:
    """MEM-2: whatever a memory store returns."""
    (memory,) = described([given])
    assert set(memory) == FIELDS
    assert {name: memory[name] for name in expected} == expected


def test_memories_that_misbehave_cost_nothing_but_themselves(recording: Recording) -> None:
    """MEM-2: a recall never raises; at most 100 memories are kept."""

    def failing() -> Any:
        yield "first"
        raise RuntimeError("no more")

    assert [memory["text"] for memory in peekr.recall("q", failing())] == ["first"]
    assert peekr.recall("q", None) == []
    assert len(peekr.recall("q", map(str, range(1000)))) == MAX_MEMORIES
    assert peekr.recall(object(), 7)[0]["rank"] == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("keyword", ["similarity", "score", "usage_count", "rank"])
def test_memory_read_takes_the_same_as_keywords(recording: Recording, keyword: str) -> None:
    """MEM-2: one memory, described by its key, value and keywords."""
    with trace.run("agent"):
        trace.memory_read(memory_key="seat", memory_value="window", age=60, reason="asked", **{keyword: 3})
    attributes = only(recording, "memory_read").attributes
    (memory,) = attributes["memories"]
    assert attributes["recall"] is True
    assert attributes["memory_query"] == "seat"
    assert (memory["id"], memory["text"], memory["age_seconds"], memory["reason"]) == ("seat", "window", 60, "asked")
    assert memory[keyword] == 3


def test_memory_read_takes_a_list_of_memories(recording: Recording) -> None:
    """MEM-2: ``memories=``."""
    with trace.run("agent"):
        trace.memory_read(memory_key="seat?", memories=[WINDOW, "text"])
    memories = only(recording, "memory_read").attributes["memories"]
    assert [(memory["id"], memory["rank"]) for memory in memories] == [("m1", 1), (None, 2)]


def test_without_capture_a_recall_has_ids_and_numbers_only() -> None:
    """MEM-1 with TRACE-5: what was said is not recorded."""
    with record(plugins=[], capture_io=False) as recording:
        peekr.recall("secret question", [{**WINDOW, "reason": "secret reason"}])
        peekr.flush()
    span = recording.spans[0]
    assert "secret" not in str(span.to_dict())
    assert "window" not in str(span.to_dict())
    assert span.attributes["memories"][0]["id"] == "m1"


def test_the_answer_that_follows_names_the_memories_it_used(recording: Recording) -> None:
    """MEM-3, example E3-07."""
    with trace.run("agent"):
        peekr.recall("seat?", [WINDOW, MORNING])
        trace.llm(model="gpt-4o", prompt="p", response=SAID)
        trace.llm(model="gpt-4o", prompt="p", response="Something else.")
    first, second = (span for span in recording.spans if span.kind == "llm")
    assert first.attributes["memory_hits"] == ["m1"]
    assert "memory_hits" not in second.attributes


def test_an_answer_that_uses_none_says_so(recording: Recording) -> None:
    """MEM-3: an empty list tells "used none" from "nothing was recalled"."""
    with trace.run("agent"):
        peekr.recall("seat?", [WINDOW])
        trace.llm(model="gpt-4o", prompt="p", response="No idea.")
    with trace.run("other"):
        trace.llm(model="gpt-4o", prompt="p", response=SAID)
    after, other = (span for span in recording.spans if span.kind == "llm")
    assert after.attributes["memory_hits"] == []
    assert "memory_hits" not in other.attributes


def llm_after(*recalls: Span, **given: Any) -> Span:
    values = {"trace_id": "t" * 32, "span_id": "f" * 16, "name": "llm.call", "start_time": 10.0, "end_time": 11.0}
    attributes = {"kind": "llm", "output": SAID, **given.pop("attributes", {})}
    span = Span.from_dict({**values, **given, "attributes": attributes})
    hits = MemoryHits()
    for recall in recalls:
        hits.take(recall, "memory_read")
    hits.take(span, "llm")
    return span


def recall_of(*memories: Dict[str, Any], start: float = 5.0) -> Span:
    attributes = {"kind": "memory_read", "recall": True, "memories": list(memories)}
    values = {"trace_id": "t" * 32, "span_id": "a" * 16, "name": "memory.read"}
    return Span.from_dict({**values, "start_time": start, "end_time": start, "attributes": attributes})


def test_a_recall_counts_for_calls_that_began_after_it() -> None:
    """MEM-3: "the following LLM span"; one that failed is tried again."""
    assert llm_after(recall_of(WINDOW)).attributes["memory_hits"] == ["m1"]
    assert "memory_hits" not in llm_after(recall_of(WINDOW, start=10.5)).attributes
    assert "memory_hits" not in llm_after(recall_of(WINDOW), status="error").attributes


def test_what_a_call_passes_to_tools_counts_and_the_answer_in_words_too() -> None:
    """MEM-3: a call without words does not end the wait."""
    hits = MemoryHits()
    hits.take(recall_of(WINDOW, {"id": "m9", "text": "Alice likes green tea best of all"}), "memory_read")
    asking = Span.from_dict(
        {
            "trace_id": "t" * 32, "span_id": "b" * 16, "name": "llm.call", "start_time": 6.0, "end_time": 7.0,
            "attributes": {"kind": "llm", "tool_calls": 1, "output": '[{"name": "book", "arguments": "m9"}]'},
        }
    )  # fmt: skip
    hits.take(asking, "llm")
    assert asking.attributes["memory_hits"] == ["m9"]
    answering = Span.from_dict(
        {
            "trace_id": "t" * 32, "span_id": "c" * 16, "name": "llm.call", "start_time": 8.0, "end_time": 9.0,
            "attributes": {"kind": "llm", "output": SAID},
        }
    )  # fmt: skip
    hits.take(answering, "llm")
    assert answering.attributes["memory_hits"] == ["m1"]


@pytest.mark.parametrize(
    ("memory", "said", "used"),
    [
        ({"text": "User prefers window seats on long flights"}, "USER prefers, window-seats on LONG flights!", True),
        ({"text": "User prefers window seats on long flights"}, "User likes window seats on every flight", False),
        ({"text": "one two three four five six seven eight nine ten eleven"}, "one two three four five six", False),
        ({"text": "one two three four five six seven eight nine"}, "one two three four five six", True),
        ({"text": "likes tea"}, "Alice likes tea.", True),
        ({"text": "likes tea"}, "Tea is what she likes.", False),
        ({"text": "彼女は緑茶が好きです"}, "はい、彼女は緑茶が好きですよ。", True),
        ({"id": "m1"}, "As m1 says", True),
        ({"id": "m1"}, "As m10 says", False),
        ({"id": "7"}, "There are 7 seats", False),
        ({"id": "7"}, "As [7] says", True),
        ({"id": "x", "title": "Travel policy"}, "The Travel policy allows it", True),
        ({"text": ""}, "anything", False),
        ({"text": "…"}, "", False),
    ],
)
def test_the_rule_of_use(memory: Dict[str, Any], said: str, used: bool) -> None:
    """D-10: five-word overlap of 0.3 or more, or the id or title as it is written."""
    assert Answer(said).uses(memory) is used


def test_a_memory_without_id_is_named_by_its_text() -> None:
    """MEM-3: the same text has the same name in every trace."""
    first, again, other = (memory_name({"id": None, "text": text}) for text in ("a", "a", "b"))
    assert first == again != other
    assert llm_after(recall_of({"id": None, "text": SAID})).attributes["memory_hits"] == [
        memory_name({"id": None, "text": SAID})
    ]


def test_recalls_that_no_answer_follows_are_forgotten() -> None:
    """MEM-3: the memory of the worker is bounded."""
    hits = MemoryHits()
    spans: List[Span] = [recall_of(WINDOW) for _ in range(3)]
    for number in range(1500):
        span = recall_of(WINDOW)
        span._trace = f"{number:032x}"
        spans.append(span)
    for span in spans:
        hits.take(span, "memory_read")
    assert len(hits._waiting) == 1000
