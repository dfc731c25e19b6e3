"""Calls that fail: the SDK's own exception passes through, the span says why."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import openai
import pytest

with_responses = pytest.mark.skipif(not hasattr(openai.OpenAI, "responses"), reason="openai before 1.66")


CASES = [
    (401, {"message": "Incorrect API key provided", "code": "invalid_api_key"}, "auth"),
    (403, {"message": "Country not supported"}, "auth"),
    (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, "rate_limit"),
    (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, "rate_limit"),
    (400, {"message": "maximum context length is 8192 tokens", "code": "context_length_exceeded"}, "context_length"),
    (400, {"message": "This model's maximum context length is 8192 tokens."}, "context_length"),
    (400, {"message": "filtered due to the content management policy", "code": "content_filter"}, "content_filter"),
    (400, {"message": "Invalid value for 'temperature'", "type": "invalid_request_error"}, "bad_request"),
    (404, {"message": "The model does not exist", "code": "model_not_found"}, "bad_request"),
    (500, {"message": "The server had an error", "type": "server_error"}, "server_error"),
    (503, {"message": "overloaded"}, "server_error"),
]


@pytest.mark.parametrize(("status", "error", "reason"), CASES)
def test_an_http_error_has_its_reason(
    status: int, error: Any, reason: str, api: Any, make: Any, recording: Any
) -> None:
    """LLM-8, D-1, INST-12."""
    api.answers = [(status, {"error": error})]
    with pytest.raises(openai.APIStatusError) as raised:
        api.client(max_retries=0).chat.completions.create(model="gpt-4o", messages=make.messages)
    span = recording.only
    assert span.status == "error"
    assert span.attributes["error"] == str(raised.value)
    assert span.attributes["error_type"] == type(raised.value).__name__
    assert (span.attributes["error_reason"], span.attributes["status_code"]) == (reason, status)
    assert span.attributes["model"] == "gpt-4o"
    assert not [name for name in span.attributes if name.startswith("tokens_")]


def test_an_error_before_a_stream_ends_the_span(api: Any, make: Any, recording: Any) -> None:
    """Field 0.4: the original lost this span and left it current."""
    api.answers = [(400, {"error": {"message": "no"}})]
    with pytest.raises(openai.BadRequestError):
        api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)
    assert (recording.only.status, recording.only.attributes["streaming"]) == ("error", True)


def test_a_timeout_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    api.answers = [api.httpx.ReadTimeout("slow")]
    with pytest.raises(openai.APITimeoutError):
        api.client(max_retries=0).chat.completions.create(model="gpt-4o", messages=make.messages)
    assert recording.only.attributes["error_reason"] == "timeout"


def test_a_refused_connection_has_its_reason(make: Any, recording: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with openai.OpenAI(api_key="test", base_url=url, max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(model="gpt-4o", messages=make.messages)
    assert recording.only.attributes["error_reason"] == "connection"


def test_a_cancelled_call_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """TRACE-6: CancelledError is an error."""

    async def main() -> None:
        client, waiting = api.async_client(), asyncio.Event()

        async def hang(request: Any) -> Any:
            waiting.set()
            await asyncio.Event().wait()

        client._client = api.httpx.AsyncClient(transport=api.httpx.MockTransport(hang))
        task = asyncio.ensure_future(client.chat.completions.create(model="gpt-4o", messages=make.messages))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "cancelled")


def test_retries_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    down = (500, {"error": {"message": "try again"}})
    api.answers = [down, down, make.completion()]
    api.client(max_retries=2).chat.completions.create(model="gpt-4o", messages=make.messages)
    span = recording.only
    assert len(api.requests) == 3
    assert (span.status, span.attributes["retry_count"], span.attributes["tokens_total"]) == ("ok", 2, 18)


def test_retries_of_an_async_call_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [api.httpx.ConnectError("no"), make.completion()]

    async def main() -> None:
        await api.async_client(max_retries=2).chat.completions.create(model="gpt-4o", messages=make.messages)

    asyncio.run(main())
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("ok", 1)


def test_retries_in_vain_are_counted_too(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [(429, {"error": {"message": "slow down"}})]
    with pytest.raises(openai.RateLimitError):
        api.client(max_retries=1).chat.completions.create(model="gpt-4o", messages=make.messages)
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("error", 1)


def test_a_refusal_is_no_error(api: Any, make: Any, recording: Any) -> None:
    """LLM-9."""
    api.answers = [make.completion(None, message={"refusal": "I can't help with that."})]
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "refusal")
    assert span.attributes["output"] == "I can't help with that."


def test_a_filtered_answer_is_no_error(api: Any, make: Any, recording: Any) -> None:
    """LLM-9."""
    api.answers = [make.completion("", finish_reason="content_filter")]
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "content_filter")
    assert span.attributes["finish_reason"] == "content_filter"


def test_broken_tool_arguments_are_said(api: Any, make: Any, recording: Any) -> None:
    """LLM-8: json_parse."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Par'}}
    api.answers = [make.completion(None, message={"tool_calls": [call]}, finish_reason="length")]
    api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "json_parse")


def test_a_billed_answer_that_cannot_be_parsed_keeps_its_tokens(api: Any, make: Any, recording: Any) -> None:
    """Field D.2: LengthFinishReasonError is raised after the call was billed."""
    import pydantic

    class City(pydantic.BaseModel):
        name: str

    api.answers = [make.completion('{"name": "Par', finish_reason="length")]
    with pytest.raises(openai.LengthFinishReasonError):
        api.client().beta.chat.completions.parse(model="gpt-4o", messages=make.messages, response_format=City)
    span = recording.only
    assert (span.status, span.attributes["error_type"]) == ("error", "LengthFinishReasonError")
    assert (span.attributes["error_reason"], span.attributes["tokens_total"]) == ("json_parse", 18)


@with_responses
def test_a_failed_response_is_a_failed_span(api: Any, recording: Any) -> None:
    """A 200 answer of the Responses API whose generation failed."""
    error = {"code": "server_error", "message": "The model failed."}
    api.answers = [{"id": "resp_1", "object": "response", "status": "failed", "error": error, "output": []}]
    api.client().responses.create(model="gpt-5", input="Hi")
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "server_error")
    assert span.attributes["error"] == "The model failed."
