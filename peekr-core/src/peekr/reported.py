"""Guardrails on model calls that the program made and recorded by itself: ``trace.llm()``, spans of kind ``llm``.

Such a call is over when it is recorded. What was sent cannot be held back any more, but it is looked at all the same:
the violation is stored, and the program is told before it uses the answer.
"""

from __future__ import annotations

from typing import Any, Mapping

from peekr.guarding import after_call, ask, guards
from peekr.spans import Span


def look_at(span: Span, texts: Mapping[str, Any]) -> None:
    """Ask the guardrails about a call. In the caller's thread, which ends the span whatever is raised.

    :param texts: what they see as ``input``, ``output`` and ``model``, where it is not on the span.
    :raises GuardrailError, BudgetExceededError: if one objects; the span is marked as blocked.
    """
    if span.scope.muted:
        return

    def describe(view: Span) -> None:
        view.attributes.update(texts)

    ask(guards.inputs, span, describe)
    if span.status != "error":  # a failed call has no answer
        after_call(span, describe)


def look_at_manual(span: Span) -> None:
    """Ask the guardrails about a span that somebody ends by hand, if it stands for a call of a model.

    :raises GuardrailError, BudgetExceededError: as :func:`look_at`.
    """
    if guards.any and not span.ended and span.kind == "llm":
        look_at(span, {})
