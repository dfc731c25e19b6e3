"""Calls that fail: the SDK's own exception passes through, the span says why."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import anthropic
import pytest

CASES = [
    (400, "invalid_request_error", "max_tokens: must be positive", "bad_request"),
    (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", "context_length"),
    (
        400,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 190 + 20 > 200",
        "context_length",
    ),
    (400, "invalid_request_error", "Output blocked by content filtering policy", "content_filter"),
    (401, "authentication_error", "invalid x-api-key", "auth"),
    (402, "billing_error", "Your credit balance is too low", "rate_limit"),
    (403, "permission_error", "Your API key may not use this model", "auth"),
    (404, "not_found_error", "model: claude-0", "bad_request"),
    (413, "request_too_large", "Request exceeds the maximum size", "bad_request"),
    (429, "rate_limit_error", "This request would exceed your rate limit", "rate_limit"),
    (500, "api_error", "Internal server error", "server_error"),
    (503, "api_error", "Service unavailable", "server_error"),
    (504, "timeout_error", "The request timed out", "timeout"),
    (529, "overloaded_error", "Overloaded", "server_error"),
    (418, "teapot_error", "a type of tomorrow", "bad_request"),
]


@pytest.mark.parametrize(("status", "kind", "text", "reason"), CASES)
@pytest.mark.parametrize("stream", [False, True])
def test_an_http_error_has_its_reason(
    stream: bool, status: int, kind: str, text: str, reason: str, api: Any, make: Any, recording: Any
) -> None:
    """LLM-8, D-1, INST-12, field 0.4: also before a stream."""
    api.answers = [(status, make.failure(kind, text))]
    api.headers = {"request-id": "req_1"}
    with pytest.raises(anthropic.APIStatusError) as raised:
        api.client(max_retries=0).messages.create(**make.ask, stream=stream)
    span = recording.only
    attributes = span.attributes
    assert (span.status, attributes["error"]) == ("error", str(raised.value))
    assert attributes["error_type"] == type(raised.value).__name__
    assert (attributes["error_reason"], attributes["status_code"], attributes["error_code"]) == (reason, status, kind)
    assert (attributes["model"], attributes["request_id"]) == ("claude-sonnet-5", "req_1")
    assert not [name for name in attributes if name.startswith("tokens_")]


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", {"error": "no"}, {"error": {"type": 3}}, {}])
def test_an_error_without_the_apis_body_has_its_reason(body: Any, api: Any, make: Any, recording: Any) -> None:
    """LLM-8: a proxy in between."""
    api.answers = [(502, body)]
    with pytest.raises(anthropic.InternalServerError):
        api.client(max_retries=0).messages.create(**make.ask)
    assert recording.only.attributes["error_reason"] == "server_error"


def test_a_timeout_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """LLM-8."""
    api.answers = [api.httpx.ReadTimeout("slow")]
    with pytest.raises(anthropic.APITimeoutError):
        api.client(max_retries=0).messages.create(**make.ask)
    assert recording.only.attributes["error_reason"] == "timeout"


def test_a_refused_connection_has_its_reason(make: Any, recording: Any) -> None:
    """LLM-8."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with anthropic.Anthropic(api_key="test", base_url=url, max_retries=0) as client:
        with pytest.raises(anthropic.APIConnectionError):
            client.messages.create(**make.ask)
    assert recording.only.attributes["error_reason"] == "connection"


def test_a_body_cut_in_the_middle_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """LLM-8: the connection breaks while a plain answer is read."""
    api.answers = [(200, api.body([b'{"id": "msg_1", "con'], api.httpx.RemoteProtocolError("peer closed")))]
    with pytest.raises((anthropic.APIConnectionError, api.httpx.RemoteProtocolError)):
        api.client(max_retries=0).messages.create(**make.ask)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "connection")
    assert not [name for name in span.attributes if name.startswith("tokens_")]


