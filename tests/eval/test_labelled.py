"""The detailed pipeline over human-annotated answers, with a judge that answers from the labels (issue 5).

The judge is scripted, so nothing is said about models: what is shown is that parsing, scoring, attribution and error
states give back exactly what the judge was told, in whatever shape it says it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Optional

import pytest

import peekr
from peekr.judging import judge, name_evaluators
from peekr.spans import Span

Item = Dict[str, Any]
Claims = List[Dict[str, Any]]


def claims_of(item: Item) -> Claims:
    """The annotated spans as claims, and the sentences without one: every third false one is contradicted."""
    wrong = [
        {"text": text, "verdict": "contradicted" if number % 3 == 0 else "unsupported"}
        for number, text in enumerate(item["spans"])
    ]
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", item["response"]) if part.strip()]
    right = [
        {"text": text, "verdict": "supported"}
        for text in sentences
        if not any(text in bad or bad in text for bad in item["spans"])
    ]
    return right + wrong


def chunks_of(item: Item) -> List[str]:
    """What the answer is made from: its sentences, and one chunk that says nothing of it."""
    return [*(claim["text"] or "-" for claim in claims_of(item)[:40]), "The weather was fine."]


def attributed(item: Item) -> Claims:
    """The claims with the chunks that the labels make them rest on, go against, or be misled by."""
    out = []
    for n, claim in enumerate(claims_of(item), 1):
        known = n if n <= 40 else len(chunks_of(item))
        role = {"supported": "support", "contradicted": "contradict", "unsupported": "blame"}[claim["verdict"]]
        roles: Dict[str, List[int]] = {"support": [], "contradict": [], "blame": []}
        roles[role] = [known]
        if role == "contradict":
            roles["blame"] = [known]
        out.append({**claim, **roles})
    return out


def expected(claims: Claims) -> Dict[str, Any]:
    """What has to be stored for these claims (HALL-5, HALL-6)."""
    count = {
        verdict: sum(c["verdict"] == verdict for c in claims)
        for verdict in ("supported", "contradicted", "unsupported")
    }
    score = round(count["supported"] / len(claims), 4) if claims else 1.0
    return {"total": len(claims), **count, "score": score, "claims": claims}


def judged(item: Item, answer: Any, chunks: Optional[List[str]] = None) -> Span:
    """The span of an answer, after a judge that says this."""
    with peekr.testing.record() as recording:
        with peekr.evidence(chunks):
            with peekr.trace.run("agent"):
                peekr.trace.llm(model="m", prompt=item["query"], response=item["response"])
        (span,) = [span for span in recording.spans if span.kind == "llm"]
    span.attributes["output"] = item["response"]
    evaluator = peekr.eval.Hallucination(detailed=True, judge=lambda prompt: answer)
    judge(span, name_evaluators([evaluator]))
    return span


def test_every_label_comes_back_as_it_was_given(labelled: List[Item]) -> None:
    """HALL-5, HALL-6: claims, verdicts, counts and score of all 400 answers, hallucinated or not."""
    for item in labelled:
        claims = claims_of(item)
        span = judged(item, json.dumps({"claims": claims}))
        assert span.attributes["hallucination_details"] == expected(claims)
        assert span.attributes["eval_scores"] == {"Hallucination": expected(claims)["score"]}
        assert "eval_errors" not in span.attributes
        assert (span.attributes["eval_scores"]["Hallucination"] < 1.0) == item["hallucinated"] or not item["spans"]


def test_every_claim_is_attributed_to_the_chunks_that_the_labels_name(labelled: List[Item]) -> None:
    """MEM-5: support, contradict and blame by claim, and their counts by chunk."""
    for item in labelled:
        claims, chunks = attributed(item), chunks_of(item)
        details = judged(item, json.dumps({"claims": claims}), chunks).attributes["hallucination_details"]
        by_chunk = details.pop("chunks")
        assert details == expected(claims)
        assert [chunk["n"] for chunk in by_chunk] == list(range(1, len(chunks) + 1))
        for role in ("support", "contradict", "blame"):
            assert [chunk[role] for chunk in by_chunk] == [
                sum(n in claim[role] for claim in claims) for n in range(1, len(chunks) + 1)
            ]


def _python(claims: Claims) -> str:
    return repr({"claims": claims})


def _trailing(claims: Claims) -> str:
    return json.dumps({"claims": claims}, indent=1).replace("}\n ]", "},\n ]").replace('"\n  }', '",\n  }')


def _renamed(claims: Claims) -> str:
    return json.dumps({"claims": [{"claim": c["text"], "label": c["verdict"].upper() + "."} for c in claims]})


#: What judges write around and into their JSON, without any doubt about the verdicts.
READABLE: Dict[str, Callable[[Claims], str]] = {
    "in a fence": lambda claims: "```json\n" + json.dumps({"claims": claims}) + "\n```",
    "in a fence without a language": lambda claims: "```\n" + json.dumps({"claims": claims}, indent=2) + "\n```",
    "behind prose": lambda claims: "Here is my assessment {as asked}:\n" + json.dumps({"claims": claims}),
    "before prose": lambda claims: json.dumps({"claims": claims}) + "\nI hope [this] helps {you}.",
    "with white space": lambda claims: "\ufeff \n\n" + json.dumps({"claims": claims}, indent=4) + "\n\n ",
    "without escapes": lambda claims: json.dumps({"claims": claims}, ensure_ascii=False),
    "with raw line breaks": lambda claims: json.dumps({"claims": claims}).replace("\\n", "\n"),
    "with trailing commas": _trailing,
    "as Python": _python,
    "as a bare list": lambda claims: json.dumps(claims),
    "inside of an object": lambda claims: json.dumps({"result": {"claims": claims}, "model": "m"}),
    "with a score of its own": lambda claims: json.dumps({"score": 0.123, "total": 99, "claims": claims}),
    "with other names": _renamed,
    "with capitals": lambda claims: json.dumps(
        {"Claims": [{**c, "verdict": f" {c['verdict'].title()} "} for c in claims]}
    ),
    "behind the form that was asked for": lambda claims: (
        'Form: {"claims": [{"text": "x", "verdict": "supported"}]}\n' + json.dumps({"claims": claims})
    ),
}
#: What holds no verdict, and the state that it has to become.
BROKEN: Dict[str, Any] = {
    "an empty answer": (lambda text: "", "JudgeAnswerEmpty"),
    "white space": (lambda text: " \n ", "JudgeAnswerEmpty"),
    "None": (lambda text: None, "JudgeAnswerEmpty"),
    "a refusal": (lambda text: "I'm sorry, but I can't help with that.", "JudgeRefused"),
    "cut off": (lambda text: text[: len(text) * 2 // 3], "JudgeAnswerInvalid"),
    "without its end": (lambda text: text[:-1], "JudgeAnswerInvalid"),
    "prose": (lambda text: "All of the claims seem to be supported.", "JudgeAnswerInvalid"),
    "a number": (lambda text: "0.0", "JudgeAnswerInvalid"),
    "other JSON": (lambda text: '{"score": 0.0}', "JudgeAnswerInvalid"),
    "null for claims": (lambda text: '{"claims": null}', "JudgeAnswerInvalid"),
    "a text for claims": (lambda text: '{"claims": "none"}', "JudgeAnswerInvalid"),
    "claims that are none": (lambda text: '{"claims": [1, null]}', "JudgeAnswerInvalid"),
    "a page of an error": (lambda text: "<html><body>502 Bad Gateway</body></html>", "JudgeAnswerInvalid"),
    "bytes": (lambda text: text.encode(), "JudgeAnswerInvalid"),
    "a timeout": (TimeoutError("timed out"), "TimeoutError"),
    "an exception": (RuntimeError("no more quota"), "RuntimeError"),
}


@pytest.mark.parametrize("shape", READABLE)
def test_a_readable_answer_gives_the_labels_in_whatever_shape(labelled: List[Item], shape: str) -> None:
    """HALL-7: the JSON is found in prose and fences; the verdicts are the labels."""
    for item in labelled[::8]:
        claims = claims_of(item) or [{"text": "x", "verdict": "supported"}]
        answer = READABLE[shape](claims)
        details = judged(item, answer).attributes["hallucination_details"]
        assert details == expected(claims), answer


@pytest.mark.parametrize("shape", BROKEN)
def test_a_broken_answer_is_a_state_with_a_reason(labelled: List[Item], shape: str, script: Any) -> None:
    """EVAL-8, issue 5: no score at all, never 0.0; the reason is stored."""
    answer, state = BROKEN[shape]
    for item in labelled[::20]:
        claims = claims_of(item) or [{"text": "x", "verdict": "supported"}]
        said = answer if isinstance(answer, Exception) else answer(json.dumps({"claims": claims}))
        span = Span.from_dict(
            {
                "trace_id": "a",
                "span_id": "b",
                "name": "n",
                "attributes": {"input": item["query"], "output": item["response"]},
            }
        )
        judge(span, name_evaluators([peekr.eval.Hallucination(detailed=True, judge=script(said))]))
        assert "eval_scores" not in span.attributes and "hallucination_details" not in span.attributes
        assert span.attributes["eval_errors"]["Hallucination"].startswith(state + ": "), said


def test_unknown_verdicts_of_labelled_claims_count_as_unsupported(labelled: List[Item]) -> None:
    """HALL-7."""
    for item in labelled[::8]:
        claims = [
            {**c, "verdict": "plausible" if c["verdict"] == "contradicted" else c["verdict"]} for c in claims_of(item)
        ]
        known = [{**c, "verdict": "unsupported" if c["verdict"] == "plausible" else c["verdict"]} for c in claims]
        details = judged(item, json.dumps({"claims": claims})).attributes["hallucination_details"]
        assert details == expected(known)
