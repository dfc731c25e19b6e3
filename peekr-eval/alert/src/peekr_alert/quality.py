"""Alerts on how well traces went: failures, and what evaluators say."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from peekr.errors import ConfigurationError
from peekr.runs import scores_of
from peekr.spans import Span
from peekr_alert.base import Alert, number, remember, whole
from peekr_alert.state import Memory


class ErrorRate(Alert):
    """Fires when more than a share of the last traces failed. A trace failed if one of its spans did.

    :param threshold: share of traces, 0 to 1, that may fail.
    :param window: how many traces count; fewer at the beginning.
    """

    def __init__(self, threshold: float = 0.05, window: int = 100, **options: Any) -> None:
        self.threshold = number("threshold", threshold, 0, 1)
        self.window = whole("window", window, 1)
        super().__init__(**options)

    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Compare errored traces / traces with the threshold."""
        failed = any(span.status == "error" for span in trace)
        window = remember(memory, [int(failed)], self.window)
        rate = sum(window) / len(window)
        if rate <= self.threshold:
            return None
        return f"{self.name}: {rate:.1%} of the last {len(window)} traces failed, more than {self.threshold:.1%}"


class ScoreFloor(Alert):
    """Fires when the mean of an evaluator's last scores falls below a floor. Asked after a trace that has scores.

    :param threshold: the mean score, 0 to 1, that will do.
    :param evaluator: name of the evaluator, as in ``attributes.eval_scores``.
    :param window: how many scored spans count.
    :param min_samples: scored spans before it says anything.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        evaluator: str = "Hallucination",
        window: int = 20,
        min_samples: int = 5,
        **options: Any,
    ) -> None:
        self.threshold = number("threshold", threshold, 0, 1)
        if not isinstance(evaluator, str) or not evaluator:
            raise ConfigurationError(f"evaluator must be the name of an evaluator, got {evaluator!r}.")
        self.evaluator = evaluator
        self.window = whole("window", window, 1)
        self.min_samples = whole("min_samples", min_samples, 1)
        if self.min_samples > self.window:
            raise ConfigurationError(
                f"min_samples={min_samples} is more than window={window}, so ScoreFloor could never fire."
            )
        super().__init__(**options)

    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Compare the mean of the window with the floor."""
        scores = [scores_of(span).get(self.evaluator) for span in trace]
        found = [score for score in scores if score is not None]
        if not found:
            return None
        window = remember(memory, found, self.window)
        mean = sum(window) / len(window)
        if len(window) < self.min_samples or mean >= self.threshold:
            return None
        return (
            f"{self.name}: mean {self.evaluator} of the last {len(window)} scored calls is {mean:.2f}, "
            f"below {self.threshold:.2f}"
        )
