"""peekr.HTTPExporter: what it sends, what it makes of the answers, and what becomes of the spans."""

from __future__ import annotations

import json
import threading
from email.utils import formatdate
from time import monotonic, time
from typing import Any, Callable, List

import pytest

import peekr
from peekr.errors import PeekrError
from peekr.testing.conformance import ExporterConformance

from .conftest import RESET, SILENT, Reply, Server

KEY = "pk_live_x"


class TestConformance(ExporterConformance):
    entry_point = "http"

    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> None:
        self.server = server

    def make_exporter(self) -> Any:
        return peekr.HTTPExporter(self.server.url, KEY)

    def read_back(self, exporter: Any) -> List[peekr.Span]:
        exporter.flush()
        return [peekr.Span.from_dict(record) for record in self.server.spans]


# -- what is sent -----------------------------------------------------------------------------------------------------


def test_spans_are_posted_as_json_with_the_key(server: Server, make: Callable[..., Any], spans: Any) -> None:
    """HTTPX-2, HTTPX-5"""
    exporter = make(server.url + "/")
    given = spans(3)
    exporter.export_batch(given)
    exporter.flush()
    path, headers, body = server.requests[0]
    assert path == "/v1/spans"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"spans": [span.to_dict() for span in given]}
    assert {span["tenant_id"] for span in server.spans} == {"acme"}
    assert {span["retention_class"] for span in server.spans} == {"short"}


def test_a_path_in_the_endpoint_is_kept(server: Server, make: Callable[..., Any], span: Any) -> None:
    exporter = make(server.url + "/ingest/")
    exporter.export(span(1))
    exporter.flush()
    assert server.requests[0][0] == "/ingest/v1/spans"


def test_a_full_batch_is_sent_at_once_and_a_batch_is_never_larger(
    server: Server, make: Callable[..., Any], spans: Any
) -> None:
    """HTTPX-2: batch_size"""
    exporter = make(batch_size=4, flush_interval_seconds=3600)
    exporter.export_batch(spans(10))
    server.wait(lambda: len(server.accepted) == 2)
    assert [len(batch) for batch in server.accepted] == [4, 4]
    exporter.flush()
    assert [len(batch) for batch in server.accepted] == [4, 4, 2]
    assert server.connections == 1


def test_a_partial_batch_is_sent_when_it_is_old_enough(server: Server, make: Callable[..., Any], span: Any) -> None:
    """HTTPX-2: flush_interval_seconds"""
    exporter = make(flush_interval_seconds=0.05)
    exporter.export(span(1))
    server.wait(lambda: len(server.accepted) == 1)


def test_large_batches_are_split_by_bytes(server: Server, make: Callable[..., Any], spans: Any) -> None:
    exporter = make(max_batch_bytes=2000)
    exporter.export_batch(spans(10))
    exporter.flush()
    assert len(server.ids) == 10
    assert len(server.requests) > 2
    assert max(len(body) for _, _, body in server.requests) < 2100


def test_a_span_that_comes_again_before_it_is_sent_is_sent_once_in_its_last_version(
    server: Server, make: Callable[..., Any], span: Any
) -> None:
    exporter = make()
    exporter.export_batch([span(1, end_time=None, duration_ms=None), span(2)])
    exporter.export_batch([span(1, name="ended")])
    exporter.flush()
    assert [(each["span_id"], each["name"]) for each in server.spans] == [
        (span(1).span_id, "ended"),
        (span(2).span_id, span(2).name),
    ]


def test_an_open_run_is_sent_when_it_begins_and_again_when_it_ends(server: Server, counted: Any) -> None:
    """IFACE-1: supports_update"""
    peekr.instrument(console=False, exporter=peekr.HTTPExporter(server.url, KEY, flush_interval_seconds=0.01))
    with peekr.trace.run("agent"):
        peekr.flush()
        assert [each["end_time"] for each in server.spans] == [None]
    assert peekr.flush()
    runs = [each for each in server.spans if each["attributes"]["kind"] == "run"]
    assert len({each["span_id"] for each in runs}) == 1
    assert runs[-1]["end_time"]
    assert peekr.stats()["exporters"]["HTTPExporter"]["exported"] == counted()["ended"] == counted()["exported"] == 1