def test_a_client_without_a_key_has_its_reason(api: Any, make: Any, recording: Any, monkeypatch: Any) -> None:
    """LLM-8: it is refused when it is used; the request stays on the span."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    client = api.client(api_key="test")
    client.api_key = None
    with pytest.raises(Exception, match="authentication"):
        client.messages.create(**make.ask)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "auth")
    assert "France" in span.attributes["input"]


def test_a_request_that_the_sdk_will_not_send_is_recorded(api: Any, make: Any, recording: Any) -> None:
    """INST-12: a conversation that contains itself."""
    content: Any = []
    content.append({"type": "text", "text": "Hello", "again": content})
    with pytest.raises((ValueError, RecursionError)):
        api.client().messages.create(**{**make.ask, "messages": [{"role": "user", "content": content}]})
    for span in recording.spans:  # older versions refuse it before there is a call
        assert span.status == "error"
        assert "Hello" in span.attributes["input"]


def test_a_cancelled_call_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """TRACE-6: CancelledError is an error."""

    async def main() -> None:
        waiting = asyncio.Event()

        async def hang(request: Any) -> Any:
            waiting.set()
            await asyncio.Event().wait()

        transport = api.httpx.MockTransport(hang)
        client = api.async_client(http_client=api.httpx.AsyncClient(transport=transport))
        task = asyncio.ensure_future(client.messages.create(**make.ask))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "cancelled")


@pytest.mark.parametrize("status", [429, 500, 529])
@pytest.mark.parametrize("headers", [{"retry-after-ms": "1"}, {"retry-after": "0.001"}])
def test_retries_stay_inside_one_span(status: int, headers: Any, api: Any, make: Any, recording: Any) -> None:
    """LLM-10: with the server's retry-after."""
    down = (status, make.failure("overloaded_error"))
    api.answers, api.headers = [down, down, make.message()], headers
    api.client(max_retries=2).messages.create(**make.ask)
    span = recording.only
    assert len(api.requests) == 3
    assert (span.status, span.attributes["retry_count"], span.attributes["tokens_total"]) == ("ok", 2, 18)


def test_retries_of_an_async_call_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [(529, make.failure("overloaded_error")), make.message()]

    async def main() -> None:
        await api.async_client(max_retries=2).messages.create(**make.ask)

    asyncio.run(main())
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("ok", 1)


def test_retries_in_vain_are_counted_too(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [(429, make.failure("rate_limit_error"))]
    with pytest.raises(anthropic.RateLimitError):
        api.client(max_retries=1).messages.create(**make.ask)
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("error", 1)


STOPS = [
    ("refusal", "refusal"),
    ("content_filtered", "content_filter"),
    ("model_context_window_exceeded", "context_length"),
    ("max_tokens", None),
    ("pause_turn", None),
    ("a_reason_of_tomorrow", None),
]


@pytest.mark.parametrize(("stop", "reason"), STOPS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_that_failed_the_purpose_is_no_error(
    stream: bool, stop: str, reason: Any, api: Any, make: Any, recording: Any
) -> None:
    """LLM-9."""
    api.answers = [make.sse(make.stream_events(stop=stop)) if stream else make.message(stop_reason=stop)]
    list(api.client().messages.create(**make.ask, stream=stream))
    span = recording.only
    assert (span.status, span.attributes.get("error_reason")) == ("ok", reason)
    assert (span.attributes["finish_reason"], span.attributes["tokens_total"]) == (stop, 18)
    assert "error" not in span.attributes


def test_a_refusal_without_words_shows_its_explanation(api: Any, make: Any, recording: Any) -> None:
    """LLM-9."""
    details = {"type": "refusal", "category": "cyber", "explanation": "This could harm."}
    api.answers = [make.message(stop_reason="refusal", stop_details=details, content=[])]
    api.client().messages.create(**make.ask)
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["refusal_category"]) == ("This could harm.", "cyber")


def test_an_error_inside_a_200_is_a_failed_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-8: some gateways answer so."""
    api.answers = [make.failure("overloaded_error", "Overloaded")]
    api.client().messages.create(**make.ask)
    span = recording.only
    assert (span.status, span.attributes["error"]) == ("error", "Overloaded")
    assert (span.attributes["error_type"], span.attributes["error_reason"]) == ("overloaded_error", "server_error")
