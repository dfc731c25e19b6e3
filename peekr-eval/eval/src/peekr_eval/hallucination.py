"""How much of an answer its context supports, by the word of a judge."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

import attrs

from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr_eval.cache import Verdict
from peekr_eval.claims import claims_in, details_of
from peekr_eval.judged import JudgedEvaluator
from peekr_eval.judges.base import Answer
from peekr_eval.prompts import Question, claims_question, grounded_question
from peekr_eval.rubric import score_of
from peekr_eval.texts import as_text, context_of, evidence_of, is_tool_call, numbered, output_of

Chunks = List[Dict[str, Any]]


@attrs.define(slots=True, frozen=True)
class _Material:
    """What is judged about a span; ``nothing`` says why there is nothing to judge."""

    context: str
    output: str
    chunks: Chunks
    nothing: Optional[str] = None


class Hallucination(JudgedEvaluator):
    """1.0 if every claim of an answer is supported by its context, 0.0 if none is; one judge call.

    The context is the conversation that the answer was given to, and the evidence attached to the call
    (:func:`peekr.evidence`). An empty answer, one without a context and a mere call of a tool score 1.0 unasked.

    :param context_extractor: ``f(span)`` that returns the context instead of the conversation: a text, or a list of
        texts or documents.
    :param model: of the judge.
    :param detailed: have every claim judged by itself and stored in ``attributes.hallucination_details``:
        ``{"total", "supported", "contradicted", "unsupported", "score", "claims": [{"text", "verdict"}]}``; with
        evidence each claim also has ``support``, ``contradict`` and ``blame``, numbers of chunks, and there are
        ``chunks``.
    :param options: see :class:`~peekr_eval.judged.JudgedEvaluator`.
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    """

    def __init__(
        self,
        context_extractor: Optional[Callable[[Span], Any]] = None,
        model: Optional[str] = None,
        detailed: bool = False,
        **options: Any,
    ) -> None:
        if context_extractor is not None and not callable(context_extractor):
            raise ConfigurationError(f"context_extractor must be a function of a span, got {context_extractor!r}.")
        super().__init__(model=model, **options)
        self.context_extractor = context_extractor
        self.detailed = bool(detailed)

    def question(self, span: Span) -> Optional[Question]:
        """Return what the judge is asked, None where it is not asked."""
        material = self._material(span)
        return None if material.nothing else self._question(material)

    def evaluate(self, span: Span) -> float:
        """Ask for a score, or for the claims.

        :raises JudgeError: if the judge gives no verdict that can be read.
        """
        material = self._material(span)
        if material.nothing:
            span.attributes["hallucination_details"] = {**details_of(()), "reason": material.nothing}
            return 1.0
        mode, read = self._mode(material)
        evidence = numbered(material.chunks)
        content = (mode, material.context, evidence, material.output)
        verdict = self.verdict(span, self._question(material), content, read)
        if "details" in verdict:
            span.attributes["hallucination_details"] = verdict["details"]
        return float(verdict["score"])

    def _mode(self, material: _Material) -> Tuple[str, Callable[[Answer], Verdict]]:
        if not self.detailed:
            return "simple", score_of
        return "detailed", partial(details_in, chunks=material.chunks)

    def _material(self, span: Span) -> _Material:
        output = output_of(span)
        if not output:
            return _Material("", "", [], "the answer is empty")
        if is_tool_call(output):
            return _Material("", output, [], "the answer is a tool call")
        chunks = evidence_of(span)
        extract = self.context_extractor
        context = context_of(span) if extract is None else as_text(extract(span)).strip()
        if not chunks and context in ("", "[]", "{}"):
            return _Material("", output, [], "there is no context")
        return _Material(context, output, chunks)

    def _question(self, material: _Material) -> Question:
        ask = claims_question if self.detailed else grounded_question
        return ask(material.context, numbered(material.chunks), material.output)


def details_in(answer: Answer, chunks: Chunks) -> Verdict:
    """Read an answer that should list claims.

    :raises JudgeError: if it does not.
    """
    details = details_of(claims_in(answer.text, chunks, answer.cut), chunks)
    total = details["total"]
    return {"score": details["supported"] / total if total else 1.0, "details": details}
