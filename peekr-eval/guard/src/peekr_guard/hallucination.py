"""Answers that their context does not support, stopped before the caller gets them."""

from __future__ import annotations

from typing import Any, Optional

from peekr.errors import ConfigurationError, GuardrailError
from peekr.guard import BaseGuardrail
from peekr.guarding import add_note
from peekr.judging import note_error
from peekr.spans import Span


class HallucinationBlock(BaseGuardrail):
    """Stops answers whose score of ``peekr.eval.Hallucination`` is below a threshold.

    The caller waits for the judge. Where ``instrument(evaluators=[...])`` has a Hallucination too, that one is asked,
    once, and its score is the span's; otherwise this guardrail asks, and stores the score likewise. A judge that fails
    blocks nothing: ``attributes.eval_errors`` has the reason. Streams are withheld until the verdict, but for
    ``action="warn"``.

    :param threshold: scores below it are stopped.
    :param detailed: have every claim judged by itself, see ``peekr.eval.Hallucination``.
    :param action: ``"raise"`` :class:`peekr.guard.GuardrailError`, or ``"warn"`` in ``attributes.guardrail_warnings``.
    :param options: for ``peekr.eval.Hallucination``, where this guardrail asks: ``model=``, ``judge=``, …
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    :raises PluginNotInstalled: if peekr-eval is not installed.
    """

    window: Optional[int] = None
    waits = True

    def __init__(
        self,
        threshold: float = 0.5,
        detailed: bool = False,
        action: str = "raise",
        *,
        name: Optional[str] = None,
        **options: Any,
    ) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
            raise ConfigurationError(f"threshold must be a number from 0 to 1, got {threshold!r}.")
        if action not in ("raise", "warn"):
            raise ConfigurationError(f"unknown action {action!r}.\nUse 'raise' or 'warn'")
        from peekr import eval as evaluators

        self._kind = evaluators.Hallucination
        self.threshold, self.detailed, self.action = float(threshold), bool(detailed), action
        self.blocks = action == "raise"
        if name:
            self.name = name
        self._own = self._kind(detailed=self.detailed, **options)

    def run(self, span: Span) -> None:
        """Ask the judge about an answer, unless it has been asked. In the caller's thread.

        :raises GuardrailError: if the score is below the threshold and the action is ``"raise"``.
        """
        if span.kind != "llm":
            return
        score = self._score(span)
        if score is None or score >= self.threshold:
            return
        message = f"the answer's hallucination score {score:g} is below {self.threshold:g}"
        if self.action == "raise":
            raise GuardrailError(message, self.name, span)
        add_note(span, "guardrail_warnings", f"{self.name}: {message}")

    def _score(self, span: Span) -> Optional[float]:
        """The score, asked for if need be; None if there is none."""
        key, evaluator = self._evaluator()
        scores = span.attributes.get("eval_scores")
        scores = scores if isinstance(scores, dict) else {}
        if key not in scores:
            try:
                score = float(evaluator.evaluate(span))
                if score != score:
                    raise ValueError("the judge's score is not a number")
            except Exception as error:
                note_error(span, key, f"{type(error).__name__}: {error}")
                return None
            scores = {**scores, key: round(min(max(score, 0.0), 1.0), 4)}
            span.attributes["eval_scores"] = scores
        return scores[key] if isinstance(scores[key], (int, float)) else None

    def _evaluator(self) -> Any:
        """The evaluator in force with the key of its score, or this guardrail's own."""
        from peekr.judging import name_evaluators
        from peekr.process import current_config

        config = current_config()
        for key, evaluator in name_evaluators(config.evaluators) if config is not None else ():
            if isinstance(evaluator, self._kind):
                return key, evaluator
        return str(self._own.name), self._own
