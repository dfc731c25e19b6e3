"""Where messages go, and what never gets out."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Callable, List

import pytest

import peekr
from peekr.alert import ErrorRate, PagerDutySink, SlackSink, StderrSink, WebhookSink
from peekr.spans import Span
from peekr_alert import Notice, Sink

MakeSpan = Callable[..., Span]


def fired(alert: Any, span: MakeSpan) -> Any:
    """Let an ErrorRate fire, and its sinks send."""
    alert.check([span(status="error")])
    alert.flush()
    return alert


def test_a_webhook_gets_json_and_headers(server: Any, span: MakeSpan) -> None:
    """ALERT-8"""
    fired(ErrorRate(0.0).with_sinks(WebhookSink(server.url, headers={"Authorization": "Bearer k"})), span)
    (body,), (request,) = server.bodies, server.requests
    assert (body["source"], body["alert"]) == ("peekr", "ErrorRate")
    assert body["message"] == "ErrorRate: 100.0% of the last 1 traces failed, more than 0.0%"
    assert body["timestamp"].endswith("+00:00")
    assert (request["path"], request["headers"]["Authorization"]) == ("/hook/s3cret", "Bearer k")


@pytest.mark.parametrize(
    "builder",
    [lambda message: {"m": message}, lambda alert, message: {"m": message}, lambda message, extra=1: {"m": message}],
)
def test_a_payload_builder_makes_the_body(server: Any, span: MakeSpan, builder: Any) -> None:
    """ALERT-8: payload_builder="""
    fired(ErrorRate(0.0).with_sinks(WebhookSink(server.url, payload_builder=builder)), span)
    assert server.bodies == [{"m": "ErrorRate: 100.0% of the last 1 traces failed, more than 0.0%"}]


def test_slack_text_can_neither_mention_nor_link(server: Any) -> None:
    """issue 5.3: texts treat content as hostile."""
    sink = SlackSink(server.url)
    sink.post("A", "<!channel> <https://evil.example|click> & \x1b[31m\u202e" + "x" * 5000)
    assert sink.drain(monotonic() + 5)
    (body,) = server.bodies
    assert "&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; \\x1b[31m\\u202e" in body["text"]
    assert "<" not in body["text"]
    assert len(body["text"]) < 3200


def test_pagerduty_gets_an_event(server: Any, span: MakeSpan) -> None:
    """issue 5.3: PagerDuty shape; one incident for each alert."""
    sink = PagerDutySink("r0uting", severity="critical", source="shop", url=server.url)
    alert = fired(ErrorRate(0.0).with_sinks(sink), span)
    fired(alert, span)
    first, second = server.bodies
    assert (first["routing_key"], first["event_action"]) == ("r0uting", "trigger")
    assert first["dedup_key"] == second["dedup_key"]
    assert first["payload"]["severity"] == "critical"
    assert first["payload"]["summary"].startswith("ErrorRate: 100.0%")
    assert "r0uting" not in repr(sink)


def test_sinks_take_the_place_of_stderr_unless_it_is_one(server: Any, span: MakeSpan, capsys: Any) -> None:
    """ALERT-8"""
    fired(ErrorRate(0.0).with_sinks(WebhookSink(server.url)), span)
    assert capsys.readouterr().err == ""
    fired(ErrorRate(0.0).with_sinks(WebhookSink(server.url), StderrSink()), span)
    assert capsys.readouterr().err.startswith("[peekr alert] ErrorRate")
    assert len(server.bodies) == 2


def test_sinks_are_sent_beside_an_own_on_trigger(server: Any, span: MakeSpan) -> None:
    """ALERT-6, ALERT-8"""
    got: List[str] = []

    class Mine(ErrorRate):
        def on_trigger(self, message: str) -> None:
            got.append(message)

    fired(Mine(0.0).with_sinks(WebhookSink(server.url)), span)
    assert (len(got), len(server.bodies)) == (1, 1)


def test_a_hanging_sink_delays_nobody(server: Any, span: MakeSpan) -> None:
    """ALERT-8, ALERT-9: sent in a thread of its own."""
    server.gate.clear()
    quick: List[str] = []

    class Quick(Sink):
        def send(self, notice: Notice) -> None:
            quick.append(notice.message)

    slow, fast = WebhookSink(server.url), Quick()
    alert = ErrorRate(0.0).with_sinks(slow, fast)
    alert.check([span(status="error")])
    assert fast.drain(monotonic() + 5)
    assert (len(quick), slow.stats["waiting"], server.requests) == (1, 1, [])
    server.gate.set()
    assert slow.drain(monotonic() + 5)


@pytest.mark.parametrize(("status", "location"), [(500, None), (302, "/elsewhere"), (404, None)])
def test_what_a_webhook_refuses_is_counted_and_logged_without_its_address(
    server: Any, span: MakeSpan, caplog: Any, status: int, location: Any
) -> None:
    """ALERT-8: a failing sink never reaches the application; a URL with a secret is never shown."""
    server.answer, server.location = status, location
    sink = WebhookSink(server.url, headers={"X-Key": "k3y"})
    fired(ErrorRate(0.0).with_sinks(sink), span)
    assert (sink.stats["failed"], sink.stats["sent"]) == (1, 0)
    assert f"127.0.0.1 answered {status}" in caplog.text
    assert "s3cret" not in caplog.text + repr(sink) + str(sink.stats)
    assert "k3y" not in caplog.text + repr(sink)


def test_a_server_that_is_not_there_is_logged_once(span: MakeSpan, caplog: Any) -> None:
    """ALERT-8"""
    sink = WebhookSink("http://127.0.0.1:9/token-in-path")
    alert = fired(ErrorRate(0.0).with_sinks(sink), span)
    fired(alert, span)
    assert sink.stats["failed"] == 2
    assert caplog.text.count("could not be reached") == 1
    assert "token-in-path" not in caplog.text


def test_the_oldest_notices_give_way_when_a_sink_is_far_behind(monkeypatch: Any) -> None:
    """Nothing is lost silently: what is dropped is counted."""
    monkeypatch.setattr("peekr_alert.outbox.MAX_WAITING", 2)
    free, sent, busy = threading.Event(), [], threading.Event()

    class Slow(Sink):
        def send(self, notice: Notice) -> None:
            busy.set()
            free.wait(10)
            sent.append(notice.message)

    sink = Slow()
    sink.post("A", "0")
    assert busy.wait(5)
    for number in range(1, 5):
        sink.post("A", str(number))
    free.set()
    assert sink.drain(monotonic() + 5)
    assert (sent, sink.stats["dropped"]) == (["0", "3", "4"], 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SlackSink("hooks.example/x"), "must begin with http"),
        (lambda: WebhookSink("file:///etc/passwd"), "must begin with http"),
        (lambda: WebhookSink("http://h/ x"), "must begin with http"),
        (lambda: WebhookSink("http://h/", headers={"A": "b\r\nX: y"}), "must be one line"),
        (lambda: WebhookSink("http://h/", payload_builder=3), "payload_builder must be a function"),
        (lambda: PagerDutySink(""), "routing key"),
        (lambda: PagerDutySink("k", severity="bad"), "severity must be one of"),
        (lambda: ErrorRate().with_sinks("stderr"), "is no sink"),
        (lambda: ErrorRate().with_sinks(StderrSink), "is no sink"),
    ],
)
def test_sinks_that_cannot_work_are_refused(make: Any, said: str) -> None:
    """design 8"""
    with pytest.raises(ValueError, match=said):
        make()


def test_flush_sends_what_alerts_have_said(server: Any) -> None:
    """ALERT-1, ALERT-8: from a traced program to the webhook."""
    with peekr.testing.record(alerts=[ErrorRate(0.0).with_sinks(WebhookSink(server.url))], plugins=[]):
        with pytest.raises(KeyError), peekr.span("root"):
            raise KeyError("x")
        assert peekr.flush()
    assert [body["alert"] for body in server.bodies] == ["ErrorRate"]
