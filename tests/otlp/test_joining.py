"""Peekr's spans inside a trace of the program's own OpenTelemetry (issue 4; CTX-2, CTX-3)."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

import peekr

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry is not installed")


@pytest.fixture
def tracer() -> Iterator[Any]:
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    yield provider.get_tracer("app")
    provider.shutdown()


def test_a_root_inside_an_active_span_becomes_its_child(receiver: Any, traced: Any, tracer: Any) -> None:
    """Same trace id, and the OpenTelemetry span as parent; what is below follows."""
    traced(join_active_trace=True)
    with tracer.start_as_current_span("GET /chat") as outer:
        with peekr.session(session_id="s"), peekr.trace.run("agent"), peekr.span("inner"):
            pass

        @peekr.trace
        def answer() -> None:
            pass

        answer()
    context = outer.get_span_context()
    assert peekr.flush(10)
    assert {span.trace_id for span in receiver.spans} == {f"{context.trace_id:032x}"}
    run, inner = receiver.named("agent"), receiver.named("inner")
    assert run.parent_id == f"{context.span_id:016x}" and inner.parent_id == run.span_id
    (function,) = [span for span in receiver.spans if span.name.endswith("answer")]
    assert function.parent_id == f"{context.span_id:016x}"


def test_outside_of_any_active_span_roots_are_roots(receiver: Any, traced: Any, tracer: Any) -> None:
    """CTX-2: every root is a trace of its own."""
    traced(join_active_trace=True)
    for name in ("a", "b"):
        with peekr.span(name):
            pass
    assert peekr.flush(10)
    a, b = receiver.named("a"), receiver.named("b")
    assert a.parent_id is None and b.parent_id is None and a.trace_id != b.trace_id


def test_it_is_off_unless_asked_for(receiver: Any, traced: Any, tracer: Any) -> None:
    """Issue 4: the program's OpenTelemetry is not looked at either."""
    traced()
    with tracer.start_as_current_span("GET /chat"), peekr.span("x"):
        pass
    assert peekr.flush(10)
    assert receiver.only.parent_id is None


def test_it_ends_with_the_exporter(receiver: Any, traced: Any, tracer: Any) -> None:
    """A later instrument() without it means without it; one with it joins again, once."""
    traced(join_active_trace=True)
    traced(join_active_trace=True)
    traced()
    with tracer.start_as_current_span("GET /chat"), peekr.span("x"):
        pass
    assert peekr.flush(10)
    assert receiver.only.parent_id is None


def test_an_unsampled_trace_stays_unsampled(receiver: Any, traced: Any) -> None:
    """SAMP: one decision per trace, made where it began."""
    provider = sdk.TracerProvider(sampler=sdk.sampling.ALWAYS_OFF, shutdown_on_exit=False)
    traced(join_active_trace=True)
    with provider.get_tracer("app").start_as_current_span("GET /chat"), peekr.span("x"):
        assert peekr.inject()["traceparent"].endswith("-00")
    with peekr.span("y"):
        pass
    assert peekr.flush(10)
    assert [span.name for span in receiver.spans] == ["y"]
    provider.shutdown()


def test_a_trace_that_came_with_a_request_is_not_left(receiver: Any, traced: Any, tracer: Any) -> None:
    """CTX-3: what peekr.extract() names goes first."""
    traced(join_active_trace=True)
    header = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with tracer.start_as_current_span("GET /chat"), peekr.extract(header), peekr.span("x"):
        pass
    assert peekr.flush(10)
    assert (receiver.only.trace_id, receiver.only.parent_id) == ("a" * 32, "b" * 16)


def test_it_works_with_an_exporter_added_by_hand(receiver: Any, tracer: Any) -> None:
    """OTLP-4: without instrument(), and after it."""
    peekr.add_exporter(peekr.OTLPExporter(receiver.url, join_active_trace=True))
    with tracer.start_as_current_span("GET /chat") as outer, peekr.span("x"):
        pass
    assert peekr.flush(10)
    assert receiver.only.parent_id == f"{outer.get_span_context().span_id:016x}"


def test_a_tail_decision_is_made_when_the_joined_root_ends(receiver: Any, tracer: Any) -> None:
    """SAMP: only_on_error keeps a joined trace with an error, whole, and none without."""
    peekr.instrument(
        console=False,
        storage="otlp",
        plugins=[],
        only_on_error=True,
        storage_options={"otlp": {"endpoint": receiver.url, "join_active_trace": True}},
    )
    with tracer.start_as_current_span("GET /good"), peekr.span("good"), peekr.span("inner"):
        pass
    with tracer.start_as_current_span("GET /bad"), peekr.span("bad") as bad:
        with peekr.span("inner"):
            pass
        bad.record_error(ValueError("x"))
    assert peekr.flush(10)
    assert sorted(span.name for span in receiver.spans) == ["bad", "inner"]
