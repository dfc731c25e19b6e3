"""What an answer was made from (contract MEM-5, PKG-11)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, List

import pytest

import peekr


class Document:
    """Like LangChain's."""

    def __init__(self, text: str, **metadata: Any) -> None:
        self.page_content = text
        self.metadata = metadata


@pytest.fixture(autouse=True)
def no_evidence() -> Any:
    """No test leaves evidence to the next."""
    yield
    peekr.clear_evidence()


@pytest.fixture
def recording() -> Any:
    """Tracing into memory."""
    with peekr.testing.record() as recording:
        yield recording


def ask() -> None:
    with peekr.span("chat", kind="llm", model="m"):
        pass


def chunks_of(recording: Any) -> List[Any]:
    return [span.attributes.get("evidence_chunks") for span in recording.spans if span.kind == "llm"]


def test_every_chunk_has_the_same_fields_whatever_it_was(recording: Any) -> None:
    """MEM-5: n, id, text of 800 characters at most, title, source_kind, source_url, score, rank."""
    given: List[Any] = [
        {
            "id": 7,
            "text": "x" * 900,
            "title": "T",
            "source_kind": "web",
            "source_url": "https://x",
            "score": 0.9,
            "rank": 3,
        },
        "only text",
        Document("from langchain", source="file.pdf", title="PDF"),
        (Document("scored"), 0.25),
    ]
    assert peekr.record_evidence(given)[0]["n"] == 1
    ask()
    (chunks,) = chunks_of(recording)
    assert chunks[0] == {
        "n": 1, "id": "7", "text": "x" * 800, "title": "T", "source_kind": "web", "source_url": "https://x",
        "score": 0.9, "rank": 3,
    }  # fmt: skip
    assert (chunks[1]["n"], chunks[1]["text"], chunks[1]["title"], chunks[1]["rank"]) == (2, "only text", None, 2)
    assert (chunks[2]["text"], chunks[2]["source_url"], chunks[2]["title"]) == ("from langchain", "file.pdf", "PDF")
    assert (chunks[3]["text"], chunks[3]["score"]) == ("scored", 0.25)
    assert len({chunk["id"] for chunk in chunks}) == 4


def test_a_block_has_its_own_evidence(recording: Any) -> None:
    """MEM-5: with evidence(…): behind it the earlier evidence holds again; clear_evidence() ends that."""
    peekr.record_evidence(["outer"])
    with peekr.evidence(["inner"]) as chunks:
        assert chunks[0]["text"] == "inner"
        ask()
    ask()
    peekr.clear_evidence()
    ask()
    assert [chunks and chunks[0]["text"] for chunks in chunks_of(recording)] == ["inner", "outer", None]


def test_recording_replaces_unless_told_to_append(recording: Any) -> None:
    """MEM-5: a loop over questions does not pile up the evidence of all; several retrievals may."""
    peekr.record_evidence(["a"])
    peekr.record_evidence(["b"])
    peekr.record_evidence(["c"], append=True)
    ask()
    (chunks,) = chunks_of(recording)
    assert [(chunk["n"], chunk["text"]) for chunk in chunks] == [(1, "b"), (2, "c")]


def test_only_llm_spans_have_it(recording: Any) -> None:
    """MEM-5: tools and functions do not repeat it."""
    with peekr.evidence(["a"]):
        with peekr.span("step"):
            with peekr.trace.run("agent"):
                peekr.trace.tool("search")
                peekr.trace.llm(model="m", prompt="p", response="r")
    having = {span.kind for span in recording.spans if "evidence_chunks" in span.attributes}
    assert having == {"llm"}


def test_evidence_recorded_in_a_function_serves_its_caller(recording: Any) -> None:
    """A retriever records, the generator behind it is grounded."""

    @peekr.trace
    def retrieve() -> None:
        peekr.record_evidence(["found"])

    retrieve()
    ask()
    assert chunks_of(recording)[0][0]["text"] == "found"


def test_tasks_and_threads_do_not_see_each_others(recording: Any) -> None:
    """async with, and one context for each."""

    async def one(text: str) -> None:
        async with peekr.evidence([text]):
            await asyncio.sleep(0)
            with peekr.span(text, kind="llm"):
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(both())
    thread = threading.Thread(target=lambda: (peekr.record_evidence(["t"]), ask()))
    thread.start()
    thread.join()
    ask()
    seen = {span.name: span.attributes.get("evidence_chunks") for span in recording.spans if span.name in "ab"}
    assert {name: chunks[0]["text"] for name, chunks in seen.items()} == {"a": "a", "b": "b"}
    assert chunks_of(recording)[-1] is None


def test_without_capture_no_text_is_stored() -> None:
    """CAPTURE: capture_io=False records which chunks there were, not what they say."""
    with peekr.testing.record(capture_io=False) as recording:
        with peekr.evidence([{"id": "a", "text": "secret", "title": "secret"}]):
            ask()
        (chunks,) = chunks_of(recording)
    assert chunks[0]["id"] == "a" and "secret" not in str(chunks)


class Rude:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "given", [None, [], "text", 5, {"text": "x"}, [None], [Rude()], [{"score": float("nan")}], iter("ab")]
)
def test_anything_can_be_evidence_and_nothing_raises(recording: Any, given: Any) -> None:
    """Bad input: tracing never breaks the program."""
    with peekr.evidence(given):
        ask()
    assert peekr.flush()


def test_a_hundred_chunks_are_the_most(recording: Any) -> None:
    """Bounded, also for an endless retriever."""
    with peekr.evidence(str(n) for n in iter(int, 1)):
        ask()
    assert len(chunks_of(recording)[0]) == 100
