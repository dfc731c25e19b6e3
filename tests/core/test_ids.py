"""Ids: W3C-sized, never zero, near each other when made together."""

from __future__ import annotations

from peekr import Span
from peekr.ids import format_span_id, format_trace_id, new_span_id, new_trace_id

SECOND = 1 << 30


def test_ids_made_together_begin_with_the_same_byte_and_differ_behind_it() -> None:
    """Issue 2, S5: an index takes neighbours at a lower price. MODEL-5: a prefix still tells them apart."""
    spans = [format_span_id(new_span_id(7 * SECOND)) for _ in range(1000)]
    traces = [format_trace_id(new_trace_id(7 * SECOND)) for _ in range(1000)]
    for ids in (spans, traces):
        assert {each[:2] for each in ids} == {"07"}
        assert len({each[:16] for each in ids}) == 1000
        assert len({each[-10:] for each in ids}) == 1000


def test_the_first_byte_goes_up_with_time_and_begins_anew() -> None:
    firsts = [new_trace_id(second * SECOND) >> 120 for second in (0, 1, 255, 256)]
    assert firsts == [0, 1, 255, 0]


def test_ids_have_the_sizes_of_w3c() -> None:
    """SPAN-5: 32 and 16 lower-case hex digits."""
    for span in (Span("a") for _ in range(100)):
        assert len(span.trace_id) == 32 and len(span.span_id) == 16
        assert int(span.trace_id, 16) and int(span.span_id, 16)
        assert (span.trace_id + span.span_id).islower() or (span.trace_id + span.span_id).isdigit()
