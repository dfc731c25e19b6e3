"""Reading a stored call back as messages and an answer (FEED-4, D-9), whatever API it went to."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest

from peekr.conversation import answer_of, messages_of
from peekr.spans import Span


def call(payload: Any = None, **attributes: Any) -> Span:
    span = Span("llm.call", kind="llm")
    span.payload = payload
    span.attributes = attributes
    return span


def conversation(*said: str) -> List[Dict[str, str]]:
    return [{"role": role, "content": content} for role, _, content in (each.partition(": ") for each in said)]


ASKED = conversation("system: be brief", "user: hi")

SHAPES = {
    "OpenAI's chat": (
        {"messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]},
        {"choices": [{"message": {"role": "assistant", "content": "hello"}}]},
    ),
    "OpenAI's responses": (
        {"instructions": "be brief", "input": "hi"},
        {"output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "hello"}]}]},
    ),
    "parts of messages": (
        {"instructions": "be brief", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
        {"choices": [{"text": "hello"}]},
    ),
    "Anthropic's messages": (
        {"system": [{"type": "text", "text": "be brief"}], "messages": [{"role": "user", "content": "hi"}]},
        {"content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "hello"}]},
    ),
    "Converse": (
        {"system": [{"text": "be brief"}], "messages": [{"role": "user", "content": [{"text": "hi"}]}]},
        {"output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}}},
    ),
    "Gemini": (
        {
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        },
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}}]},
    ),
    "Cohere": ({"preamble": "be brief", "message": "hi"}, {"text": "hello"}),
    "Titan": ({"system": "be brief", "inputText": "hi"}, {"results": [{"outputText": "hello"}]}),
    "Llama": ({"system": "be brief", "prompt": "hi"}, {"generation": "hello"}),
}


@pytest.mark.parametrize(("request_", "response"), SHAPES.values(), ids=SHAPES.keys())
def test_the_payload_tells_what_was_said(request_: Any, response: Any) -> None:
    span = call({"request": request_, "response": response}, input="cut…", output="cut…")
    assert messages_of(span) == ASKED and answer_of(span) == "hello"


def test_the_agent_vocabulary_has_prompt_and_response() -> None:
    span = call({"model": "m", "prompt": "hi", "response": "hello"})
    assert messages_of(span) == conversation("user: hi") and answer_of(span) == "hello"


def test_without_a_payload_the_attributes_tell() -> None:
    span = call(input=json.dumps(ASKED), output="hello")
    assert messages_of(span) == ASKED and answer_of(span) == "hello"
    assert messages_of(call(input="hi", system="be brief")) == ASKED
    assert messages_of(call(input=ASKED)) == ASKED  # of a file that another program wrote


@pytest.mark.parametrize("payload", [None, {}, [], "x", {"request": 5}, {"request": {"messages": 5}, "response": []}])
def test_what_has_no_such_shape_says_nothing(payload: Optional[Any]) -> None:
    assert messages_of(call(payload)) == [] and answer_of(call(payload)) is None


def test_tool_calls_are_no_answer() -> None:
    response = {"choices": [{"message": {"content": None, "tool_calls": [{"function": {"name": "f"}}]}}]}
    assert answer_of(call({"response": response}, output='[{"name": "f"}]', tool_calls=1)) is None
