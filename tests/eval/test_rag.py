"""The preset for retrieval-augmented generation (contract MEM-6, SPAN-7)."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, List

import pytest

import peekr
from peekr.testing import MemoryExporter
from peekr_eval import Hallucination, instrument_rag

DOCS = [{"id": "d1", "text": "Paris is the capital of France."}, {"id": "d2", "text": "Lyon is a city.", "score": 0.4}]


class Judge:
    """Says 0.9 where the answer is in the evidence, else 0.1."""

    def __init__(self) -> None:
        self.prompts: List[str] = []

    def __call__(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return "0.1" if "Berlin" in prompt else "0.9"


@pytest.fixture
def stored() -> Any:
    yield MemoryExporter()
    peekr.uninstrument()
    peekr.clear_evidence()


def say(answer: str) -> str:
    with peekr.trace.run("model"):
        peekr.trace.llm(model="m", prompt="what is the capital?", response=answer)
    return answer


def preset(stored: MemoryExporter, judge: Any, **arguments: Any) -> Any:
    return peekr.instrument_rag(stored, evaluators=[Hallucination(judge=judge)], **arguments)


def by_name(stored: MemoryExporter) -> Dict[str, Any]:
    assert peekr.flush()
    return {span.name: span for span in stored.spans}


def test_what_was_retrieved_is_the_evidence_of_the_answer(stored: MemoryExporter) -> None:
    judge = Judge()
    rag = preset(stored, judge)

    @rag.retrieve
    def search(question: str) -> Any:
        return DOCS

    @rag.rerank(name="rag.rerank")
    def best_first(question: str, documents: Any) -> Any:
        return documents[:1]

    @rag.generate
    def answer(question: str, documents: Any) -> str:
        return say("It is Paris.")

    with peekr.span("request"):
        question = "What is the capital of France?"
        assert answer(question, best_first(question, search(question))) == "It is Paris."
    spans = by_name(stored)
    found = spans["rag.retrieve"].attributes
    assert found["rag.query"] == question and found["rag.docs_count"] == 2
    assert [each["id"] for each in found["rag.retrieved_docs"]] == ["d1", "d2"]
    assert spans["rag.retrieve"].kind == "retrieval" and spans["rag.generate"].parent_id == spans["request"].span_id
    assert [each["id"] for each in spans["llm.call"].attributes["evidence_chunks"]] == ["d1"]
    assert spans["llm.call"].attributes["eval_scores"] == {"Hallucination": 0.9}
    assert "Paris is the capital" in judge.prompts[0] and "Lyon" not in judge.prompts[0]


def test_the_evidence_ends_with_the_answer(stored: MemoryExporter) -> None:
    rag = preset(stored, Judge())
    rag.retrieve(lambda question: DOCS)("q")
    rag.generate(lambda question: say("Paris"))("q")
    say("something else")
    assert peekr.flush()
    first, second = sorted((span for span in stored.spans if span.kind == "llm"), key=lambda span: span.start_time)
    assert "evidence_chunks" in first.attributes and "evidence_chunks" not in second.attributes


def test_an_answer_below_the_threshold_is_an_alert(stored: MemoryExporter, capsys: pytest.CaptureFixture[str]) -> None:
    rag = preset(stored, Judge(), faithfulness_threshold=0.7)
    with rag.context(DOCS):
        say("It is Paris.")
        say("It is Berlin.")
    by_name(stored)
    assert rag.alert.triggered == 1
    assert "[peekr alert] faithfulness 0.10 is below 0.70 in trace " in capsys.readouterr().err


def test_coroutines_work_alike(stored: MemoryExporter) -> None:
    rag = preset(stored, Judge())

    @rag.retrieve
    async def search(question: str) -> Any:
        return ["Paris is the capital of France."]

    @rag.generate
    async def answer(question: str) -> str:
        await search(question)
        return say("Paris")

    assert asyncio.run(answer("q")) == "Paris"
    spans = by_name(stored)
    assert spans["rag.retrieve"].parent_id == spans["rag.generate"].span_id
    assert spans["llm.call"].attributes["evidence_chunks"][0]["text"] == "Paris is the capital of France."


def test_a_failure_passes_through(stored: MemoryExporter) -> None:
    rag = preset(stored, Judge())

    @rag.retrieve
    def search(question: str) -> Any:
        raise LookupError("index is down")

    with pytest.raises(LookupError, match="index is down"):
        search("q")
    assert by_name(stored)["rag.retrieve"].status == "error"


def test_a_generator_of_documents_is_handed_on_whole(stored: MemoryExporter) -> None:
    rag = preset(stored, Judge())
    assert rag.retrieve(lambda question: (doc for doc in DOCS))("q") == DOCS
    json.dumps(by_name(stored)["rag.retrieve"].to_dict())


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "x", True])
def test_a_threshold_is_a_number_from_0_to_1(threshold: Any) -> None:
    with pytest.raises(ValueError, match="faithfulness_threshold must be a number from 0 to 1"):
        instrument_rag(faithfulness_threshold=threshold)
