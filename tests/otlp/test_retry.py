"""What happens when the receiver does not take spans: tried again within bounds, counted, logged (EXP-6, issue 4)."""

from __future__ import annotations

import logging
import socket
import threading
from time import monotonic
from typing import Any, List

import pytest

import peekr
from peekr.spans import Span
from peekr.testing.conformance import sample_span
from peekr_otlp import OTLPExporter
from peekr_otlp import retrying as retrying_module
from peekr_otlp.exporter import ExportError
from peekr_otlp.transport import retry_after

NOW = {"Retry-After": "0"}


def spans(count: int) -> List[Span]:
    return [sample_span(number, tenant_id=None) for number in range(1, count + 1)]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(receiver: Any, status: int) -> None:
    """The protocol's retryable answers, with Retry-After."""
    receiver.script = [(status, NOW, b""), (status, NOW, b"")]
    OTLPExporter(receiver.url).export_batch(spans(3))
    assert len(receiver.requests) == 3 and len(receiver.spans) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 500, 301])
def test_what_will_not_pass_is_not_tried_again(receiver: Any, status: int) -> None:
    """The protocol names no other answer as retryable."""
    receiver.script = [(status, {"Location": "/elsewhere"}, b"no <b>such</b> project")]
    with pytest.raises(ExportError, match=f"answered {status}: no <b>such</b> project") as caught:
        OTLPExporter(receiver.url).export_batch(spans(3))
    assert caught.value.lost == 3 and len(receiver.requests) == 1


def test_what_a_receiver_says_cannot_steer_a_terminal(receiver: Any) -> None:
    """Answers of strangers stand in logs: control characters are neutralised, long ones cut."""
    receiver.script = [(400, {}, b"\x1b[2Jgone " + b"x" * 5000)]
    with pytest.raises(ExportError) as caught:
        OTLPExporter(receiver.url).export_batch(spans(1))
    assert "\x1b" not in str(caught.value) and "gone" in str(caught.value) and len(str(caught.value)) < 400


def test_attempts_are_bounded(receiver: Any) -> None:
    """Issue 4: bounded, never for ever."""
    receiver.script = [(503, NOW, b"")] * 50
    with pytest.raises(ExportError):
        OTLPExporter(receiver.url, max_attempts=4).export_batch(spans(1))
    assert len(receiver.requests) == 4


def test_a_receiver_that_asks_for_too_much_patience_is_given_up(receiver: Any) -> None:
    """Retry-After beyond retry_timeout is not waited for."""
    receiver.script = [(429, {"Retry-After": "3600"}, b"")]
    start = monotonic()
    with pytest.raises(ExportError, match="429"):
        OTLPExporter(receiver.url, retry_timeout=30).export_batch(spans(1))
    assert monotonic() - start < 20 and len(receiver.requests) == 1


def test_a_network_that_is_down_is_tried_again() -> None:
    """Issue 4: network errors."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ExportError, match="cannot be reached"):
        OTLPExporter(f"http://127.0.0.1:{port}", max_attempts=2).export_batch(spans(1))


def test_a_request_that_is_too_large_is_sent_in_parts(receiver: Any) -> None:
    """Nothing is lost because a receiver has a small limit."""

    def limited(request: Any) -> Any:
        return (413, {}, b"") if request.ByteSize() > 3000 else (200, {}, b"")

    receiver.script = [limited] * 100
    OTLPExporter(receiver.url).export_batch(spans(20))
    assert sorted(span.span_id for span in receiver.spans) == [f"{number:016x}" for number in range(1, 21)]


def test_requests_have_a_bounded_size(receiver: Any) -> None:
    """Issue 4: memory and request size do not grow with the batch."""
    big = [sample_span(number, attributes={"input": "x" * 1_000_000}) for number in range(1, 11)]
    OTLPExporter(receiver.url).export_batch(big)
    assert len(receiver.spans) == 10
    assert max(request.ByteSize() for _, _, request in receiver.requests) <= retrying_module.MAX_BYTES


def test_spans_that_the_receiver_rejects_are_counted_and_logged_once(
    receiver: Any, traced: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """EXP-6: a partial success is a partial loss."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    answer.partial_success.error_message = "too old"
    receiver.script = [(200, {}, answer.SerializeToString())] * 2
    traced()
    with caplog.at_level(logging.WARNING, "peekr"):
        for _ in range(2):
            for number in range(5):
                with peekr.span(f"s{number}"):
                    pass
            assert peekr.flush(10)
    counts = peekr.stats()["exporters"]["otlp"]
    assert counts["exported"] + counts["failed"] == 10 and counts["failed"] == 2 * len(receiver.requests)
    assert "too old" in counts["last_error"]
    assert len([record for record in caplog.records if "too old" in record.getMessage()]) == 1


