"""Extraction is pure functions of JSON: no SDK, no exception, whatever the data is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peekr_gemini.data import get, plain, read, serialize
from peekr_gemini.errors import error_attributes, reason
from peekr_gemini.events import InteractionAccumulator
from peekr_gemini.request import conversation, model_name, request_attributes
from peekr_gemini.response import finish_reason, response_attributes
from peekr_gemini.stream import Accumulator
from peekr_gemini.usage import embedding_tokens, interaction_tokens, token_attributes

#: The first draw of a process builds tables, which takes seconds on a busy machine.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FAMILIES = ("generate", "embed", "count", "media", "interactions")
KEYS = """
    candidates content parts text functionCall args name thought usageMetadata promptTokenCount totalTokenCount
    finishReason contents systemInstruction input type role embeddings values predictions requests instances
    partialArgs jsonPath willContinue promptFeedback index event_type delta step steps interaction error errors
    usage outputs
"""
WORDS = st.sampled_from(KEYS.split())
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=6)


@pytest.mark.parametrize("family", FAMILIES)
@PATIENT
@given(data=OBJECTS)
def test_any_json_gives_attributes(family: str, data: Any) -> None:
    """INST-13: bad input makes no exception and no null."""
    for found in (response_attributes(family, data), request_attributes(family, data)):
        json.dumps(found)
    assert None not in response_attributes(family, data).values()


@PATIENT
@given(chunks=st.lists(JSON, max_size=4))
def test_any_chunks_give_a_response(chunks: Any) -> None:
    for accumulator in (Accumulator(), InteractionAccumulator()):
        for chunk in chunks:
            accumulator.add(chunk)
        accumulator.is_complete()
    response_attributes("generate", dict(Accumulator().response()))


@PATIENT
@given(usage=JSON)
def test_counts_are_counts_or_absent(usage: Any) -> None:
    """Honesty: no count is negative, no flag is taken for one."""
    for found in (token_attributes(usage), interaction_tokens(usage), embedding_tokens(usage)):
        assert all(type(count) is int and count >= 0 for count in found.values())


def test_the_reported_total_stands() -> None:
    """LLM-6: also where it is not the sum."""
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 10}
    assert token_attributes(usage) == {"tokens_input": 5, "tokens_output": 3, "tokens_total": 10}


def test_an_unreported_total_is_the_sum() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}
    assert token_attributes(usage)["tokens_total"] == 10
    assert "tokens_total" not in token_attributes({"candidatesTokenCount": 3})


def test_embeddings_of_vertex() -> None:
    """Three APIs, three shapes; the oldest counts each text."""
    body = {
        "predictions": [
            {"embeddings": {"values": [1, 2], "statistics": {"token_count": 3, "truncated": False}}},
            {"embeddings": {"values": [3, 4], "statistics": {"token_count": 4.0}}},
        ]
    }
    found = response_attributes("embed", read(json.dumps(body), "embed"))
    assert (found["tokens_input"], found["tokens_output"], found["embeddings_count"]) == (7, 0, 2)
    single = {"embedding": {"values": [1, 2, 3]}, "usageMetadata": {"promptTokenCount": 4}}
    found = response_attributes("embed", read(json.dumps(single), "embed"))
    assert (found["tokens_total"], found["embeddings_dimensions"]) == (4, 3)


def test_fields_come_in_either_case() -> None:
    assert get({"finish_reason": "STOP"}, "finishReason") == get({"finishReason": "STOP"}, "finishReason") == "STOP"
    assert get([], "finishReason") is None


def test_finish_reasons_may_be_numbers() -> None:
    assert [finish_reason(value) for value in (1, 3, 99, 0, "", None)] == ["STOP", "SAFETY", "99", None, None, None]
    for sent, shown in ((2, "MAX_TOKENS (2)"), (99, "99"), ("STOP", "STOP")):  # as sent, and what it means
        assert response_attributes("generate", {"candidates": [{"finishReason": sent}]})["finish_reason"] == shown
    assert response_attributes("generate", {"candidates": [{"finishReason": 3}]})["error_reason"] == "content_filter"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("", None),
        (3, None),
    ],
)
def test_model_names(name: Any, short: Any) -> None:
    assert model_name(name) == short


def test_conversations() -> None:
    """LLM-4: texts, parts, contents and steps, as callers give them."""
    assert conversation("Hi") == [{"role": "user", "content": "Hi"}]
    assert conversation(["a", {"text": "b"}]) == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]
    result = {"function_response": {"name": "f", "response": {"a": 1}}}
    assert conversation([{"role": "model", "parts": [{"text": "x", "thought_signature": "abc"}]}, result]) == [
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": [result]},
    ]
    step = {"type": "function_result", "call_id": "c", "result": 3}
    assert conversation([{"type": "user_input", "content": [{"type": "text", "text": "q"}]}, step]) == [
        {"role": "user", "content": "q"},
        {"role": "tool", "content": [step]},
    ]


def test_a_role_that_is_no_text_is_the_users() -> None:
    """INST-13."""
    assert conversation([{"role": {"a": 1}, "parts": [{"text": "hi"}]}]) == [{"role": "user", "content": "hi"}]


def test_a_prompt_of_an_image() -> None:
    assert request_attributes("media", {"instances": [{"prompt": "a cat"}]}) == {"input": "a cat"}


def test_bodies_that_are_no_json() -> None:
    assert read("<html>", "generate") == {"text": "<html>"}
    assert read(b'{"a": "\xff"}', "generate") == {"a": "�"}
    assert read('{"a": NaN}', "generate")["a"] != 0
    assert read("[1]", "generate") == {"data": 1}
    assert read('{"embeddings": 3}', "embed") == {"embeddings": 3}


def test_results_that_are_no_models() -> None:
    assert serialize(object()) is None
    assert serialize({"a": 1}) == b'{"a":1}'
    assert plain([{"a": (1, 2)}]) == [{"a": [1, 2]}]


def test_reasons_without_a_status_name() -> None:
    """LLM-8: a proxy's page, another server's words."""
    assert [reason(code, None, "") for code in (401, 429, 500, 504, 400)] == [
        "auth",
        "rate_limit",
        "server_error",
        "timeout",
        "bad_request",
    ]
    assert reason(429, "Too Many Requests", "slow down") == "rate_limit"
    assert reason(None, "INVALID_ARGUMENT", "too many tokens") == "context_length"


def test_exceptions_of_other_libraries() -> None:
    """By name: aiohttp, requests, google-auth need not be there."""

    class ClientPayloadError(Exception):
        pass

    class RefreshError(Exception):
        pass

    assert error_attributes(ClientPayloadError())["error_reason"] == "connection"
    assert error_attributes(RefreshError())["error_reason"] == "auth"
    assert error_attributes(ValueError("no"), sent=False)["error_reason"] == "bad_request"
    assert error_attributes(ValueError("no"))["error_reason"] == "other"
