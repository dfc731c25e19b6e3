"""The pure functions between JSON and attributes, without any SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peekr_anthropic.errors import error_attributes, reason_of
from peekr_anthropic.operations import routes
from peekr_anthropic.request import input_text, system_text
from peekr_anthropic.response import response_attributes, served_by
from peekr_anthropic.stream import CompletionAccumulator, MessageAccumulator
from peekr_anthropic.usage import billing_attributes, token_attributes

# -- operations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [
        ("post", "/v1/messages", "anthropic.messages"),
        ("post", "/v1/messages?beta=true", "anthropic.messages"),
        ("POST", "https://proxy.example/x/v1/messages/?beta=true", "anthropic.messages"),
        ("post", "/v1/messages/count_tokens?beta=true", "anthropic.count_tokens"),
        ("post", "/v1/messages/batches", "anthropic.messages.batches"),
        ("post", "/v1/complete", "anthropic.completions"),
        ("get", "/v1/messages/batches/b_1/results", None),
        ("post", "/v1/messages/batches/b_1/cancel", None),
        ("get", "/v1/messages/batches", None),
        ("post", "/v1/files", None),
        ("get", "/v1/models", None),
        ("post", "/v1/sessions", None),
    ],
)
def test_a_request_is_known_by_method_and_path(method: str, url: str, name: Any) -> None:
    """LLM-2, LLM-13."""
    found = routes.find(method, url)
    assert (found.name if found else None) == name


# -- usage --------------------------------------------------------------------------------------------------------


def test_the_input_includes_the_cache() -> None:
    """LLM-6, design 5, field B 15."""
    usage = {"input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 5}
    counts = token_attributes(usage)
    assert counts == {
        "tokens_input": 123,
        "tokens_output": 5,
        "tokens_total": 128,
        "tokens_cached": 100,
        "tokens_cache_write": 20,
    }


def test_cache_writes_may_be_told_by_their_lifetime_alone() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 4}}
    assert token_attributes(usage)["tokens_input"] == 5


def test_tokens_of_an_advisor_are_not_those_of_the_model() -> None:
    """Field D.3: iterations of another model, or of a compaction, are extra; they stay in the payload."""
    usage = {"input_tokens": 1, "output_tokens": 2, "iterations": [{"type": "advisor_message", "input_tokens": 99}]}
    assert token_attributes(usage)["tokens_total"] == 3


@pytest.mark.parametrize("usage", [None, {}, "x", [], 3, {"input_tokens": None}, {"output_tokens": "7"}])
def test_no_usage_gives_no_tokens(usage: Any) -> None:
    """Never a zero that nobody reported."""
    assert token_attributes(usage) == {}
    assert billing_attributes(usage) == {}


counts = st.one_of(st.none(), st.integers(-5, 10**9), st.booleans(), st.text(max_size=3), st.floats())
FIELDS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # other tests may run beside it
@given(st.dictionaries(st.sampled_from(FIELDS), counts))
def test_parts_never_exceed_their_whole(usage: Any) -> None:
    """Design 5: an invariant for whatever a server reports."""
    found = token_attributes(usage)
    assert all(type(value) is int and value >= 0 for value in found.values())
    if "tokens_input" in found:
        assert found["tokens_input"] >= found.get("tokens_cached", 0) + found.get("tokens_cache_write", 0)
    if "tokens_total" in found:
        assert found["tokens_total"] == found["tokens_input"] + found["tokens_output"]


# -- request ------------------------------------------------------------------------------------------------------


def test_the_question_is_visible_behind_a_long_system_prompt() -> None:
    """LLM-5, LLM-11."""
    system = [{"type": "text", "text": "rule " * 1000}]
    shown = input_text({"system": system, "messages": [{"role": "user", "content": "Where is Paris?"}]})
    assert shown is not None
    assert len(shown) <= 1000
    assert "Where is Paris?" in shown
    assert shown.startswith('[{"role": "system"')


@pytest.mark.parametrize(
    ("request_body", "text"),
    [
        ({"system": "Be brief."}, "Be brief."),
        ({"system": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]}, "A\n\nB"),
        ({"system": []}, None),
        ({"system": 3}, None),
        ({"system": [3, {"text": 4}]}, None),
        ({}, None),
    ],
)
def test_the_system_prompt_is_text(request_body: Any, text: Any) -> None:
    """LLM-5."""
    assert system_text(request_body) == text


@pytest.mark.parametrize(
    ("request_body", "text"),
    [
        ({"prompt": "Human: hi"}, "Human: hi"),
        ({"messages": "odd"}, '["odd"]'),
        ({"requests": [{"custom_id": "a"}]}, '[{"custom_id": "a"}]'),
        ({"model": "x"}, None),
    ],
)
def test_other_requests_show_what_they_have(request_body: Any, text: Any) -> None:
    assert input_text(request_body) == text


# -- response -----------------------------------------------------------------------------------------------------


def said(*content: Any, **more: Any) -> Any:
    return response_attributes("messages", {"content": list(content), **more})


def test_texts_cut_up_by_citations_are_one_text() -> None:
    """LLM-4."""
    search = {"type": "server_tool_use", "name": "web_search", "input": {"query": "Paris"}}
    texts = [{"type": "text", "text": text} for text in ("Paris", " is ", "big.")]
    found = said({"type": "text", "text": "I will look."}, search, {"type": "web_search_tool_result"}, *texts)
    assert found["output"] == "I will look.\n\nParis is big."
    assert "tool_calls" not in found
    assert json.loads(found["server_tools"]) == [{"name": "web_search", "arguments": '{"query": "Paris"}'}]
    assert found["server_tool_calls"] == 1


def test_thinking_is_the_output_only_where_there_is_nothing_else() -> None:
    thinking = {"type": "thinking", "thinking": "Hm."}
    assert said(thinking, {"type": "text", "text": "Yes."})["output"] == "Yes."
    assert said(thinking)["output"] == "Hm."
    assert "output" not in said({"type": "redacted_thinking", "data": "x"})


def test_a_message_of_server_tools_alone_is_readable() -> None:
    """LLM-7: pause_turn."""
    found = said({"type": "mcp_tool_use", "name": "find", "server_name": "wiki", "input": {}}, stop_reason="pause_turn")
    assert json.loads(found["output"]) == [{"name": "find", "arguments": "{}"}]
    assert "tool_calls" not in found


def test_a_compaction_is_the_output_where_there_is_nothing_else() -> None:
    assert said({"type": "compaction", "content": "They spoke of Paris."})["output"] == "They spoke of Paris."


def test_text_and_tool_calls_are_both_visible() -> None:
    """LLM-7, LLM-11: a text that has to be shortened comes last, so that its ``…`` ends the whole."""
    call = {"type": "tool_use", "name": "f", "input": {"a": 1}}
    asked = '[{"name": "f", "arguments": "{\\"a\\": 1}"}]'
    assert said({"type": "text", "text": "t"}, call)["output"] == f"t\n{asked}"
    found = said({"type": "text", "text": "t" * 2000}, call)["output"]
    assert found.startswith(f"{asked}\nttt") and found.endswith("t…") and len(found) == 1000


def test_a_legacy_completion_has_its_text() -> None:
    found = response_attributes(
        "completions", {"completion": " Hi", "stop_reason": "stop_sequence", "model": "claude-2"}
    )
    assert found == {"output": " Hi", "finish_reason": "stop_sequence", "model": "claude-2"}


class AnthropicBedrock: ...


class Mine(AnthropicBedrock): ...


@pytest.mark.parametrize(
    ("client", "host", "expected"),
    [
        (object, "api.anthropic.com", {"provider": "anthropic"}),
        (object, None, {"provider": "anthropic"}),
        (object, "proxy.example", {"provider": "anthropic", "server": "proxy.example"}),
        (Mine, "x.amazonaws.com", {"provider": "bedrock", "server": "x.amazonaws.com"}),
    ],
)
def test_the_provider_is_known_by_the_client(client: Any, host: Any, expected: Any) -> None:
    assert served_by(client, host) == expected


# -- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("overloaded_error", None, "server_error"),
        ("invalid_request_error", None, "bad_request"),
        ("not_found_error", None, "bad_request"),
        ("timeout_error", 504, "timeout"),
        ("error_of_tomorrow", None, "other"),
        ("error_of_tomorrow", 503, "server_error"),
    ],
)
def test_a_type_of_the_api_has_its_reason(kind: str, status: Any, reason: str) -> None:
    """LLM-8, D-1."""
    assert reason_of(kind, status, "no") == reason


def test_any_exception_has_a_reason() -> None:
    """LLM-8."""
    assert error_attributes(RuntimeError("x")) == {"error_reason": "other"}
    assert error_attributes(KeyboardInterrupt()) == {"error_reason": "cancelled"}


# -- streams ------------------------------------------------------------------------------------------------------


def fold(*events: Any) -> Any:
    accumulator = MessageAccumulator()
    for event in events:
        accumulator.add(event)
    return accumulator


def test_events_of_another_type_than_the_api_s_do_no_harm() -> None:
    """LLM-6, INST-13: the rest is read."""
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": 5}}
    odd = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ["x"]}}
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris."}}
    assert fold(start, odd, said).response()["content"][0]["text"] == "Paris."


def test_plain_dicts_are_events_too() -> None:
    accumulator = fold(
        {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {"title": "T"}}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    )
    assert accumulator.is_complete()
    assert accumulator.response() == {
        "id": "m",
        "content": [{"type": "text", "text": "Hi", "citations": [{"title": "T"}]}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }


def test_a_block_whose_start_is_missing_still_has_its_text() -> None:
    accumulator = fold({"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "Hi"}})
    assert accumulator.response() == {"content": [{"type": "text", "text": "Hi"}]}
    assert accumulator.is_cut()


def tool_stream(arguments: str, stopped: bool) -> Any:
    block = {"type": "tool_use", "name": "f", "input": {}}
    events = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": arguments}},
        {"type": "content_block_stop", "index": 0},
    ]
    return response_attributes("messages", fold(*events[: 3 if stopped else 2]).response())


@pytest.mark.parametrize("arguments", ['{"a": 1,}', "{'a': 1}", '{"a": nope}', "[1 2]", '{"a" 1}'])
@pytest.mark.parametrize("stopped", [False, True])
def test_arguments_that_are_no_json_are_a_failure(arguments: str, stopped: bool) -> None:
    """LLM-8: json_parse."""
    found = tool_stream(arguments, stopped)
    assert found["error_reason"] == "json_parse"
    assert json.loads(found["output"])[0]["arguments"] == arguments


WHOLE = '{"city": "Par\\"\\u00e9", "n": [-1.5e3, true, false, null, {"deep": {}}]}'


@pytest.mark.parametrize("length", range(1, len(WHOLE)))
def test_arguments_that_are_only_cut_off_are_no_failure(length: int) -> None:
    """STREAM-4: at whichever character the consumer stopped."""
    assert "error_reason" not in tool_stream(WHOLE[:length], stopped=False)


def test_a_legacy_completion_stream_has_its_text() -> None:
    accumulator = CompletionAccumulator()
    for text, stop in ((" Hi", None), (" you", None), ("", "stop_sequence")):
        accumulator.add({"type": "completion", "completion": text, "stop_reason": stop, "model": "claude-2"})
    assert accumulator.is_complete()
    assert accumulator.response() == {"model": "claude-2", "completion": " Hi you", "stop_reason": "stop_sequence"}
