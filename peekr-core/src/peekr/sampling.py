"""Which traces are recorded: one decision per trace, made at its root, the same in every process that continues it."""

from __future__ import annotations

from typing import Any

from peekr.ids import format_trace_id
from peekr.spans import Parent, Span

_SPAN = 1 << 64


def trace_is_sampled(trace_id: str, rate: float) -> bool:
    """Decide by the trace id alone, so that every process with the same rate decides alike.

    Compares the id's low 64 bits, random by the W3C recommendation, with ``rate`` of their range.
    """
    if rate >= 1:
        return True
    try:
        low = int(trace_id[-16:], 16)
    except ValueError:  # an id of other origin; hash() differs from process to process
        from hashlib import sha256

        low = int.from_bytes(sha256(trace_id.encode("utf-8", "replace")).digest()[:8], "big")
    return low < rate * _SPAN


class Sampling:
    """What is decided when a trace begins. What can only be decided later is the business of :mod:`peekr.tail`.

    :param rate: share of traces to keep, 0 to 1.
    :param keep_errors: keep a trace that is not sampled if something in it fails.
    :param only_on_error: keep a trace only if something in it fails; then the rate leaves none out.
    """

    __slots__ = ("keep_errors", "only_on_error", "rate")

    def __init__(self, rate: float = 1.0, keep_errors: bool = False, only_on_error: bool = False) -> None:
        self.rate = rate
        self.keep_errors = keep_errors
        self.only_on_error = only_on_error

    def is_sampled(self, place: Parent) -> bool:
        """Return the decision for the trace of a span; one that came with a ``traceparent`` or a sampler holds."""
        if place is None:
            return True
        if place.scope.sampled is not None:
            return place.scope.sampled
        return self.only_on_error or self.rate >= 1 or trace_is_sampled(_trace_id(place), self.rate)

    def is_recorded(self, place: Parent) -> bool:
        """Return whether anything of the trace of a span may be stored in the end."""
        return self.keep_errors or self.is_sampled(place)


def _trace_id(place: Any) -> str:
    if isinstance(place, Span):
        return place.trace_id
    return place._trace if isinstance(place._trace, str) else format_trace_id(place._trace)


class _InForce:
    """:ivar head: how traces are decided that no :class:`peekr.Trace` with rules of its own has begun."""

    __slots__ = ("head",)

    def __init__(self) -> None:
        self.head = Sampling()


#: Of this process; :func:`peekr.instrument` replaces the value.
in_force = _InForce()


def sampling_of(place: Parent) -> Sampling:
    """Return the rules for a span: those of the :class:`Trace` that it belongs to, else those in force."""
    route = place.scope.route if place is not None else None
    return in_force.head if route is None or route.head is None else route.head
