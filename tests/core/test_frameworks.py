"""A framework's span around a provider's call: which of the two is billed, and what is current when."""

from __future__ import annotations

from typing import Any

import pytest

import peekr
from peekr.context import current
from peekr.frameworks import FrameworkCall, Place
from peekr.testing import record
from peekr.tracer import Tracer, close_span, open_span


@pytest.fixture
def call() -> Any:
    """The place of a framework's call, current for the test."""
    with record():
        span = open_span("framework.call", current.get(), "llm")
        call = FrameworkCall(span, current.get())
        token = current.set(call)
        yield call
        current.reset(token)
        close_span(span)


def test_a_providers_call_is_recorded_on_the_frameworks(call: Any) -> None:
    """LC-6: at any depth below it."""
    assert not call.recorded
    with peekr.span("between"):
        span = Tracer().start("sdk.chat", kind="llm")
    assert call.recorded
    assert span.scope.framework is call


@pytest.mark.parametrize("kind", ["embedding", None, "retrieval"])
def test_other_spans_of_a_provider_are_no_record_of_it(call: Any, kind: Any) -> None:
    """LC-6: an embedding inside a call is billed by itself."""
    Tracer().start("sdk.other", kind=kind)
    assert not call.recorded


def test_a_call_within_a_call_is_the_one_that_is_billed(call: Any) -> None:
    """LC-6: framework in framework."""
    inner = FrameworkCall(open_span("inner", current.get(), "llm"), current.get())
    assert call.recorded
    assert inner.span is not None
    assert inner.scope.framework is inner


def test_spans_inside_are_children(call: Any) -> None:
    """MODEL-8, SESS-5."""
    with peekr.span("inside") as inside:
        assert inside.parent_id == call.span.span_id
    assert peekr.get_current_span() is call.span


def test_a_closed_place_stands_for_what_was_current_before() -> None:
    """CTX-1: left behind in a task, it changes nothing."""
    with record(), peekr.span("outer") as outer:
        place = Place(open_span("framework.step", current.get()), current.get())
        token = current.set(place)
        for _ in range(2):  # closing again does nothing
            place.close()
            assert peekr.get_current_span() is outer
            with peekr.span("later") as later:
                assert (later.trace_id, later.parent_id) == (outer.trace_id, outer.span_id)
        current.reset(token)


def test_a_closed_place_outside_of_all_begins_new_traces() -> None:
    """CTX-2: with the tenant of the process."""
    with record(tenant_id="acme"):
        place = FrameworkCall(open_span("framework.call", None), None)
        token = current.set(place)
        place.close()
        with peekr.span("later") as later:
            assert (later.parent_id, later.tenant_id, later.scope.framework) == (None, "acme", None)
        assert peekr.get_current_span() is None
        current.reset(token)


def test_a_run_may_be_opened_without_being_current() -> None:
    """LC-3: for adapters that are told of begin and end in callbacks."""
    with record() as recording:
        run = peekr.trace.run("agent", agent_type="custom")
        context, span = run.begin()
        assert peekr.get_current_span() is None
        assert peekr.trace.get_active_context() is None
        context.tool(tool_name="t")
        run.finish(context, span, ValueError("boom"))
        assert [one.name for one in recording.spans] == ["tool.t", "error.ValueError", "agent"]
        assert recording.spans[-1].status == "error"
