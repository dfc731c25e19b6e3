"""Calls that fail: the SDK's own exception passes through, the span says why. And answers that were withheld."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from typing import Any

import pytest
from google.genai import errors, types

LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
CASES = [
    (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "auth"),
    (403, "PERMISSION_DENIED", "Your API key was reported as leaked.", "auth"),
    (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "auth"),
    (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", "rate_limit"),
    (400, "INVALID_ARGUMENT", LONG, "context_length"),
    (400, "INVALID_ARGUMENT", "Invalid value at 'generation_config.temperature'", "bad_request"),
    (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "bad_request"),
    (404, "NOT_FOUND", "models/x is not found for API version v1beta", "bad_request"),
    (408, "", "Request timeout", "timeout"),
    (499, "CANCELLED", "The operation was cancelled.", "cancelled"),
    (500, "INTERNAL", "An internal error has occurred.", "server_error"),
    (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", "server_error"),
    (504, "DEADLINE_EXCEEDED", "The request timed out.", "timeout"),
]


def ask(api: Any, make: Any, **options: Any) -> Any:
    """Make a call."""
    return api.client(**options).models.generate_content(model=make.model, contents=make.question)


@pytest.mark.parametrize(("code", "status", "message", "reason"), CASES)
def test_an_http_error_has_its_reason(
    code: int, status: str, message: str, reason: str, api: Any, make: Any, recording: Any
) -> None:
    """LLM-8, D-1, INST-12."""
    api.answers = [make.error(code, status, message)]
    with pytest.raises(errors.APIError) as raised:
        ask(api, make)
    span = recording.only
    assert span.status == "error"
    assert span.attributes["error"] == str(raised.value)
    assert span.attributes["error_type"] == type(raised.value).__name__
    assert (span.attributes["error_reason"], span.attributes["status_code"]) == (reason, code)
    assert span.attributes.get("error_code", "") == status
    assert span.attributes["model"] == make.model and make.question in span.attributes["input"]
    assert not [name for name in span.attributes if name.startswith("tokens_")]


def test_an_error_page_of_a_proxy_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    api.answers = [(502, b"<html>Bad Gateway</html>")]
    with pytest.raises(errors.ServerError):
        ask(api, make)
    assert (recording.only.attributes["error_reason"], recording.only.attributes["status_code"]) == (
        "server_error",
        502,
    )


def test_a_timeout_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """LLM-8."""

    def hang(body: Any) -> Any:
        api.released.wait(10)
        return make.answer("too late")

    api.answers = [hang]
    with pytest.raises(Exception) as raised:
        ask(api, make, http_options={"timeout": 200})
    assert "Timeout" in type(raised.value).__name__
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "timeout")


def test_a_refused_connection_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Exception) as raised:
        ask(api, make, http_options={"base_url": url})
    assert recording.only.attributes["error_type"] == type(raised.value).__name__
    assert recording.only.attributes["error_reason"] == "connection"


def test_a_connection_cut_before_the_answer(api: Any, make: Any, recording: Any) -> None:
    api.answers = [make.Cut([b"data: {"])]
    with pytest.raises(Exception) as raised:
        ask(api, make)
    found = recording.only.attributes
    assert (found["error_type"], found["error_reason"]) == (type(raised.value).__name__, "connection")


def test_a_cancelled_call_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """TRACE-6: CancelledError is an error."""
    arrived = threading.Event()

    def hang(body: Any) -> Any:
        arrived.set()
        api.released.wait(10)
        return make.answer("too late")

    api.answers = [hang]

    async def main() -> None:
        models = api.client().aio.models
        task = asyncio.ensure_future(models.generate_content(model=make.model, contents=make.question))
        await asyncio.get_running_loop().run_in_executor(None, arrived.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    api.run(main())
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "cancelled")


def test_arguments_that_the_sdk_refuses_are_a_bad_request(api: Any, make: Any, recording: Any) -> None:
    """Nothing was sent; what was asked is shown all the same."""
    with pytest.raises(ValueError, match=r"temperature|validation"):
        api.client().models.generate_content(
            model=make.model, contents=make.question, config={"temperature": "hot", "tools": None}
        )
    spans = recording.spans
    assert api.requests == []
    for span in spans:  # newer versions refuse before the method that calls the model
        assert span.attributes["error_reason"] == "bad_request"


RETRIES = {"http_options": {"retry_options": types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.01)}}


def test_retries_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    down = make.error(503, "UNAVAILABLE")
    api.answers = [down, down, make.answer("Paris.")]
    ask(api, make, **RETRIES)
    span = recording.only
    assert len(api.requests) == 3
    assert (span.status, span.attributes["retry_count"], span.attributes["tokens_total"]) == ("ok", 2, 18)


def test_retries_of_an_async_call_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [make.error(429, "RESOURCE_EXHAUSTED"), make.answer("Paris.")]
    api.run(api.client(**RETRIES).aio.models.generate_content(model=make.model, contents=make.question))
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("ok", 1)


def test_retries_in_vain_are_counted_too(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [make.error(500, "INTERNAL")]
    with pytest.raises(errors.ServerError):
        ask(api, make, **RETRIES)
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("error", 2)


def test_retries_of_a_stream_stay_inside_one_span(api: Any, make: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [make.error(503, "UNAVAILABLE"), make.chunks("Par", "is.")]
    models = api.client(**RETRIES).models
    list(models.generate_content_stream(model=make.model, contents=make.question))
    assert (recording.only.status, recording.only.attributes["retry_count"]) == ("ok", 1)


def test_a_blocked_prompt_is_no_error(api: Any, make: Any, recording: Any) -> None:
    """LLM-9: a 200 with nothing in it."""
    usage = {"promptTokenCount": 11, "totalTokenCount": 11}
    api.answers = [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}]
    ask(api, make)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "content_filter")
    assert span.attributes["block_reason"] == span.attributes["finish_reason"] == "PROHIBITED_CONTENT"
    assert (span.attributes["tokens_input"], span.attributes["tokens_output"]) == (11, 0)
    assert "error" not in span.attributes and not span.attributes["output"]


@pytest.mark.parametrize("finish", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"])
def test_a_withheld_answer_is_no_error(finish: str, api: Any, make: Any, recording: Any) -> None:
    """LLM-9."""
    api.answers = [make.answer(finish=finish)]
    ask(api, make)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "content_filter")
    assert span.attributes["finish_reason"] == finish


def test_a_withheld_stream_is_no_error(api: Any, make: Any, recording: Any) -> None:
    """LLM-9, STREAM-7: withheld in mid-stream, after some words."""
    api.answers = [[make.answer("Once", finish=None), make.answer(finish="SAFETY")]]
    list(api.client().models.generate_content_stream(model=make.model, contents=make.question))
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "content_filter")
    assert (span.attributes["output"], span.attributes["finish_reason"]) == ("Once", "SAFETY")
    assert "stream_incomplete" not in span.attributes


@pytest.mark.parametrize(
    ("finish", "reason"), [("MALFORMED_FUNCTION_CALL", "json_parse"), ("UNEXPECTED_TOOL_CALL", "tool_error")]
)
def test_a_broken_function_call_is_said(finish: str, reason: str, api: Any, make: Any, recording: Any) -> None:
    """LLM-8."""
    api.answers = [make.answer(finish=finish)]
    ask(api, make)
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("ok", reason)


ODD = [
    {"candidates": [{"content": {"parts": [{"text": "Paris."}]}, "brandNew": {"a": 1}}], "alsoNew": [1]},
    {"candidates": [{"content": {}, "finishReason": "STOP"}]},
    {"candidates": []},
    {},
    {"candidates": [{"content": {"parts": [{"text": "Paris."}]}}], "usageMetadata": {}},
    {"candidates": [{"content": {"parts": [{"text": "Paris."}]}}], "usageMetadata": {"brandNewCount": 3}},
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_an_answer_without_usage_has_no_tokens(body: Any, api: Any, make: Any, recording: Any) -> None:
    """Honesty: absent, not 0 and not guessed; unknown fields disturb nobody."""
    api.answers = [body]
    ask(api, make)
    found = recording.only.attributes
    assert not [name for name in found if name.startswith("tokens_")]
    assert (recording.only.status, found["model"]) == ("ok", make.model)


def test_an_answer_that_is_no_json(api: Any, make: Any, recording: Any) -> None:
    """INST-12: whatever the SDK makes of it."""
    api.answers = [b'{"candidates": [{"content"']
    with pytest.raises(Exception) as raised:
        ask(api, make)
    span = recording.only
    assert (span.status, span.attributes["error_type"]) == ("error", type(raised.value).__name__)
    assert span.attributes["error_reason"] == "json_parse"


def test_an_answer_that_is_no_utf_8(api: Any, make: Any, recording: Any, caplog: Any) -> None:
    """Bytes that no text has: the caller gets what the SDK makes of them, the span the same."""
    api.answers = [json.dumps(make.answer("Par?s.")).encode().replace(b"?", b"\xff")]
    with caplog.at_level(logging.WARNING, "peekr"):
        result = ask(api, make)
        span = recording.only
    assert span.attributes["output"] == result.text
    assert span.attributes["tokens_total"] == 18
    assert [entry for entry in caplog.records if entry.name == "peekr"] == []


def test_lone_surrogates_pass(api: Any, make: Any, recording: Any) -> None:
    api.answers = [b'{"candidates": [{"content": {"parts": [{"text": "Pa\\ud800ris."}]}, "finishReason": "STOP"}]}']
    try:
        result = ask(api, make)
    except Exception:  # pydantic or httpx may refuse it
        assert recording.only.status == "error"
        return
    assert result.text == "Pa\ud800ris."
    assert recording.only.attributes["output"].startswith("Pa")


def test_counts_that_leave_something_out_are_not_made_up(api: Any, make: Any, recording: Any) -> None:
    """The output is words and thoughts; where the words were not counted, the thoughts alone are not the output."""
    usage = {"promptTokenCount": 11, "candidatesTokenCount": None, "totalTokenCount": 18, "thoughtsTokenCount": 2}
    api.answers = [make.answer("Paris.", usage=usage)]
    ask(api, make)
    found = recording.only.attributes
    assert (found["tokens_input"], found["tokens_total"], found["tokens_reasoning"]) == (11, 18, 2)
    assert "tokens_output" not in found


def test_an_answer_that_was_all_thought(api: Any, make: Any, recording: Any) -> None:
    """All that was allowed went into thinking; the API leaves out the count of words, which is zero."""
    usage = {"promptTokenCount": 11, "totalTokenCount": 75, "thoughtsTokenCount": 64}
    api.answers = [make.answer(finish="MAX_TOKENS", usage=usage)]
    ask(api, make)
    found = recording.only.attributes
    assert (found["tokens_output"], found["tokens_total"], found["finish_reason"]) == (64, 75, "MAX_TOKENS")
