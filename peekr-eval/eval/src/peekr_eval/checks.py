"""Evaluators that need no judge."""

from __future__ import annotations

from peekr.eval import BaseEvaluator
from peekr.spans import Span


class NotEmpty(BaseEvaluator):
    """1.0 if the output is a text with something in it, else 0.0."""

    in_worker = True

    def evaluate(self, span: Span) -> float:
        """Look at ``attributes.output``: whether it is a text that is not empty (EVAL-2)."""
        output = span.attributes.get("output")
        return 1.0 if isinstance(output, str) and output else 0.0


class NoError(BaseEvaluator):
    """1.0 if the call succeeded (status ``ok``), else 0.0."""

    in_worker = True
    reads_texts = False

    def evaluate(self, span: Span) -> float:
        """Look at the status."""
        return 1.0 if span.status == "ok" else 0.0
