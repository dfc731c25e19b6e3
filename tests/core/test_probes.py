"""Probes: what ``peekr doctor`` and the conformance suite prove a provider with."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import urllib.request
import zlib
from typing import Any, Callable, List

import pytest

import peekr
from peekr.delivery import delivery
from peekr.probes import Absent, Probe, Reply, Request, Suite, eventstream, reach
from peekr.probes.driving import Result, drive
from peekr.probes.server import serving


def call(tokens: Any = 18, kind: str = "llm", **attributes: Any) -> None:
    """Stands for a call that a plugin records."""
    with peekr.span("acme.chat", kind=kind) as span:
        span.attributes.update(attributes)
        if tokens is not None:
            span.attributes["tokens_total"] = tokens


def results(*probes: Probe, **options: Any) -> List[Result]:
    suite = Suite("acme", "json", answer=lambda request: Reply.json({}), probes=lambda: probes)
    return list(drive(suite, plugins=[], **options))


def verdict(run: Callable[[str], Any], **expected: Any) -> str:
    return results(Probe("chat.create", run, **expected))[0].verdict


@pytest.mark.parametrize(
    ("run", "expected", "wanted"),
    [
        (lambda url: call(), {"tokens": 18}, "ok"),
        (lambda url: call(None), {}, "ok"),
        (lambda url: None, {"tokens": 18}, "blind"),
        (lambda url: None, {}, "blind"),
        (lambda url: call(None), {"tokens": 18}, "no usage"),
        (lambda url: [call(), call()], {"tokens": 18}, "double"),
        (lambda url: [call(None), call(None)], {}, "double"),
        (lambda url: call(17), {"tokens": 18}, "wrong"),
        (lambda url: call(18), {}, "wrong"),
        (lambda url: call(stream_incomplete=True), {"tokens": 18}, "wrong"),
        (lambda url: [call(), call()], {"tokens": 36, "spans": 2}, "ok"),
        (lambda url: call(), {"tokens": 36, "spans": 2}, "blind"),
    ],
)
def test_spans_are_compared_with_what_was_called(run: Any, expected: Any, wanted: str) -> None:
    """Issue 3, item 5: exactly one span with usage, none, two."""
    assert verdict(run, **expected) == wanted


def test_a_framework_span_that_is_not_billed_is_not_a_second_one() -> None:
    """Issue 3, item 4: totals count the call once."""

    def run(url: str) -> None:
        with peekr.span("langchain.chat", kind="llm") as span:
            span.attributes["billed"] = False
            call()

    assert verdict(run, tokens=18) == "ok"


def test_a_span_around_the_calls_is_not_one_of_them() -> None:
    def run(url: str) -> None:
        with peekr.span("acme.turn", kind="chain"):
            call()

    assert verdict(run, tokens=18) == "ok"


def test_what_an_sdk_lacks_is_absent_and_not_blind() -> None:
    """Issue 3, item 5."""
    result = results(Probe("chat.create", lambda url: reach(peekr, "chat.create")))[0]
    assert (result.verdict, result.is_fault, result.reason) == ("absent", False, "no chat.create in this version")
    assert reach(peekr, "Span.to_dict") is peekr.Span.to_dict


def test_an_entry_point_that_is_known_to_be_untraced_is_told() -> None:
    probes = [
        Probe("socket.connect", untraced="a websocket"),
        Probe("socket.gone", lambda url: reach(peekr, "gone"), untraced="a websocket"),
    ]
    assert [(result.verdict, result.is_fault) for result in results(*probes)] == [
        ("untraced", False),
        ("absent", False),
    ]


def test_a_call_that_fails_by_itself_is_no_fault_of_the_tracing() -> None:
    def refuse(url: str) -> None:
        raise ValueError("the answer is too old for me")

    result = results(Probe("chat.create", refuse))[0]
    assert (result.verdict, result.is_fault) == ("undriven", False)
    assert result.reason == "ValueError: the answer is too old for me"


def test_a_call_that_fails_only_when_traced_is_broken() -> None:
    def fail(url: str) -> None:
        if delivery.pipeline is not None:
            raise ValueError("tracing is on")

    found = results(Probe("chat.create", fail), Probe("other", lambda url: call(), tokens=18))
    assert {one.probe.entry: (one.verdict, one.is_fault) for one in found} == {
        "chat.create": ("broken", True),
        "other": ("ok", False),
    }


def test_a_probe_that_hangs_ends_the_drive_and_the_rest_goes_on_with_skip() -> None:
    """Issue 3, item 5: bounded in time."""
    released = threading.Event()
    probes = [
        Probe("first", lambda url: call(), tokens=18),
        Probe("hangs", lambda url: released.wait(30)),
        Probe("last", lambda url: call(), tokens=18),
    ]
    try:
        assert [one.verdict for one in results(*probes, deadline=0.1)] == ["ok", "hung"]
    finally:
        released.set()
    assert [one.probe.entry for one in results(*probes, skip=2)] == ["last"]


def test_a_coroutine_function_gets_a_loop_of_its_own() -> None:
    async def run(url: str) -> None:
        await asyncio.sleep(0)
        call()

    assert verdict(run, asynchronous=True, tokens=18) == "ok"


def test_the_server_answers_from_the_script() -> None:
    seen: List[Request] = []

    def answer(request: Request) -> Reply:
        seen.append(request)
        if request.path.startswith("/events"):
            return Reply.events([{"type": "a", "n": 1}], named=True, end="[DONE]")
        if request.path == "/unknown":
            raise LookupError("no answer")
        return Reply.json({"got": request.json()}, status=201, **{"x-count": "7"})

    with serving(answer) as url:
        given = urllib.request.Request(f"{url}/chat?a=1", json.dumps({"q": 1}).encode(), {"X-Test": "yes"})
        with urllib.request.urlopen(given) as reply:
            assert (reply.status, reply.headers["x-count"], json.load(reply)) == (201, "7", {"got": {"q": 1}})
        with urllib.request.urlopen(f"{url}/events") as reply:
            assert reply.read() == b'event: a\ndata: {"type": "a", "n": 1}\n\ndata: [DONE]\n\n'
        with pytest.raises(urllib.error.HTTPError) as failure:
            urllib.request.urlopen(f"{url}/unknown")
        failure.value.close()
    assert (seen[0].method, seen[0].path, seen[0].headers["x-test"]) == ("POST", "/chat?a=1", "yes")


def test_a_message_of_an_aws_event_stream() -> None:
    """Field D.4; the format: two lengths, their CRC, headers, payload, CRC of all."""
    message = eventstream.event("chunk", b"hello")
    total, head = struct.unpack("!II", message[:8])
    assert (total, struct.unpack("!I", message[8:12])[0]) == (len(message), zlib.crc32(message[:8]))
    assert struct.unpack("!I", message[-4:])[0] == zlib.crc32(message[:-4])
    assert message[12 + head : -4] == b"hello"
    assert b"\x0b:event-type\x07\x00\x05chunk" in message[12 : 12 + head]


def test_absent_is_no_error_of_peekr() -> None:
    assert not issubclass(Absent, peekr.PeekrError)
