"""Which traces are stored: one decision per trace, the same in every process that continues it."""

from __future__ import annotations

from typing import List

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
    except ValueError:  # an id of other origin
        low = hash(trace_id) & (_SPAN - 1)
    return low < rate * _SPAN


class Sampling:
    """Head sampling by trace id.

    :param rate: share of traces to keep, 0 to 1.
    :param keep_errors: keep failed spans of traces that are not sampled.
    """

    def __init__(self, rate: float = 1.0, keep_errors: bool = False) -> None:
        self.rate = rate
        self.keep_errors = keep_errors

    def is_sampled(self, place: Parent) -> bool:
        """Return the decision for the trace of a span; one that came with a ``traceparent`` holds."""
        if place is None:
            return True
        if place.scope.sampled is not None:
            return place.scope.sampled
        trace_id = place.trace_id if isinstance(place, Span) else str(place._trace)
        return trace_is_sampled(trace_id, self.rate)

    def keeps(self, span: Span) -> bool:
        """Return whether the span goes to the exporters."""
        return self.is_sampled(span) or (self.keep_errors and span.status == "error")

    def kept(self, batch: List[Span]) -> List[Span]:
        """Return those of a batch that go to the exporters."""
        if self.rate >= 1 and not [True for span in batch if span.scope.sampled is False]:
            return batch
        return [span for span in batch if self.keeps(span)]

    def early(self, batch: List[Span]) -> List[Span]:
        """Return those of a batch that may be stored before they are complete."""
        return self.kept(batch)
