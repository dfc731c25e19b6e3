"""What requests, responses, chunks and exceptions say: no LiteLLM needed."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

from peekr.spans import Span
from peekr_litellm import LiteLLMProvider
from peekr_litellm.chunks import accumulator
from peekr_litellm.errors import describe_error, reason_attributes
from peekr_litellm.request import request_attributes, taken
from peekr_litellm.response import response_attributes
from peekr_litellm.swapping import FunctionPatches
from peekr_litellm.usage import token_attributes

# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, {}),
        ({"prompt_tokens": 3, "completion_tokens": 4}, {"tokens_input": 3, "tokens_output": 4, "tokens_total": 7}),
        ({"prompt_tokens": "3", "completion_tokens": None}, {}),
        (
            {
                "input_tokens": 3,
                "output_tokens": 4,
                "total_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            {"tokens_input": 3, "tokens_output": 4, "tokens_total": 7, "tokens_reasoning": 2},
        ),
        (  # what the cache gave is not in the input yet: it cannot be
            {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17, "cache_read_input_tokens": 100},
            {"tokens_input": 110, "tokens_output": 7, "tokens_total": 117, "tokens_cached": 100},
        ),
        (  # it is
            {"prompt_tokens": 110, "completion_tokens": 7, "total_tokens": 117, "cache_read_input_tokens": 100},
            {"tokens_input": 110, "tokens_output": 7, "tokens_total": 117, "tokens_cached": 100},
        ),
        (
            {
                "prompt_tokens": 11,
                "completion_tokens": 7,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 2},
            },
            {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18, "tokens_cached": 4, "tokens_cache_write": 2},
        ),
    ],
)
def test_token_counts_are_inclusive_totals_with_subsets(usage: Any, expected: Dict[str, int]) -> None:
    """LLM-6, field.md row 15."""
    assert token_attributes(usage) == expected


def test_where_a_version_counts_the_cache_beside_the_input_it_is_added() -> None:
    """LLM-6: streams of older versions."""
    usage = {"prompt_tokens": 500, "completion_tokens": 7, "total_tokens": 507, "cache_read_input_tokens": 100}
    assert token_attributes(usage, beside=True)["tokens_total"] == 607
    assert token_attributes(usage)["tokens_total"] == 507
    openai = {"prompt_tokens": 500, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 100}}
    assert token_attributes(openai, beside=True)["tokens_input"] == 500


def test_an_embedding_has_no_output_tokens() -> None:
    """LLM-6."""
    found = token_attributes({"prompt_tokens": 4, "total_tokens": 4}, embedding=True)
    assert found == {"tokens_input": 4, "tokens_output": 0, "tokens_total": 4}


# -- responses --------------------------------------------------------------------------------------------------------


def test_a_chat_with_text_and_calls_shows_both() -> None:
    """LLM-4, LLM-7."""
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Wait.", "tool_calls": [call]}
    found = response_attributes("chat", {"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    assert found["output"].startswith("Wait.") and '"look"' in found["output"] and found["tool_calls"] == 1


def test_arguments_that_are_no_json_are_noted() -> None:
    """LLM-8."""
    call = {"function": {"name": "look", "arguments": "{not"}}
    found = response_attributes("chat", {"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "stop"}]})
    assert found["error_reason"] == "json_parse"


@pytest.mark.parametrize("message", [{"refusal": "No."}, {"provider_specific_fields": {"refusal": "No."}}])
def test_a_refusal_is_found_where_litellm_keeps_it(message: Any) -> None:
    """LLM-9."""
    found = response_attributes("chat", {"choices": [{"message": message, "finish_reason": "stop"}]})
    assert (found["error_reason"], found["output"]) == ("refusal", "No.")


def test_a_failed_response_has_failed() -> None:
    """LLM-8."""
    error = {"code": "rate_limit_exceeded", "message": "slow down"}
    found = response_attributes("responses", {"status": "failed", "error": error, "output": []})
    assert (found["error"], found["error_reason"]) == ("slow down", "rate_limit")


FAMILIES = [
    "chat",
    "completions",
    "responses",
    "embeddings",
    "images",
    "moderations",
    "rerank",
    "transcription",
    "speech",
]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "response",
    [
        {},
        {"choices": None, "output": None, "data": None, "results": None, "usage": 3, "model": 4},
        {"choices": [None, {}, {"message": 3}], "output": [1, {}], "data": [1], "results": ["x", {}]},
        {"choices": [{"message": {"content": [1, {"text": None}], "tool_calls": [3, {}]}}], "error": "no"},
    ],
)
def test_no_response_is_too_odd(family: str, response: Any) -> None:
    """INST-13."""
    assert isinstance(response_attributes(family, response), dict)
    assert isinstance(request_attributes(family, response), dict)


# -- requests ---------------------------------------------------------------------------------------------------------


def test_only_what_goes_to_the_model_is_taken() -> None:
    """PRIV: keys, clients and LiteLLM's own settings are not."""
    given = {"model": "m", "messages": [], "api_key": "k", "client": object(), "metadata": {}, "aws_secret": "s"}
    assert json.loads(taken(given)[0]) == {"model": "m", "messages": []}


