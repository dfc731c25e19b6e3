"""How the Hallucination score moved over the calls that have one."""

from __future__ import annotations

from array import array
from itertools import islice
from operator import le
from typing import Any, Dict, List, Optional, Sequence


class History:
    """Start, score and trace of each scored call, as rows of numbers: of a million calls, objects would take much.

    :ivar starts: Unix seconds.
    :ivar traces: trace ids; the same object for all calls of a trace.
    """

    __slots__ = ("scores", "starts", "traces")

    def __init__(self) -> None:
        self.starts, self.scores = array("d"), array("d")
        self.traces: List[str] = []

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: float, score: float, trace: str) -> None:
        """Note a call."""
        self.starts.append(start)
        self.scores.append(score)
        self.traces.append(trace)

    def absorb(self, other: History) -> None:
        """Add the calls of another, as later ones."""
        self.starts.extend(other.starts)
        self.scores.extend(other.scores)
        self.traces.extend(other.traces)

    def sort(self) -> None:
        """Put the calls in the order in which they started; those of one moment stay as they are."""
        starts = self.starts
        if all(map(le, starts, islice(starts, 1, None))):
            return
        order = sorted(range(len(starts)), key=starts.__getitem__)
        self.starts = array("d", [starts[at] for at in order])
        self.scores = array("d", [self.scores[at] for at in order])
        self.traces = [self.traces[at] for at in order]


def drift_of(scores: Sequence[float]) -> Dict[str, Any]:
    """Return how the Hallucination score moved: oldest third against newest third (contract DASH-7, DIAG-5).

    :param scores: of the scored calls, by start.
    """
    count = len(scores)
    third = max(count // 3, 1)
    current = _mean(scores[-third:])
    baseline = _mean(scores[:third]) if count >= 6 else None
    return {
        "scored": count,
        "mean": _mean(scores),
        "current": current,
        "baseline": baseline,
        # scores have four digits: what lies behind is noise of adding, and -0.1 must not be less than -0.1
        "change": None if baseline is None or current is None else _six_digits(current - baseline),
        "health": None if current is None else 100 * current,
    }


def _mean(values: Sequence[float]) -> Optional[float]:
    total = 0.0
    for value in values:  # sum() of newer Pythons compensates; JavaScript does not
        total += value
    return total / len(values) if values else None


def _six_digits(value: float) -> float:
    rounded = int(abs(value) * 1e6 + 0.5) / 1e6
    return -rounded if value < 0 else rounded
