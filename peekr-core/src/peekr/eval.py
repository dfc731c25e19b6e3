"""Evaluators: the base class, and those of the installed plugins by class name: ``peekr.eval.Rubric``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peekr._facade import resolver
from peekr.errors import JudgeUnavailable as JudgeUnavailable

if TYPE_CHECKING:
    from peekr.spans import Span


class BaseEvaluator:
    """Scores the LLM spans of a program: ``instrument(evaluators=[Mine()])`` (contract EVAL-4).

    ::

        class Polite(peekr.eval.BaseEvaluator):
            def evaluate(self, span):
                return 1.0 if "please" in span.attributes["output"] else 0.0

    :cvar in_worker: True for a check that takes microseconds: it runs in the delivery worker. Others run in threads
        of their own, where they may wait for a model.
    """

    in_worker = False

    @property
    def name(self) -> str:
        """The key of the score in ``attributes.eval_scores``: the class name, unless a name was set."""
        return str(getattr(self, "_name", None) or type(self).__name__)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    def evaluate(self, span: Span) -> float:
        """Return the score of an ended LLM span, 0.0 to 1.0; what lies outside is clamped.

        ``span.attributes`` have ``input``, ``output`` and ``system`` in full length, and may be added to. Called
        in a thread of the evaluation, several at a time. Calls of models inside are not recorded.

        :raises Exception: any: it is recorded as ``attributes.eval_errors[name]``, and there is no score.
        """
        raise NotImplementedError(f"{type(self).__name__}.evaluate(span) has to return a number from 0.0 to 1.0")


__getattr__, __dir__ = resolver(__name__, group="peekr.evaluators")