def test_objects_in_a_request_become_data() -> None:
    """LLM-4."""

    class Message:
        def model_dump(self, **_: Any) -> Any:
            return {"role": "assistant", "content": "hi"}

    request = json.loads(taken({"messages": (Message(), {"inner": [Message()]}), "response_format": Message})[0])
    assert request["messages"] == [Message().model_dump(), {"inner": [Message().model_dump()]}]
    assert request["response_format"] == "Message"


def test_an_upload_is_named_and_not_read() -> None:
    """INST-13."""
    assert json.loads(taken({"file": ("a.mp3", b"12345")})[0]) == {"file": {"name": "a.mp3", "size_bytes": 5}}
    assert json.loads(taken({"file": b"123"})[0]) == {"file": {"size_bytes": 3}}


def test_the_instructions_of_a_response_are_its_system_message() -> None:
    """LLM-5."""
    found = request_attributes("responses", {"input": "hi", "instructions": "Be brief."})
    assert found["system"] == "Be brief." and json.loads(found["input"])[0]["role"] == "system"


# -- streams ----------------------------------------------------------------------------------------------------------


def _chunk(delta: Any, finish: Any = None, **more: Any) -> Any:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def test_chunks_become_the_response_that_the_call_has_without_a_stream() -> None:
    """STREAM-3."""
    gathered = accumulator("chat")
    first = {"index": 0, "id": "c", "function": {"name": "look", "arguments": ""}}
    for chunk in (
        _chunk({"role": "assistant", "content": "Par"}),
        _chunk({"content": "is.", "tool_calls": [first]}),
        _chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        _chunk({}, "tool_calls"),
    ):
        gathered.add(chunk)
    (choice,) = gathered.response()["choices"]
    assert choice["message"]["content"] == "Paris." and choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert gathered.is_complete()


def test_the_counts_of_a_stream_are_found_where_the_consumer_does_not_see_them() -> None:
    """STREAM-1, STREAM-7: Anthropic tells those of the input first, those of the output last."""
    gathered = accumulator("chat")
    gathered.add(_chunk({"content": "hi"}))
    start = {"prompt_tokens": 11, "completion_tokens": 0, "total_tokens": 11}
    end = {"prompt_tokens": 0, "completion_tokens": 7, "total_tokens": 7}
    kept: List[Any] = [_chunk({}), _chunk({}, usage=start), SimpleNamespace(usage=end)]
    gathered.add_usages([kept])
    found = response_attributes("chat", gathered.response())
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (11, 7, 18)


def test_what_the_consumer_was_told_counts_first() -> None:
    """STREAM-1: not twice."""
    gathered = accumulator("chat")
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    gathered.add(_chunk({}, "stop", usage=usage))
    gathered.add_usages([[_chunk({}, usage={"prompt_tokens": 99, "completion_tokens": 1, "total_tokens": 100})]])
    assert gathered.response()["usage"] == usage


def test_the_last_event_of_a_response_is_the_response() -> None:
    """STREAM-3; and without it, the texts are."""
    gathered = accumulator("responses")
    gathered.add({"type": "response.created", "response": {"id": "r", "model": "m"}})
    gathered.add({"type": "response.output_text.delta", "delta": "Par"})
    assert response_attributes("responses", gathered.response())["output"] == "Par"
    assert not gathered.is_complete()
    whole = {"model": "m", "output": [{"type": "message", "content": [{"type": "output_text", "text": "Paris."}]}]}
    gathered.add({"type": "response.completed", "response": whole})
    assert response_attributes("responses", gathered.response())["output"] == "Paris." and gathered.is_complete()


def test_content_begins_with_the_first_word_or_argument() -> None:
    """STREAM-6."""
    gathered = accumulator("chat")
    assert not gathered.is_content(_chunk({"role": "assistant", "content": ""}))
    assert gathered.is_content(_chunk({"reasoning_content": "hm"}))
    assert gathered.is_content(_chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}))


