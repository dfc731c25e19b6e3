"""Evaluators in a traced program, with a real SDK on both sides (contract EVAL-1 to EVAL-7, EVAL-12, HALL-4, C-31)."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

import peekr
from peekr.eval import CitationAccuracy, Hallucination, NoError, NotEmpty, Rubric

TOWER = "The Eiffel Tower was completed in 1889 in Paris."
ANSWER = "The Eiffel Tower was built in 1923 by Frank Lloyd Wright."


@pytest.fixture
def openai(server: Any) -> Any:
    """The SDK, with the application and the judge on one server: the judge's requests have a limit of tokens."""
    module = pytest.importorskip("openai", reason="openai is not installed")
    pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")
    server.reply = lambda body: "0.25" if "max_tokens" in body else ANSWER
    return module


def call(openai: Any, server: Any, content: str = "When was it built?") -> None:
    messages = [{"role": "system", "content": TOWER}, {"role": "user", "content": content}]
    with openai.OpenAI(api_key="k", base_url=server.url + "/v1") as client:
        client.chat.completions.create(model="gpt-4o", messages=messages)


def judges(server: Any) -> List[Dict[str, Any]]:
    return [body for _, _, body in server.seen if "max_tokens" in body]


def test_scores_tokens_and_one_call_for_each_judge(openai: Any, server: Any) -> None:
    """EVAL-1, EVAL-3, EVAL-5, C-31: one span, all scores in the order given, two judge calls, their tokens summed."""
    evaluators = [Rubric("Be concise"), Hallucination(), NotEmpty(), NoError(), CitationAccuracy()]
    with peekr.testing.record(plugins=["openai"], evaluators=evaluators) as recording:
        call(openai, server)
        span = recording.only
    scores = {"Rubric": 0.25, "Hallucination": 0.25, "NotEmpty": 1.0, "NoError": 1.0, "CitationAccuracy": 1.0}
    assert span.attributes["eval_scores"] == scores and list(span.attributes["eval_scores"]) == list(scores)
    assert span.attributes["eval_tokens"] == 206 and span.attributes["tokens_total"] == 103
    assert len(server.seen) == 3 and [body["model"] for body in judges(server)] == ["gpt-4o-mini"] * 2
    assert TOWER in json.dumps(judges(server)) and ANSWER in json.dumps(judges(server))


def test_a_judge_that_fails_leaves_the_others(openai: Any, server: Any) -> None:
    """EVAL-8."""
    server.reply = lambda body: (500, {"error": {"message": "down"}}) if "max_tokens" in body else "ok"
    with peekr.testing.record(plugins=["openai"], evaluators=[Hallucination(), NotEmpty()]) as recording:
        call(openai, server)
        attributes = recording.only.attributes
    assert attributes["eval_scores"] == {"NotEmpty": 1.0}
    assert attributes["eval_errors"]["Hallucination"].startswith("InternalServerError: ") and len(judges(server)) == 1


def test_a_long_context_is_judged_whole(openai: Any, server: Any) -> None:
    """EVAL-12: the judge sees the end of 20,000 characters; the store keeps 1000."""
    with peekr.testing.record(plugins=["openai"], evaluators=[Hallucination()]) as recording:
        call(openai, server, "word " * 4000 + "THE-END")
        span = recording.only
    assert "THE-END" in json.dumps(judges(server)) and len(span.attributes["input"]) <= 1000


def test_evidence_reaches_judge_and_store(openai: Any, server: Any) -> None:
    """MEM-5: chunks are numbered in the question, and every claim is attributed to them."""
    claims = [{"text": "built in 1923", "verdict": "contradicted", "contradict": [1], "blame": [2]}]
    server.reply = lambda body: json.dumps({"claims": claims}) if "max_tokens" in body else ANSWER
    with peekr.testing.record(plugins=["openai"], evaluators=[Hallucination(detailed=True)]) as recording:
        with peekr.evidence([{"id": "wiki", "text": TOWER}, {"id": "blog", "text": "It was 1923."}]):
            call(openai, server)
        attributes = recording.only.attributes
    assert [chunk["id"] for chunk in attributes["evidence_chunks"]] == ["wiki", "blog"]
    details = attributes["hallucination_details"]
    assert details["claims"] == [{**claims[0], "support": []}]
    assert details["chunks"][1] == {"n": 2, "id": "blog", "support": 0, "contradict": 0, "blame": 1}
    (question,) = judges(server)
    assert question["max_tokens"] == 800 and "[2]\\nIt was 1923." in json.dumps(question)


def test_embeddings_are_not_judged(openai: Any, server: Any) -> None:
    """EVAL-15."""
    server.reply = lambda body: {
        "object": "list", "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.0]}],
    }  # fmt: skip
    with peekr.testing.record(plugins=["openai"], evaluators=[NotEmpty(), Hallucination()]) as recording:
        with openai.OpenAI(api_key="k", base_url=server.url + "/v1") as client:
            client.embeddings.create(model="e", input="text")
        assert "eval_scores" not in recording.only.attributes and len(server.seen) == 1
