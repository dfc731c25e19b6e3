"""Every provider's conversations as messages of the GenAI conventions (field.md C: messages in / out)."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peekr_otlp.messages import Conversation, conversation_of
from peekr_otlp.parts import parts_of

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "recordings"


def text(words: str) -> Dict[str, Any]:
    return {"type": "text", "content": words}


CALL = {"type": "tool_call", "name": "weather", "id": "c1", "arguments": {"city": "Paris"}}
RESULT = {"type": "tool_call_response", "id": "c1", "response": "sunny"}
WANTED = [
    {"role": "user", "parts": [text("Weather?")]},
    {"role": "assistant", "parts": [CALL]},
    {"role": "tool", "parts": [RESULT]},
]
#: One conversation as each API has it: request, response.
CONVERSATIONS: Dict[str, Any] = {
    "openai chat": (
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            ]
        },
        {"choices": [{"message": {"role": "assistant", "content": "Sunny."}, "finish_reason": "stop"}]},
    ),
    "openai responses": (
        {
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
                {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Paris"}'},
                {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            ]
        },
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny."}]}]},
    ),
    "anthropic": (
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sunny"}]},
            ]
        },
        {"role": "assistant", "content": [{"type": "text", "text": "Sunny."}], "stop_reason": "end_turn"},
    ),
    "bedrock": (
        {
            "messages": [
                {"role": "user", "content": [{"text": "Weather?"}]},
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Paris"}}}],
                },
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "sunny"}]}}]},
            ]
        },
        {"output": {"message": {"role": "assistant", "content": [{"text": "Sunny."}]}}, "stopReason": "end_turn"},
    ),
    "gemini": (
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Weather?"}]},
                {
                    "role": "model",
                    "parts": [{"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Paris"}}}],
                },
                {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "weather", "response": "sunny"}}]},
            ]
        },
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Sunny."}]}, "finishReason": "STOP"}]},
    ),
    "langchain": (
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"name": "weather", "arguments": '{"city":"Paris"}', "id": "c1"}],
                },
                {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
            ]
        },
        {"messages": [{"role": "assistant", "content": "Sunny."}]},
    ),
}


@pytest.mark.parametrize("api", CONVERSATIONS)
def test_the_same_conversation_comes_out_of_every_api(api: str) -> None:
    """field.md C: roles, text, tool calls and their results."""
    request, response = CONVERSATIONS[api]
    told = conversation_of({"request": request, "response": response}, {})
    assert told.input == WANTED
    assert told.output == [{"role": "assistant", "parts": [text("Sunny.")], "finish_reason": "stop"}]


@pytest.mark.parametrize(
    "request_",
    [
        {"system": "Be short.", "messages": []},
        {"system": [{"type": "text", "text": "Be short."}]},
        {"system": [{"text": "Be short."}]},
        {"instructions": "Be short."},
        {"systemInstruction": {"parts": [{"text": "Be short."}]}},
        {"config": {"system_instruction": "Be short."}},
    ],
)
def test_a_system_prompt_that_stands_apart_is_told_apart(request_: Any) -> None:
    """field.md C: gen_ai.system_instructions."""
    assert conversation_of({"request": request_}, {}).system == [text("Be short.")]


def test_events_of_an_agent_are_conversations_too() -> None:
    """MODEL-2: trace.llm(model, prompt, response)."""
    told = conversation_of({"model": "m", "prompt": "Weather?", "response": "Sunny."}, {"finish_reason": "length"})
    assert told.input == [{"role": "user", "parts": [text("Weather?")]}]
    assert told.output == [{"role": "assistant", "parts": [text("Sunny.")], "finish_reason": "length"}]


def test_without_a_payload_the_attributes_tell() -> None:
    """LLM-4: input is the JSON text of the messages, output the text of the answer."""
    told = conversation_of(None, {"input": '[{"role":"user","content":"Weather?"}]', "output": "Sunny."})
    assert told.input == [WANTED[0]] and told.output[0]["parts"] == [text("Sunny.")]
    cut = conversation_of(None, {"input": '[{"role":"user","cont…', "output": ""})
    assert cut.input == [{"role": "user", "parts": [text('[{"role":"user","cont…')]}] and cut.output == []


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"type": "thinking", "thinking": "hm"}, {"type": "reasoning", "content": "hm"}),
        ({"text": "hm", "thought": True}, {"type": "reasoning", "content": "hm"}),
        ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"type": "reasoning", "content": "hm"}),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ),
        (
            {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
            {"type": "blob", "modality": "audio", "mime_type": "audio/mp3", "content": "AAAA"},
        ),
        ({"type": "refusal", "refusal": "No."}, {"type": "text", "content": "No."}),
        (
            {"type": "document", "source": {"type": "file", "file_id": "f1"}},
            {"type": "file", "modality": "document", "file_id": "f1"},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "AAAA"},
        ),
        (
            {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4"}}}},
            {"type": "uri", "modality": "video", "uri": "s3://b/v.mp4"},
        ),
        (
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
            {
                "type": "server_tool_call",
                "id": "s1",
                "name": "web_search",
                "server_tool_call": {
                    "type": "server_tool_use",
                    "id": "s1",
                    "name": "web_search",
                    "input": {"query": "x"},
                },
            },
        ),
        (
            {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
            {
                "type": "server_tool_call_response",
                "id": "s1",
                "server_tool_call_response": {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
            },
        ),
        (
            {"type": "compaction", "id": "c1", "content": "so far"},
            {"type": "compaction", "id": "c1", "content": "so far"},
        ),
        ({"type": "new_thing", "x": 1}, {"type": "generic", "generic_type": "new_thing", "x": 1}),
        (
            {"type": "document", "source": {"type": "content", "content": "words"}},
            {"type": "generic", "generic_type": "document", "source": {"type": "content", "content": "words"}},
        ),
        (
            {"cachePoint": {"type": "default"}},
            {"type": "generic", "generic_type": "cachePoint", "cachePoint": {"type": "default"}},
        ),
    ],
)
def test_parts_other_than_text(content: Any, part: Any) -> None:
    """field.md C: part types; what has no type of its own is generic."""
    assert parts_of(content) == [part]


def test_what_ran_at_the_providers_is_part_of_the_answer() -> None:
    """field.md C: server_tool_call; items of the Responses API stand beside the messages."""
    search = {"type": "web_search_call", "id": "ws_1", "action": {"query": "x"}}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Found."}]}
    told = conversation_of({"request": {}, "response": {"output": [search, said]}}, {})
    (answer,) = told.output
    assert [part["type"] for part in answer["parts"]] == ["server_tool_call", "text"]
    assert answer["parts"][0]["id"] == "ws_1"


KEYS = (
    *("messages", "content", "parts", "role", "type", "text", "input", "output", "choices", "message", "tool_calls"),
    *("function", "name", "arguments", "candidates", "source", "url", "image_url", "toolUse", "toolResult"),
    *("functionCall", "response", "summary", "system", "prompt"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "content",
                    "parts",
                    "role",
                    "type",
                    "text",
                    "input",
                    "output",
                    "choices",
                    "message",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "candidates",
                    "source",
                    "url",
                    "image_url",
                    "toolUse",
                    "toolResult",
                    "functionCall",
                    "response",
                    "summary",
                    "system",
                    "prompt",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(JSON, JSON)
def test_no_shape_of_a_payload_is_refused(request: Any, response: Any) -> None:
    """EXP-6: what a program sends may be anything."""
    for payload in ({"request": request, "response": response}, request):
        told = conversation_of(payload, {"input": request, "output": response})
        assert isinstance(told, Conversation)
        json.dumps([told.system, told.input, told.output])
        assert all(message["parts"] is not None and message["role"] for message in [*told.input, *told.output])


def _recordings() -> List[Any]:
    if not FOLDER.is_dir():
        return []
    spec = importlib.util.spec_from_file_location("peekr_recordings_replay_otlp", FOLDER / "replay.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return list(module.load_all())


def _said(messages: List[Any], kind: str) -> List[Any]:
    return [part for message in messages for part in message["parts"] if part["type"] == kind]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recordings of ../shared are not here")
def test_recorded_answers_lose_neither_words_nor_tool_calls() -> None:
    """Issue 4, field.md C: real answers of all providers, against what an own parser found in them."""
    checked = 0
    for recording in _recordings():
        if recording["stream"] or recording["response"]["status"] >= 300 or "body" not in recording["response"]:
            continue
        expected = recording["expected"]
        if not (expected.get("output_text") or expected.get("tool_calls")):
            continue
        response = json.loads(recording["response"]["body"])
        told = conversation_of({"request": recording["request"]["body"], "response": response}, {})
        words = "".join(part["content"] for part in _said(told.output, "text"))
        for piece in (expected.get("output_text") or "").split():
            assert piece in words, recording["id"]
        names = [part["name"] for part in _said(told.output, "tool_call")]
        for call in expected.get("tool_calls") or ():
            assert call["name"] in names, recording["id"]
        assert told.input, recording["id"]
        checked += 1
    assert checked > 300
