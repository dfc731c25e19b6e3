"""Calls that fail: the SDK's own exception for the caller, its reason in peekr's terms on the span."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

import peekr

TOO_LONG = [
    "Input is too long for requested model.",
    "Malformed input request: expected maxLength: 2048, actual: 100000, please reformat your input and try again.",
    "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
    "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
    "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 11000",
    "This model's maximum context length is 8192 tokens. Please reduce the length of the prompt",
]


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("ThrottlingException", 429, "rate_limit"),
        ("ServiceQuotaExceededException", 400, "rate_limit"),
        ("AccessDeniedException", 403, "auth"),
        ("UnrecognizedClientException", 403, "auth"),
        ("ExpiredTokenException", 403, "auth"),
        ("ModelTimeoutException", 408, "timeout"),
        ("ModelErrorException", 424, "server_error"),
        ("ModelNotReadyException", 429, "server_error"),
        ("InternalServerException", 500, "server_error"),
        ("ServiceUnavailableException", 503, "server_error"),
        ("ResourceNotFoundException", 404, "bad_request"),
        ("ValidationException", 400, "bad_request"),
        ("SomethingNewException", 400, "bad_request"),
        ("SomethingNewException", 502, "server_error"),
    ],
)
def test_each_code_of_aws_has_its_reason(api: Any, recording: Any, code: str, status: int, reason: str) -> None:
    """LLM-8, INST-12."""
    api.answers = [api.failure(code, "No.", status)]
    with pytest.raises(ClientError) as failure:
        api.converse()
    span = recording.only
    attributes = span.attributes
    assert (span.status, attributes["error"]) == ("error", str(failure.value))
    assert (attributes["error_type"], attributes["error_code"]) == (type(failure.value).__name__, code)
    assert (attributes["error_reason"], attributes["status_code"]) == (reason, status)
    assert (attributes["model"], attributes["request_id"]) == (api.model, "req-1")
    assert "tokens_total" not in attributes and "output" not in attributes


@pytest.mark.parametrize("message", TOO_LONG)
def test_too_long_an_input_is_told_by_the_message(api: Any, recording: Any, message: str) -> None:
    """LLM-8: AWS has no code for it."""
    api.answers = [api.failure("ValidationException", message, 400)]
    with pytest.raises(ClientError):
        api.converse()
    assert recording.only.attributes["error_reason"] == "context_length"


def test_throttling_to_the_end_is_one_span_with_its_retries(api: Any, recording: Any) -> None:
    """LLM-10."""
    api.answers = [api.failure("ThrottlingException", "Too many tokens, please wait before trying again.", 429)]
    with pytest.raises(ClientError):
        api.client(attempts=3).converse(modelId=api.model, messages=api.messages)
    span = recording.only
    assert (span.attributes["error_reason"], span.attributes["retry_count"]) == ("rate_limit", 2)
    assert len(api.requests) == 3


def test_a_repeat_by_the_caller_is_linked_to_the_failure(api: Any, recording: Any) -> None:
    """LLM-10: retry_of and attempt."""
    api.answers = [api.failure("ThrottlingException", "No.", 429), api.conversation()]
    with peekr.span("turn"):
        with pytest.raises(ClientError):
            api.converse()
        api.converse()
    failed, repeated = recording.named("bedrock.converse")
    assert (repeated.attributes["retry_of"], repeated.attributes["attempt"]) == (failed.span_id, 2)


def test_no_answer_in_time(api: Any, recording: Any) -> None:
    """LLM-8."""
    wait = threading.Event()
    api.answers = [api.Answer(api.conversation(), wait=wait)]
    with pytest.raises(ReadTimeoutError):
        api.client(read_timeout=0.2).converse(modelId=api.model, messages=api.messages)
    wait.set()
    span = recording.only
    assert (span.attributes["error_reason"], span.attributes["error_type"]) == ("timeout", "ReadTimeoutError")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EndpointConnectionError(endpoint_url="http://x"), "connection"),
        (ConnectionClosedError(endpoint_url="http://x"), "connection"),
        (ConnectTimeoutError(endpoint_url="http://x"), "timeout"),
        (NoCredentialsError(), "auth"),
        (KeyboardInterrupt(), "cancelled"),
        (RuntimeError("from a handler of the application"), "other"),
    ],
)
def test_a_call_that_reaches_nobody(api: Any, recording: Any, error: BaseException, reason: str) -> None:
    """LLM-8, INST-12: whatever is raised passes through."""

    def fail(**_: Any) -> Any:
        raise error

    client = api.client()
    client.meta.events.register("before-send.*.*", fail)
    with pytest.raises(type(error)) as raised:
        client.converse(modelId=api.model, messages=api.messages)
    assert raised.value is error
    attributes = recording.only.attributes
    assert (attributes["error_reason"], attributes["error_type"]) == (reason, type(error).__name__)


def test_a_parameter_that_the_sdk_refuses(api: Any, recording: Any) -> None:
    """LLM-8: no request is sent."""
    with pytest.raises(ParamValidationError):
        api.client().converse(modelId=api.model, messages="Hi")
    assert recording.only.attributes["error_reason"] == "bad_request"
    assert api.requests == []


def test_parameters_that_cannot_be_captured_are_no_obstacle(api: Any, recording: Any) -> None:
    """INST-13: what the SDK refuses, it refuses as without tracing."""

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    circular: Any = {}
    circular["self"] = circular
    for messages in (Odd(), [Odd()], circular, [circular], None):
        with pytest.raises(Exception) as bare:
            api.client().converse(modelId=Odd, messages=messages)
        assert not isinstance(bare.value, AssertionError)
    assert len(recording.spans) == 5


def test_an_error_of_a_body_with_what_the_headers_told(api: Any, recording: Any) -> None:
    """LLM-8: InvokeModel's errors are those of every operation."""
    with pytest.raises(ClientError):
        api.invoke(api.failure("ModelErrorException", "The model failed.", 424))
    span = recording.only
    assert (span.name, span.attributes["error_reason"]) == ("bedrock.invoke_model", "server_error")
    assert span.attributes["input"]
