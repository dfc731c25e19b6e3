"""A judge's answer as one number (contract HALL-4, EVAL-8, EVAL-14)."""

from __future__ import annotations

from typing import Any

import pytest

from peekr_eval.errors import JudgeAnswerEmpty, JudgeAnswerInvalid
from peekr_eval.scores import score_in


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("0.9", 0.9), (" 0.85\n", 0.85), ("1", 1.0), ("0", 0.0), (".5", 0.5), ("0,7", 0.7), ("0.9.", 0.9),
        ("Score: 0.85", 0.85), ("**0.7**", 0.7), ("The score is 0.4", 0.4), ("Final score: 0.25.", 0.25),
        ("I would give a score of 0.8", 0.8), ("17/20", 0.85), ("Rating: 3 out of 5", 0.6), ("85%", 0.85),
        ('{"score": 0.9}', 0.9), ("```\n0.5\n```", 0.5), ("<score>0.4</score>", 0.4), ("0.9 because 3 of 4", 0.9),
        ("0.80 - mostly grounded", 0.8), ("-0.2", -0.2), ("7.3", 7.3),
    ],
)  # fmt: skip
def test_a_score_is_found_where_a_judge_puts_it(answer: str, score: float) -> None:
    """HALL-4: a number, however it is dressed; what lies outside of 0 to 1 is clamped later (EVAL-14)."""
    assert score_in(answer) == pytest.approx(score)


@pytest.mark.parametrize(
    "answer",
    [
        "nan", "inf", "N/A", "three", "I'm sorry, I can't help with that.", "In 1923 it was built.", "1923-01-01",
        "between 0.3 and 0.7", "0.3-0.7", "0.3 to 0.5", "There are 3 claims", "1.2.3", "5/0", "1923", "-40",
        "score", "{}",
    ],
)  # fmt: skip
def test_text_without_a_clear_score_is_an_error(answer: str) -> None:
    """EVAL-8: a number in prose is no score, and nothing becomes 0.0."""
    with pytest.raises(JudgeAnswerInvalid, match="no score"):
        score_in(answer)


@pytest.mark.parametrize("answer", ["", "  \n"])
def test_an_empty_answer_is_told_apart(answer: str) -> None:
    """Issue 5: an empty answer is a state of its own."""
    with pytest.raises(JudgeAnswerEmpty):
        score_in(answer)


def test_a_long_hostile_answer_is_refused_quickly(script: Any) -> None:
    """Bad input: patterns on a text of any length stay linear enough to finish."""
    for answer in ("a " * 20_000, "_" * 50_000, "score " * 10_000, "9" * 50_000 + "x"):
        with pytest.raises(JudgeAnswerInvalid):
            score_in(answer)