# -- exceptions -------------------------------------------------------------------------------------------------------


def _error(name: str, **attributes: Any) -> BaseException:
    error = type(name, (Exception,), {})(attributes.pop("message", "no"))
    for key, value in attributes.items():
        setattr(error, key, value)
    return error  # type: ignore[no-any-return]


def _caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (_error("ContextWindowExceededError", status_code=400), "context_length"),
        (_error("ContentPolicyViolationError", status_code=400), "content_filter"),
        (_error("RateLimitError", status_code=429), "rate_limit"),
        (_error("InternalServerError", status_code=500), "server_error"),
        (_caused(_error("InternalServerError", status_code=500), _error("APIConnectionError")), "connection"),
        (_caused(_error("RateLimitError", status_code=429), _error("APIConnectionError")), "rate_limit"),
        (_error("MidStreamFallbackError", original_exception=_error("RateLimitError", status_code=429)), "rate_limit"),
        (KeyboardInterrupt(), "cancelled"),
    ],
)
def test_exceptions_have_a_reason(error: BaseException, reason: str) -> None:
    """LLM-8."""
    assert reason_attributes(error)["error_reason"] == reason


def test_the_provider_that_failed_is_known_from_the_exception() -> None:
    """LLM-2, LLM-8."""
    span = Span("litellm.completion", kind="llm")
    describe_error(span, _error("RateLimitError", status_code=429, llm_provider="anthropic"))
    assert span.status == "error" and span.attributes["provider"] == "anthropic"
    assert span.attributes["error_type"] == "RateLimitError"


# -- swapping ---------------------------------------------------------------------------------------------------------


def _adding(original: Any) -> Any:
    return lambda *args, **kwargs: original(*args, **kwargs) + 1


def test_a_swapped_function_is_reached_by_those_who_hold_it() -> None:
    """INST-7, INST-17: with a closure, defaults and keywords of its own."""
    import inspect

    base = 10

    def plain(a: int, b: int = 2, *, c: int = 3) -> int:
        return base + a + b + c

    def simple(a: int) -> int:
        return a

    patches = FunctionPatches("test")
    signature, code = inspect.signature(plain), plain.__code__
    assert patches.swap(plain, _adding) and patches.swap(simple, _adding)
    assert patches.swap(plain, _adding), "twice is as once"
    assert (plain(1), plain(1, 5, c=0), simple(1)) == (17, 17, 2)
    assert inspect.signature(plain) == signature
    patches.undo()
    assert (plain(1), simple(1), plain.__code__) == (16, 1, code)
    assert not vars(plain) and inspect.signature(plain) == signature


def test_a_swapped_coroutine_function_is_still_one() -> None:
    """INST-7."""
    import asyncio
    import inspect

    async def work(a: int) -> int:
        return a

    def make(original: Any) -> Any:
        async def replaced(*args: Any) -> int:
            return await original(*args) + 1  # type: ignore[no-any-return]

        return replaced

    patches = FunctionPatches("test")
    patches.swap(work, make)
    assert inspect.iscoroutinefunction(work) and asyncio.run(work(1)) == 2
    patches.undo()
    assert asyncio.run(work(1)) == 1


def test_what_somebody_else_has_put_in_stays() -> None:
    """INST-17."""

    def simple(a: int) -> int:
        return a

    def other(a: int) -> int:
        return a + 100

    patches = FunctionPatches("test")
    patches.swap(simple, _adding)
    simple.__code__ = other.__code__
    patches.undo()
    assert simple(1) == 101


def test_a_patch_that_fails_is_reported_and_leaves_the_function(caplog: Any) -> None:
    """INST-8."""

    def broken(original: Any) -> Any:
        raise RuntimeError("no")

    def simple(a: int) -> int:
        return a

    patches = FunctionPatches("test")
    assert not patches.swap(simple, broken) and not patches.swap(print, _adding)
    assert simple(1) == 1 and len(patches.failures) == 2
    assert "calls through it are not traced" in caplog.text


def test_the_provider_is_light_and_inert_without_litellm() -> None:
    """INST-8: on Python versions that LiteLLM does not support, too."""
    provider = LiteLLMProvider()
    assert (provider.name, provider.target) == ("litellm", "litellm")
    provider.uninstrument()
    if "litellm" not in sys.modules:
        assert not any(name.startswith("litellm.") for name in sys.modules)