def test_a_server_that_says_so_gets_compressed_requests(server: Server, make: Callable[..., Any], spans: Any) -> None:
    """RFC 7694"""
    exporter = make()
    server.script = [Reply(200, {"Accept-Encoding": "gzip"})]
    for _ in range(2):
        exporter.export_batch(spans(20))
        exporter.flush()
    assert [headers.get("Content-Encoding") for _, headers, _ in server.requests] == [None, "gzip"]
    assert int(server.requests[1][1]["Content-Length"]) * 3 < int(server.requests[0][1]["Content-Length"])
    assert server.accepted[0] == server.accepted[1]


def test_a_server_that_cannot_decompress_gets_the_batch_again_as_it_is(
    server: Server, make: Callable[..., Any], spans: Any
) -> None:
    server.script = [415]
    exporter = make(gzip=True)
    exporter.export_batch(spans(20))
    exporter.flush()
    assert [headers.get("Content-Encoding") for _, headers, _ in server.requests] == ["gzip", None]
    assert len(server.ids) == 20


def test_small_requests_are_not_compressed(server: Server, make: Callable[..., Any], span: Any) -> None:
    exporter = make(gzip=True, gzip_min_bytes=100_000)
    exporter.export(span(1))
    exporter.flush()
    assert "Content-Encoding" not in server.requests[0][1]


# -- what is tried again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [429, 500, 502, 503, 504, RESET], ids=["429", "500", "502", "503", "504", "reset"])
def test_what_may_pass_is_tried_again(server: Server, make: Callable[..., Any], spans: Any, reply: Any) -> None:
    """HTTPX-2: statuses and network errors"""
    server.script = [reply]
    exporter = make()
    exporter.export_batch(spans(3))
    exporter.flush()
    assert len(server.requests) == 2
    assert len(server.ids) == 3
    assert exporter.stats() == {
        "sent": 3, "failed": 0, "dropped": 0, "spooled": 0, "requests": 2, "waiting": 0, "spool_corrupt": 0,
    }  # fmt: skip


def test_a_request_without_an_answer_is_sent_again(server: Server, make: Callable[..., Any], span: Any) -> None:
    server.script = [SILENT]
    exporter = make(timeout_seconds=0.2)
    exporter.export(span(1))
    exporter.flush()
    assert len(server.requests) == 2
    assert len(server.ids) == 1


@pytest.mark.parametrize("seconds", [lambda: "1", lambda: formatdate(time() + 1.5, usegmt=True)], ids=["1", "date"])
def test_retry_after_is_honoured(
    server: Server, make: Callable[..., Any], span: Any, seconds: Callable[[], str]
) -> None:
    server.script = [Reply(429, {"Retry-After": seconds()})]
    exporter = make()
    start = monotonic()
    exporter.export(span(1))
    exporter.flush()
    assert monotonic() - start > 0.4
    assert len(server.ids) == 1


@pytest.mark.parametrize(("status", "requests"), [(503, 3), (400, 1), (401, 1), (404, 1), (422, 1), (302, 1)])
def test_what_is_given_up_is_logged_with_count_and_reason_and_counted(
    server: Server, make: Callable[..., Any], spans: Any, status: int, requests: int, caplog: pytest.LogCaptureFixture
) -> None:
    """HTTPX-3"""
    server.always = lambda _: Reply(status, {"Location": "http://127.0.0.1:1/elsewhere"}, b"because \x1b[2J")
    exporter = make(max_retries=2)
    exporter.export_batch(spans(3))
    with pytest.raises(PeekrError, match="3 spans lost"):
        exporter.flush()
    assert len(server.requests) == requests
    assert exporter.stats()["failed"] == 3
    (message,) = [record.getMessage() for record in caplog.records if record.name == "peekr"]
    assert message.startswith(f"3 spans to {server.url}/v1/spans lost: HTTP {status}")
    assert "\x1b" not in message
    assert KEY not in message


