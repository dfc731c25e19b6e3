"""A parent put around a span afterwards, for calls that turn out to be several."""

from __future__ import annotations

import peekr
from peekr.enclosing import enclose, hold, release
from peekr.testing import record
from peekr.tracer import Tracer


def test_a_held_span_is_not_handed_over_before_it_is_released() -> None:
    with record() as recording:
        span = Tracer().start("one", kind="llm")
        hold(span)
        assert span.ended and recording.spans == []
        release(span)
        assert recording.only is span


def test_a_root_gets_a_parent_in_its_own_trace() -> None:
    """CTX-2, MODEL-4: the trace id stays, the run is the new root's, and the parent began with the child."""
    with record() as recording:
        span = Tracer().start("one", kind="llm")
        trace_id = span.trace_id
        hold(span)
        parent = enclose(span, "both", "chain")
        release(span)
        Tracer().end(parent)
        assert recording.spans == [span, parent]
    assert (parent.parent_id, span.parent_id) == (None, parent.span_id)
    assert parent.trace_id == span.trace_id == trace_id
    assert parent.run_id == span.run_id == parent.span_id
    assert parent.start_time == span.start_time
    assert (parent.kind, parent.end_time >= span.end_time) == ("chain", True)


def test_a_child_gets_a_parent_between() -> None:
    """CTX-1: the place in the tree, the session and the run are those of the span that was there."""
    with record() as recording, peekr.session(session_id="s"), peekr.span("outer") as outer:
        span = Tracer().start("one", kind="llm")
        parent = enclose(span, "both", "chain")
        Tracer().end(span)
        Tracer().end(parent)
        assert len(recording.spans) == 2
    assert (span.parent_id, parent.parent_id) == (parent.span_id, outer.span_id)
    assert {span.trace_id, parent.trace_id} == {outer.trace_id}
    assert {span.run_id, parent.run_id} == {outer.run_id}
    assert (parent.session_id, span.session_id) == ("s", "s")
