"""Blocklist: what it finds, what it does about it, and what the caller gets (GUARD-1, -4 to -7)."""

from __future__ import annotations

import asyncio
import functools
import re
from typing import Any

import pytest

import peekr
from peekr.spans import Span
from peekr.testing import record

GuardrailError = peekr.guard.GuardrailError


def in_loop(test: Any) -> Any:
    """Run an async test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def blocklist(**settings: Any) -> Any:
    return peekr.guard.Blocklist(**settings)


def span_with(**attributes: Any) -> Span:
    span = Span("call", kind="llm")
    span.attributes.update(attributes)
    return span


def test_a_blocked_prompt_never_reaches_the_api(chat: Any) -> None:
    """GUARD-4, GUARD-5, GUARD-7, C-6."""
    with record(plugins=["openai"], guardrails=[blocklist(terms=["confidential"])]) as recording:
        with pytest.raises(GuardrailError) as caught:
            chat.ask("This is Confidential!")
        assert chat.requests == []
        span = recording.only
    assert caught.value.guardrail_name == "Blocklist"
    assert caught.value.span is not None and caught.value.span.span_id == span.span_id
    assert (span.status, span.attributes["blocked"], span.attributes["error_reason"]) == ("error", True, "guardrail")
    assert len(span.attributes["guardrail_violations"]) == 1
    assert "confidential" in span.attributes["guardrail_violations"][0]
    assert "Confidential" in span.attributes["input"]


@in_loop
async def test_a_blocked_prompt_never_reaches_the_api_async(chat: Any) -> None:
    """GUARD-5."""
    with record(plugins=["openai"], guardrails=[blocklist(terms=["confidential"])]) as recording:
        with pytest.raises(GuardrailError):
            await chat.ask_async("confidential")
        assert chat.requests == []
        assert recording.only.attributes["blocked"] is True


def test_a_blocked_answer_is_withheld_and_stored(chat: Any) -> None:
    """GUARD-6, GUARD-7: its tokens were spent and are counted."""
    chat.says("The password is hunter2.")
    with record(plugins=["openai"], guardrails=[blocklist(terms=["hunter2"], fields=["output"])]) as recording:
        with pytest.raises(GuardrailError, match="output holds the blocked term 'hunter2'"):
            chat.ask("hunter2 is allowed here")
        span = recording.only
    assert len(chat.requests) == 1
    assert (span.attributes["blocked"], span.attributes["tokens_total"]) == (True, 18)
    assert span.attributes["output"] == "The password is hunter2."


@in_loop
async def test_a_blocked_answer_is_withheld_async(chat: Any) -> None:
    """GUARD-6."""
    chat.says("hunter2")
    with record(plugins=["openai"], guardrails=[blocklist(terms=["hunter2"])]) as recording:
        with pytest.raises(GuardrailError):
            await chat.ask_async()
        assert recording.only.attributes["blocked"] is True


def test_clean_calls_pass_unchanged(chat: Any) -> None:
    """GUARD-1."""
    with record(plugins=["openai"], guardrails=[blocklist(terms=["confidential"])]) as recording:
        assert chat.ask().choices[0].message.content == "Paris."
        span = recording.only
    assert (span.status, span.attributes["output"]) == ("ok", "Paris.")
    assert not {"blocked", "guardrail_violations", "guardrail_warnings"} & set(span.attributes)


def test_a_term_behind_the_stored_length_is_found(chat: Any) -> None:
    """GUARD-5: guards see whole texts; the stored ones are as short as ever (LLM-11)."""
    with record(plugins=["openai"], guardrails=[blocklist(terms=["confidential"])]) as recording:
        with pytest.raises(GuardrailError):
            chat.ask("x" * 5000 + " confidential")
        assert chat.requests == []
        assert len(recording.only.attributes["input"]) <= 1000


def test_guards_work_where_nothing_may_be_captured(chat: Any) -> None:
    """GUARD-5, GUARD-6 with capture_io=False."""
    chat.says("fine", "hunter2")
    guardrails = [blocklist(terms=["confidential", "hunter2"])]
    with record(plugins=["openai"], guardrails=guardrails, capture_io=False) as recording:
        chat.ask()
        with pytest.raises(GuardrailError):
            chat.ask("confidential")
        with pytest.raises(GuardrailError):
            chat.ask()
        for span in recording.spans:
            assert span.payload is None and not {"input", "output"} & set(span.attributes)
    assert len(chat.requests) == 2


def test_a_raw_response_is_checked_before_it_is_handed_out(chat: Any) -> None:
    """GUARD-6 with with_raw_response; with with_streaming_response, parse() is where the answer comes out."""
    chat.says("hunter2", "hunter2")
    with record(plugins=["openai"], guardrails=[blocklist(terms=["hunter2"])]) as recording:
        client = chat._openai.OpenAI(api_key="test", http_client=chat.client())
        arguments = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
        with pytest.raises(GuardrailError):
            client.chat.completions.with_raw_response.create(**arguments)
        with client.chat.completions.with_streaming_response.create(**arguments) as raw, pytest.raises(GuardrailError):
            raw.parse()
        assert [span.attributes["blocked"] for span in recording.spans] == [True, True]


def test_redact_stores_a_tag_and_lets_the_caller_have_it(chat: Any) -> None:
    """GUARD-4: redact → [BLOCKED]."""
    chat.says("Project Zeus is late.")
    with record(plugins=["openai"], guardrails=[blocklist(terms=["project zeus"], action="redact")]) as recording:
        answer = chat.ask("How is PROJECT ZEUS?")
        record_ = recording.only.to_dict()
    assert answer.choices[0].message.content == "Project Zeus is late."
    assert record_["attributes"]["output"] == "[BLOCKED] is late."
    assert "zeus" not in str(record_).lower()
    assert record_["status"] == "ok"


def test_warn_notes_and_stores(chat: Any) -> None:
    """GUARD-4: warn → guardrail_warnings."""
    with record(plugins=["openai"], guardrails=[blocklist(terms=["paris"], action="warn")]) as recording:
        chat.ask()
        span = recording.only
    assert span.attributes["output"] == "Paris."
    assert span.attributes["guardrail_warnings"] == ["Blocklist: output holds the blocked term 'paris'"]


def test_case_counts_where_asked() -> None:
    """GUARD-4: case_sensitive."""
    guard = blocklist(terms=["Secret"], case_sensitive=True)
    guard.run(span_with(output="a secret"))
    with pytest.raises(GuardrailError):
        guard.run(span_with(output="a Secret"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"terms": [], "patterns": []},
        {"terms": "secret"},
        {"terms": [""]},
        {"patterns": ["("]},
        {"terms": ["x"], "action": "explode"},
        {"terms": ["x"], "fields": ["inputs"]},
        {"terms": ["x"], "fields": []},
    ],
)
def test_what_cannot_work_is_refused(settings: Any) -> None:
    """GUARD-4: neither terms nor patterns → ValueError."""
    with pytest.raises(ValueError):
        blocklist(**settings)


SECRETS = {
    "openai": "sk-proj-" + "a1B2" * 8,
    "openai, old": "sk-" + "a1B2" * 12,
    "anthropic": "sk-ant-api03-" + "a1B2" * 8,
    "google": "AIza" + "a1B2c" * 7,
    "github": "ghp_" + "a1B2" * 9,
    "slack": "xoxb-1234567890-" + "aB1" * 8,
    "pem": "-----BEGIN RSA PRIVATE KEY-----",
    "pem, plain": "-----BEGIN PRIVATE KEY-----",
    "bearer": "Authorization: Bearer " + "abc.DEF-123" * 3,
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("text", ["{}", "my key:\n{} please", '[{{"content": "key:\\n{}"}}]'])
def test_common_secrets_are_found(kind: str, text: str) -> None:
    """GUARD-4: COMMON_SECRETS, also at the beginning of a line inside of JSON."""
    guard = blocklist(patterns=peekr.guard.Blocklist.COMMON_SECRETS)
    secret = SECRETS[kind]
    with pytest.raises(GuardrailError) as caught:
        guard.run(span_with(output=text.format(secret)))
    assert secret[8:] not in str(caught.value)
    guard.run(span_with(output=text.format("nothing of the kind")))


def test_patterns_may_be_compiled_and_see_json_as_text() -> None:
    """GUARD-4: patterns."""
    guard = blocklist(patterns=[re.compile(r"(?m)^drop table")])
    with pytest.raises(GuardrailError):
        guard.run(span_with(output='[{"content": "x\\ndrop table"}]'))


def test_a_tool_calls_arguments_are_part_of_the_answer(chat: Any) -> None:
    """GUARD-6: what a model gives to a tool leaves it too."""
    call = {"id": "1", "type": "function", "function": {"name": "send", "arguments": '{"text": "hunter2"}'}}
    body = {"role": "assistant", "content": None, "tool_calls": [call]}
    chat.answers = [{"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o",
                     "choices": [{"index": 0, "message": body, "finish_reason": "tool_calls"}]}]  # fmt: skip
    with record(plugins=["openai"], guardrails=[blocklist(terms=["hunter2"])]):
        with pytest.raises(GuardrailError):
            chat.ask()


@pytest.mark.parametrize("fields", [("input",), ("output",), ("input", "output")])
def test_a_span_can_be_looked_at_by_hand(fields: Any) -> None:
    """GUARD-4, GUARD-9: run(span) looks at all of its fields."""
    for field in ("input", "output"):
        span = Span("call", kind="llm")
        span.attributes[field] = "a secret"
        if field in fields:
            with pytest.raises(GuardrailError, match=field):
                blocklist(terms=["secret"], fields=fields).run(span)
        else:
            blocklist(terms=["secret"], fields=fields).run(span)
