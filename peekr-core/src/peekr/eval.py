"""Evaluators: the base class, and those of the installed plugins by class name: ``peekr.eval.Rubric``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peekr.errors import JudgeUnavailable as JudgeUnavailable
from peekr.naming import WithName

if TYPE_CHECKING:  # first-party names, for checkers and editors
    from peekr.spans import Span
    from peekr_eval.checks import NoError as NoError
    from peekr_eval.checks import NotEmpty as NotEmpty
    from peekr_eval.citation_accuracy import CitationAccuracy as CitationAccuracy
    from peekr_eval.hallucination import Hallucination as Hallucination
    from peekr_eval.rubric import Rubric as Rubric


class BaseEvaluator(WithName):
    """Scores the LLM spans of a program: ``instrument(evaluators=[Mine()])`` (contract EVAL-4).

    ::

        class Polite(peekr.eval.BaseEvaluator):
            def evaluate(self, span):
                return 1.0 if "please" in span.attributes["output"] else 0.0

    :cvar in_worker: True for a check that takes microseconds: it runs in the delivery worker. Others run in threads
        of their own, where they may wait for a model.
    :cvar reads_texts: False for a check that needs no texts. The others are not asked about a call of which nothing
        was kept, with ``capture_io=False``; ``attributes.eval_errors`` says so then.
    """

    in_worker = False
    reads_texts = True

    def evaluate(self, span: Span) -> float:
        """Return the score of an ended LLM span, 0.0 to 1.0; what lies outside is clamped.

        ``span.attributes`` have ``input``, ``output`` and ``system`` in full length, and may be added to. Called
        in a thread of the evaluation, several at a time. Calls of models inside are not recorded.

        Calls that a guardrail has stopped are not judged: nobody got their answer.

        With ``capture_io=False`` the texts are there too, for as long as the call is judged; nothing of them is stored.

        :raises Exception: any: it is recorded as ``attributes.eval_errors[name]``, and there is no score.
        """
        raise NotImplementedError(f"{type(self).__name__}.evaluate(span) has to return a number from 0.0 to 1.0")


if not TYPE_CHECKING:
    from peekr._facade import resolver

    __getattr__, __dir__ = resolver(__name__, group="peekr.evaluators")
