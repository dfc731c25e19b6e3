"""HallucinationBlock: one judge call in all, and a judge that fails blocks nothing (GUARD-8)."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Callable, List

import pytest

import peekr
from peekr.testing import record

pytest.importorskip("peekr_eval")
GuardrailError = peekr.guard.GuardrailError


def in_loop(test: Any) -> Any:
    """Run an async test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Judge:
    """A judge that gives this answer, and counts."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: List[str] = []

    def __call__(self, prompt: str) -> str:
        self.asked.append(prompt)
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


@pytest.fixture
def judge() -> Callable[[Any], Judge]:
    return Judge


@pytest.mark.parametrize("reused", [True, False])
def test_an_unsupported_answer_is_stopped_with_one_judge_call(chat: Any, judge: Any, reused: bool) -> None:
    """GUARD-8: an existing evaluator is reused, and its score is the span's."""
    asked = judge("0.1")
    evaluators = [peekr.eval.Hallucination(judge=asked)] if reused else []
    block = peekr.guard.HallucinationBlock() if reused else peekr.guard.HallucinationBlock(judge=asked)
    with record(plugins=["openai"], guardrails=[block], evaluators=evaluators) as recording:
        with pytest.raises(GuardrailError, match=r"0\.1 is below 0\.5"):
            chat.ask()
        span = recording.only
    assert len(asked.asked) == 1
    assert span.attributes["eval_scores"] == {"Hallucination": 0.1}
    assert (span.attributes["blocked"], span.status) == (True, "error")


@in_loop
async def test_a_supported_answer_passes_with_one_judge_call(chat: Any, judge: Any) -> None:
    """GUARD-8: also where default redaction changes the text that the evaluator would see."""
    asked = judge("0.9")
    evaluators = [peekr.eval.Hallucination(judge=asked), peekr.eval.NotEmpty()]
    guardrails = [peekr.guard.HallucinationBlock(), peekr.guard.PIIRedact()]
    with record(plugins=["openai"], guardrails=guardrails, evaluators=evaluators) as recording:
        await chat.ask_async("mail a@b.org and tell the capital")
        span = recording.only
    assert len(asked.asked) == 1
    assert span.attributes["eval_scores"] == {"Hallucination": 0.9, "NotEmpty": 1.0}


def test_a_failing_judge_blocks_nothing(chat: Any, judge: Any) -> None:
    """GUARD-8."""
    with record(
        plugins=["openai"], guardrails=[peekr.guard.HallucinationBlock(judge=judge(RuntimeError("down")))]
    ) as recording:
        assert chat.ask().choices[0].message.content == "Paris."
        span = recording.only
    assert span.status == "ok"
    assert "down" in span.attributes["eval_errors"]["Hallucination"]
    assert "eval_scores" not in span.attributes


def test_warn_lets_the_answer_pass(chat: Any, judge: Any) -> None:
    """GUARD-8: action="warn", and a stream that is not withheld."""
    block = peekr.guard.HallucinationBlock(action="warn", judge=judge("0.1"))
    chat.says("Paris.", ["Par", "is"])
    with record(plugins=["openai"], guardrails=[block]) as recording:
        chat.ask()
        assert len(list(chat.ask(stream=True))) == 3
        for span in recording.spans:
            assert "0.1 is below 0.5" in span.attributes["guardrail_warnings"][0]
            assert span.status == "ok"


def test_a_stream_is_withheld_until_the_verdict(chat: Any, judge: Any) -> None:
    """GUARD-8."""
    asked, out = judge("0"), []  # type: ignore[var-annotated]
    chat.says(["It is ", "Rome."])
    with record(plugins=["openai"], guardrails=[peekr.guard.HallucinationBlock(judge=asked)]):
        with pytest.raises(GuardrailError):
            out.extend(chat.ask(stream=True))
    assert (out, len(asked.asked)) == ([], 1)


@pytest.mark.parametrize("settings", [{"threshold": 2}, {"threshold": "high"}, {"action": "redact"}])
def test_what_cannot_work_is_refused(settings: Any) -> None:
    """GUARD-8."""
    with pytest.raises(ValueError):
        peekr.guard.HallucinationBlock(**settings)
