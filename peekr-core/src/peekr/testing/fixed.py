"""Ids that count from one and a clock that only moves when it is told to."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import Any, Iterator, List, Tuple

from peekr import agent_steps, decorator, spans, tracer

_START_NS = 1_700_000_000 * 10**9


class FixedClock:
    """Wall and monotonic time of every span made in :func:`fixed`.

    :ivar now_ns: Unix nanoseconds; starts at 1,700,000,000 seconds.
    """

    def __init__(self, now_ns: int = _START_NS) -> None:
        self.now_ns = now_ns

    def advance(self, ms: float) -> None:
        """Let this many milliseconds pass."""
        self.now_ns += round(ms * 1e6)

    def _read(self) -> int:
        return self.now_ns


@contextmanager
def fixed() -> Iterator[FixedClock]:
    """Make spans with ids 1, 2, 3, … and a clock that stands still until it is advanced.

    Spans and traces count apart. For one thread at a time: the seams are module attributes.
    """
    clock = FixedClock()
    span_ids, trace_ids = count(1), count(1)
    seams: List[Tuple[Any, str, Any]] = [
        (spans, "new_span_id", lambda now_ns: next(span_ids)),
        (spans, "new_trace_id", lambda now_ns: next(trace_ids)),
    ]
    for module in (spans, tracer, decorator, agent_steps):
        for name in ("time_ns", "perf_counter_ns"):
            if hasattr(module, name):
                seams.append((module, name, clock._read))
    before = [(module, name, getattr(module, name)) for module, name, _ in seams]
    for module, name, replacement in seams:
        setattr(module, name, replacement)
    try:
        yield clock
    finally:
        for module, name, original in before:
            setattr(module, name, original)
