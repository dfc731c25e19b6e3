"""Alerts on the tokens that traces take."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from peekr.runs import number_of, tokens_of
from peekr.spans import Span
from peekr_alert.base import Alert, number, remember, whole
from peekr_alert.state import Memory


class CostSpike(Alert):
    """Fires when a trace takes many times the tokens of those before it. Traces without tokens do not count.

    :param multiplier: how many times their mean is too much.
    :param window: how many earlier traces the mean is of; the first trace never fires.
    """

    def __init__(self, multiplier: float = 2.0, window: int = 50, **options: Any) -> None:
        self.multiplier = number("multiplier", multiplier, 0, strict=True)
        self.window = whole("window", window, 1)
        super().__init__(**options)

    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Compare the trace with the mean of those before it."""
        tokens = trace_tokens(trace)
        if tokens is None:
            return None
        earlier = list(memory.get("window", ()))[-self.window :]
        remember(memory, [tokens], self.window)
        mean = sum(earlier) / len(earlier) if earlier else 0.0
        if mean <= 0 or tokens <= self.multiplier * mean:
            return None
        return (
            f"{self.name}: a trace took {tokens:,} tokens, {tokens / mean:.1f} times the mean of {mean:,.0f} "
            f"of the {len(earlier)} before it"
        )


class TokenGrowth(Alert):
    """Fires when each of the last traces took more tokens than the one before. Traces without tokens do not count.

    :param runs: how many totals have to grow strictly, at least 2.
    """

    def __init__(self, runs: int = 5, **options: Any) -> None:
        self.runs = whole("runs", runs, 2)
        super().__init__(**options)

    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Compare each of the last totals with its successor."""
        tokens = trace_tokens(trace)
        if tokens is None:
            return None
        window = remember(memory, [tokens], self.runs)
        if len(window) < self.runs or any(after <= before for before, after in zip(window, window[1:])):
            return None
        return f"{self.name}: tokens grew over the last {self.runs} traces, from {window[0]:,} to {window[-1]:,}"


def trace_tokens(trace: Sequence[Span]) -> Optional[int]:
    """Return the tokens of a trace: of its model calls, each counted once; None if nothing in it counts tokens.

    Of a trace without model calls, the ``tokens_total`` that other spans were given by hand.
    """
    calls = [span for span in trace if tokens_of(span)]
    if calls:
        return sum(tokens_of(span) for span in calls)
    given = [number_of(span.attributes.get("tokens_total")) for span in trace]
    counts = [int(value) for value in given if value is not None and 0 <= value < float("inf")]
    return sum(counts) if counts else None