def test_a_kind_of_loss_is_logged_once_and_the_rest_summed_up(
    server: Server, make: Callable[..., Any], span: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.always = lambda _: Reply(400)
    exporter = make(batch_size=1)
    exporter.export_batch([span(number) for number in range(1, 6)])
    with pytest.raises(PeekrError):
        exporter.flush()
    exporter.shutdown()
    first, last = [record.getMessage() for record in caplog.records if record.name == "peekr"]
    assert first.startswith("1 span to")
    assert last.startswith("4 more spans to")
    assert last.endswith("4 × HTTP 400; 5 in all")


def test_a_batch_that_is_too_large_is_halved_until_it_fits(
    server: Server, make: Callable[..., Any], spans: Any
) -> None:
    given = spans(9)
    server.always = lambda body: Reply(413 if len(json.loads(body)["spans"]) > 2 else 200)
    exporter = make()
    exporter.export_batch(given)
    exporter.flush()
    assert server.ids == [span.span_id for span in given]


def test_of_a_batch_that_is_too_large_only_the_span_that_is_so_is_lost(
    server: Server, make: Callable[..., Any], spans: Any
) -> None:
    given = spans(7)
    given[3].name, bad = "huge", given[3].span_id
    server.always = lambda body: Reply(413 if b"huge" in body else 200)
    exporter = make()
    exporter.export_batch(given)
    with pytest.raises(PeekrError, match="1 span lost"):
        exporter.flush()
    assert server.ids == [span.span_id for span in given if span.span_id != bad]
    assert exporter.stats()["failed"] == 1


def test_redirects_do_not_carry_the_key_along(server: Server, make: Callable[..., Any], span: Any) -> None:
    other = Server()
    server.always = lambda _: Reply(307, {"Location": other.url + "/v1/spans"})
    exporter = make()
    exporter.export(span(1))
    with pytest.raises(PeekrError):
        exporter.flush()
    assert other.requests == []
    other.close()


# -- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [{"max_buffer_spans": 10}, {"max_buffer_bytes": 6000}], ids=str)
def test_a_full_buffer_drops_and_counts(
    make: Callable[..., Any], dead_url: str, spans: Any, bound: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """HTTPX-3, QUEUE-2"""
    exporter = make(dead_url, flush_interval_seconds=3600, **bound)
    exporter.export_batch(spans(50))
    counts = exporter.stats()
    assert counts["dropped"] + counts["waiting"] == 50
    assert 30 < counts["dropped"] < 50
    assert "the buffer is full" in caplog.text


def test_a_caller_waits_for_room_while_the_server_keeps_up(
    server: Server, make: Callable[..., Any], spans: Any
) -> None:
    exporter = make(batch_size=5, max_buffer_spans=10)
    exporter.export_batch(spans(5))
    exporter.flush()
    exporter.export_batch(spans(500))
    exporter.flush()
    assert exporter.stats()["dropped"] == 0
    assert len(server.ids) == 505


# -- the end ----------------------------------------------------------------------------------------------------------


def test_shutdown_sends_what_waits(server: Server, make: Callable[..., Any], spans: Any) -> None:
    exporter = make()
    exporter.export_batch(spans(3))
    exporter.shutdown()
    assert len(server.ids) == 3
    with pytest.raises(RuntimeError, match="shut down"):
        exporter.export_batch(spans(1))


@pytest.mark.parametrize("kind", ["refused", "silent", "unavailable", "asks for patience"])
def test_shutdown_ends_in_time_and_counts_what_is_lost(
    server: Server, dead_url: str, kind: str, counted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """IFACE-12, EXP-6; figures: tests/bench/bench_http.py"""
    replies = {"silent": SILENT, "unavailable": Reply(503), "asks for patience": Reply(503, {"Retry-After": "600"})}
    server.always = lambda _: replies[kind]
    url = dead_url if kind == "refused" else server.url
    peekr.instrument(console=False, exporter=peekr.HTTPExporter(url, KEY))
    traced = peekr.trace(lambda number: number)
    for number in range(250):
        traced(number)
    assert not peekr.shutdown(1.2)
    ours = peekr.stats()["exporters"]["HTTPExporter"]
    assert (ours["exported"], ours["waiting"], ours["failed"] + ours["dropped"]) == (0, 0, 250)
    assert counted()["dropped"] == ours["dropped"]
    assert "lost:" in caplog.text


def test_what_a_slow_server_takes_before_the_deadline_is_counted_as_sent(
    server: Server, make: Callable[..., Any]
) -> None:
    slow = threading.Event()

    def answer(_: bytes) -> Reply:
        slow.wait(0.3)
        return Reply()

    server.always = answer
    peekr.instrument(console=False, exporter=peekr.HTTPExporter(server.url, KEY, batch_size=10))
    traced = peekr.trace(lambda number: number)
    for number in range(100):
        traced(number)
    assert not peekr.shutdown(1.5)
    ours = peekr.stats()["exporters"]["HTTPExporter"]
    assert ours["exported"] + ours["dropped"] == 100
    assert 10 <= ours["exported"] <= 60
    assert len(server.ids) - ours["exported"] in (0, 10)  # one may have been taken after we stopped to listen


def test_hurry_ends_a_flush_that_waits_for_the_server(server: Server, make: Callable[..., Any], span: Any) -> None:
    server.always = lambda _: Reply(503, {"Retry-After": "600"})
    exporter = make()
    exporter.export(span(1))
    failed = []

    def flush() -> None:
        with pytest.raises(PeekrError, match="not all spans"):
            exporter.flush()
        failed.append(True)

    thread = threading.Thread(target=flush)
    thread.start()
    server.wait(lambda: len(server.requests) == 1)
    exporter.hurry(monotonic() + 0.5)
    thread.join(10)
    assert failed


# -- in the pipeline --------------------------------------------------------------------------------------------------


def test_the_documented_call_sends_to_the_server_and_writes_no_file(
    server: Server, counted: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E0-40, INST-11"""
    monkeypatch.chdir(tmp_path)
    peekr.instrument(console=False, tenant_id="acme", exporter=peekr.HTTPExporter(endpoint=server.url, api_key=KEY))
    peekr.trace(lambda: None)()
    assert peekr.flush()
    assert [span["tenant_id"] for span in server.spans] == ["acme"]
    assert list(tmp_path.iterdir()) == []
    assert counted()["exported"] == 1


def test_it_is_the_storage_called_http(server: Server) -> None:
    """IFACE-1"""
    peekr.instrument(
        console=False,
        storage="http",
        storage_options={"http": {"endpoint": server.url, "api_key": KEY, "batch_size": 7}},
    )
    peekr.trace(lambda: None)()
    assert peekr.flush()
    assert len(server.ids) == 1
    assert peekr.stats()["exporters"]["http"]["exported"] == 1


def test_add_exporter_takes_it_too(server: Server) -> None:
    """EXP-1"""
    peekr.exporters.add_exporter(peekr.HTTPExporter(server.url, KEY))
    peekr.trace(lambda: None)()
    assert peekr.flush()
    assert len(server.ids) == 1


def test_a_loss_shows_in_the_stats_and_flush_says_so(dead_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """HTTPX-3: with the endpoint down, the loss is reported"""
    peekr.instrument(console=False, exporter=peekr.HTTPExporter(dead_url, KEY, max_retries=1))
    for _ in range(3):
        peekr.trace(lambda: None)()
    assert not peekr.flush()
    ours = peekr.stats()["exporters"]["HTTPExporter"]
    assert (ours["exported"], ours["failed"]) == (0, 3)
    assert "ConnectError" in ours["last_error"]
    assert f"3 spans to {dead_url}/v1/spans lost: ConnectError" in caplog.text


def test_spans_of_other_exporters_are_not_held_up(server: Server, tmp_path: Any) -> None:
    """EXP-6"""
    server.always = lambda _: SILENT
    path = tmp_path / "traces.jsonl"
    peekr.instrument(console=False, storage="jsonl", jsonl_path=str(path), exporter=peekr.HTTPExporter(server.url, KEY))
    peekr.trace(lambda: None)()
    assert not peekr.flush(0.3)
    assert len(path.read_text().splitlines()) == 1
    peekr.shutdown(0.3)


def test_the_exporters_own_requests_are_not_traced(server: Server, counted: Any) -> None:
    peekr.instrument(console=False, exporter=peekr.HTTPExporter(server.url, KEY))
    peekr.trace(lambda: None)()
    for _ in range(3):
        assert peekr.flush()
    assert counted()["started"] == 1
    assert len(server.ids) == 1
