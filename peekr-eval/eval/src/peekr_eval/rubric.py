"""How well an answer meets criteria of one's own, by the word of a judge."""

from __future__ import annotations

from typing import Any, Optional

from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr_eval.cache import Verdict
from peekr_eval.errors import JudgeAnswerCut, NothingToJudge
from peekr_eval.judged import JudgedEvaluator
from peekr_eval.judges.base import Answer
from peekr_eval.prompts import Question, rubric_question
from peekr_eval.scores import score_in
from peekr_eval.texts import context_of, output_of


def score_of(answer: Answer) -> Verdict:
    """Read an answer that should be one number.

    :raises JudgeError: if it is none.
    """
    if answer.cut and not answer.text.strip():
        raise JudgeAnswerCut(
            "the judge used up its output tokens before it said anything.\nTake a model that does not reason first"
        )
    return {"score": score_in(answer.text)}


class Rubric(JudgedEvaluator):
    """Scores an answer against criteria: ``Rubric("Be concise and factually accurate")``; one judge call.

    :param criteria: what a good answer is like, in words.
    :param name: key of the score, ``Rubric`` by default.
    :param options: see :class:`~peekr_eval.judged.JudgedEvaluator`.
    :raises ConfigurationError: (a ValueError) if there are no criteria.
    """

    def __init__(self, criteria: str, *, name: Optional[str] = None, **options: Any) -> None:
        if not isinstance(criteria, str) or not criteria.strip():
            raise ConfigurationError(f"Rubric needs criteria as text, got {criteria!r}.")
        super().__init__(name=name, **options)
        self.criteria = criteria

    def question(self, span: Span) -> Optional[Question]:
        """Return what the judge is asked."""
        output = output_of(span)
        return rubric_question(self.criteria, context_of(span), output or "(empty)")

    def evaluate(self, span: Span) -> float:
        """Ask for a score.

        :raises NothingToJudge: if the call failed and so has no answer.
        :raises JudgeError: if the judge gives no score.
        """
        context, output = context_of(span), output_of(span)
        if not output and span.status == "error":
            raise NothingToJudge("the call failed, so there is no answer to score")
        question = rubric_question(self.criteria, context, output or "(empty)")
        verdict = self.verdict(span, question, (self.criteria, context, output), score_of)
        return float(verdict["score"])
