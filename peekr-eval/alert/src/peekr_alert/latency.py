"""Alerts on how long things take."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from peekr.spans import Span
from peekr_alert.base import Alert, number
from peekr_alert.state import Memory


class LatencyP95(Alert):
    """Fires when the 95th percentile of the durations of a trace's spans is too high.

    :param ms: milliseconds that will do.
    """

    def __init__(self, ms: float = 5000.0, **options: Any) -> None:
        self.ms = number("ms", ms, 0)
        super().__init__(**options)

    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Compare the percentile with the limit."""
        durations = [span.duration_ms for span in trace if span.duration_ms is not None]
        if not durations:
            return None
        p95 = percentile(durations, 95)
        if p95 <= self.ms:
            return None
        return (
            f"{self.name}: the p95 of {len(durations)} spans of a trace is {p95:,.0f} ms, more than {self.ms:,.0f} ms"
        )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the percentile of at least one value, in any order.

    Nearest rank, no interpolation: Hyndman and Fan (1996), definition 1.
    """
    ranked = sorted(values)
    return ranked[max(-(-len(ranked) * percent // 100), 1) - 1]