def test_losses_are_counted_exactly_and_later_spans_arrive(receiver: Any, traced: Any) -> None:
    """EXP-6: a failure is no end."""
    receiver.script = [(400, {}, b"")]
    traced()
    with peekr.span("lost"):
        pass
    assert peekr.flush(10)
    with peekr.span("kept"):
        pass
    assert peekr.flush(10)
    counts = peekr.stats()["exporters"]["otlp"]
    assert (counts["exported"], counts["failed"], counts["dropped"]) == (1, 1, 0)
    assert [span.name for span in receiver.spans] == ["kept"]


def test_shutdown_does_not_wait_for_another_attempt(receiver: Any, traced: Any) -> None:
    """Issue 4: within the deadline that all exporters share, and every span accounted for."""
    receiver.script = [(503, {"Retry-After": "50"}, b"")] * 100
    traced()
    for number in range(10):
        with peekr.span(f"s{number}"):
            pass
    assert receiver.asked.wait(10)
    start = monotonic()
    peekr.shutdown(1.0)
    assert monotonic() - start < 10  # not 50
    counts = peekr.stats()["exporters"]["otlp"]
    assert counts["failed"] + counts["dropped"] == 10 and counts["exported"] == 0 and counts["waiting"] == 0


def test_a_receiver_that_never_answers_does_not_hold_up_the_end(traced: Any) -> None:
    """Issue 4: accepts and never answers; exit within the deadline, all counted."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        accepted = threading.Event()
        held: List[Any] = []

        def accept() -> None:
            held.append(silent.accept()[0])
            accepted.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        traced(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with peekr.span("x"):
            pass
        assert accepted.wait(10)
        start = monotonic()
        assert not peekr.shutdown(0.5)
        assert monotonic() - start < 8  # not the 10 s of a request
        counts = peekr.stats()["exporters"]["otlp"]
        assert counts["failed"] + counts["dropped"] == 1
        for connection in held:
            connection.close()
        thread.join(10)


def test_a_password_in_the_endpoint_is_never_shown(receiver: Any) -> None:
    """Keys are never logged: neither in errors nor in the exporter's address."""
    receiver.script = [(400, {}, b"")]
    exporter = OTLPExporter(receiver.url.replace("//", "//user:hunter2@") + "?token=hunter2")
    with pytest.raises(ExportError) as caught:
        exporter.export_batch(spans(1))
    assert "hunter2" not in str(caught.value) + exporter.endpoint
    assert receiver.requests[0][0] == "/v1/traces?token=hunter2"
    receiver.close()
    gone = OTLPExporter(receiver.url.replace("//", "//user:hunter2@") + "?token=hunter2", max_attempts=1)
    with pytest.raises(ExportError, match="cannot be reached") as caught:
        gone.export_batch(spans(1))
    assert "hunter2" not in str(caught.value)


def test_retry_after_may_be_a_date() -> None:
    """RFC 9110: seconds, or a date."""
    assert retry_after({"Retry-After": "7"}) == 7.0
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    far = retry_after({"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})
    assert far is not None and far > 1e6
    assert retry_after({"Retry-After": "soon"}) is None and retry_after({}) is None


def test_delays_grow_and_are_never_alike() -> None:
    """Backoff with jitter, bounded."""
    first = {retrying_module.backoff(1) for _ in range(20)}
    assert len(first) > 1 and all(0.25 <= delay <= 0.5 for delay in first)
    assert all(15 <= retrying_module.backoff(30) <= 30 for _ in range(20))
