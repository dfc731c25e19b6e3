"""What requests and responses say: pure functions of JSON, with no SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peekr_bedrock.bodyjson import parse
from peekr_bedrock.families import read_body, without_vectors
from peekr_bedrock.folds import InvokeFold
from peekr_bedrock.request import body_input, converse_input, encode, plain_input, system_text
from peekr_bedrock.tokens import header_usage, token_attributes

OPENAI_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
FUNCTION = {"id": "c1", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
BODIES: Dict[str, Any] = {
    "claude": {
        "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Paris."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 11, "output_tokens": 7},
    },
    "claude 2": {"completion": "Paris.", "stop_reason": "stop_sequence", "input_tokens": 11, "output_tokens": 7},
    "nova": {
        "output": {"message": {"content": [{"text": "Paris."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18, "cacheReadInputTokenCount": 0},
    },
    "titan": {
        "inputTextTokenCount": 11.0,
        "results": [{"tokenCount": 7.0, "outputText": "Paris.", "completionReason": "FINISH"}],
    },
    "llama": {"generation": "Paris.", "prompt_token_count": 11, "generation_token_count": 7, "stop_reason": "stop"},
    "mistral": {"outputs": [{"text": "Paris.", "stop_reason": "stop"}], "usage": None},
    "mistral chat": {"choices": [{"message": {"content": "Paris."}, "stop_reason": "stop"}], "usage": OPENAI_USAGE},
    "jamba": {"choices": [{"message": {"content": "Paris."}, "finish_reason": "stop"}], "usage": OPENAI_USAGE},
    "deepseek": {"choices": [{"text": "Paris.", "stop_reason": "stop"}]},
    "parts": {"choices": [{"message": {"content": [{"type": "text", "text": "Paris."}]}, "finish_reason": "stop"}]},
    "jurassic": {"completions": [{"data": {"text": "Paris."}, "finishReason": {"reason": "endoftext"}}]},
    "command": {"generations": [{"text": "Paris.", "finish_reason": "COMPLETE"}]},
    "command r": {"text": "Paris.", "finish_reason": "COMPLETE", "chat_history": []},
    "pegasus": {"message": "Paris.", "finishReason": "stop"},
}
UNCOUNTED = ("mistral", "deepseek", "parts", "jurassic", "command", "command r", "pegasus")


@pytest.mark.parametrize("family", BODIES)
def test_the_body_of_each_family(family: str) -> None:
    """LLM-13, LLM-6: text, finish, and the tokens that the body holds; none where it holds none."""
    answer = read_body(BODIES[family])
    assert answer.attributes()["output"] == "Paris."
    assert answer.attributes()["finish_reason"]
    tokens = token_attributes([answer.usage])
    expected = {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18}
    shown = {name: value for name, value in tokens.items() if name != "tokens_cached"}
    assert shown == ({} if family in UNCOUNTED else expected)


@pytest.mark.parametrize(
    "body",
    [
        {"content": [{"type": "tool_use", "name": "weather", "input": {"city": "Paris"}}], "stop_reason": "tool_use"},
        {"output": {"message": {"content": [{"toolUse": {"name": "weather", "input": {"city": "Paris"}}}]}}},
        {"choices": [{"message": {"content": None, "tool_calls": [FUNCTION]}, "finish_reason": "tool_calls"}]},
        {"text": "", "tool_calls": [{"name": "weather", "parameters": {"city": "Paris"}}]},
    ],
)
def test_tool_calls_of_each_format(body: Any) -> None:
    """LLM-7."""
    attributes = read_body(body).attributes()
    (call,) = json.loads(attributes["output"])
    assert (call["name"], json.loads(call["arguments"]), attributes["tool_calls"]) == ("weather", {"city": "Paris"}, 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"content": [], "stop_reason": "refusal"}, "refusal"),
        ({"choices": [{"message": {"refusal": "I cannot."}, "finish_reason": "stop"}]}, "refusal"),
        ({"results": [{"outputText": "", "completionReason": "CONTENT_FILTERED"}]}, "content_filter"),
        ({"generations": [{"text": "", "finish_reason": "ERROR_TOXIC"}]}, "content_filter"),
        ({"text": "", "finish_reason": "ERROR_LIMIT"}, "context_length"),
        ({"choices": [{"message": {}, "finish_reason": "content_filter"}]}, "content_filter"),
    ],
)
def test_refusals_of_each_format(body: Any, reason: str) -> None:
    """LLM-9."""
    assert read_body(body).attributes()["error_reason"] == reason


@pytest.mark.parametrize(
    ("body", "count", "dimensions"),
    [
        ({"embedding": [0.1] * 4, "embeddingsByType": {"float": [0.1] * 4}}, 1, 4),
        ({"embeddingsByType": {"binary": [1, 0]}}, 1, 2),
        ({"embeddings": [[0.1] * 3] * 2}, 2, 3),
        ({"embeddings": {"float": [[0.1] * 3] * 2, "int8": [[1] * 3] * 2}}, 2, 3),
        ({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.1] * 5}]}, 1, 5),
        ({"data": [{"embedding": [0.1] * 6}] * 2, "usage": {"prompt_tokens": 3}}, 2, 6),
        ({"data": {"embedding": [0.1] * 7}}, 1, 7),
        ({"embeddings": []}, None, None),
        ({"embeddings": "base64"}, None, None),
    ],
)
def test_embeddings_of_each_format(body: Any, count: Any, dimensions: Any) -> None:
    """LLM-6: vectors are counted and left out."""
    attributes = read_body(body).attributes()
    assert (attributes["embeddings_count"], attributes["embeddings_dimensions"]) == (count, dimensions)
    assert "0.1" not in json.dumps(without_vectors(body))


def test_data_that_is_no_vector_is_shown() -> None:
    """LLM-4: a body that is a list and no object, as some imported models answer."""
    assert "Paris." in read_body({"data": [{"generated_text": "Paris."}]}).attributes()["output"]


def test_a_stream_of_messages_is_one_text() -> None:
    """STREAM-3: Pegasus."""
    fold = InvokeFold()
    for chunk in ({"message": "Par"}, {"message": "is."}, {"message": "", "finishReason": "stop"}):
        fold.add(chunk)
    answer = read_body(fold.response())
    assert (answer.words, answer.attributes()["finish_reason"], fold.cut) == ("Paris.", "stop", False)


def test_images_are_named_by_their_size() -> None:
    """LLM-11."""
    attributes = read_body({"images": ["iVBOR" * 1000]}).attributes()
    assert (attributes["images_count"], attributes["output"]) == (1, '["<base64, 5000 characters>"]')


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, {}),
        ({"inputTokens": 5}, {"tokens_input": 5}),
        ({"inputTokens": -1, "outputTokens": True, "totalTokens": "3"}, {}),
        ({"inputTokens": float("nan"), "outputTokens": float("inf")}, {}),
        (
            {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 6},
            {"tokens_input": 14, "tokens_output": 4, "tokens_total": 18, "tokens_cached": 5, "tokens_cache_write": 6},
        ),
        (  # a total that leaves no room for cached tokens beside the input: they are in it
            {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12, "cacheReadInputTokens": 8},
            {"tokens_input": 10, "tokens_output": 2, "tokens_total": 12, "tokens_cached": 8},
        ),
        (
            {**OPENAI_USAGE, "prompt_tokens_details": {"cached_tokens": 4}},
            {"tokens_input": 11, "tokens_output": 7, "tokens_total": 18, "tokens_cached": 4},
        ),
        (
            {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}},
            {"tokens_input": 1, "tokens_output": 9, "tokens_total": 10, "tokens_reasoning": 6},
        ),
    ],
)
def test_tokens_of_each_usage(usage: Any, expected: Any) -> None:
    """LLM-6: the input includes what was cached; what is not reported is absent."""
    assert token_attributes([usage]) == expected


def test_headers_complete_what_the_body_does_not_tell() -> None:
    """LLM-6."""
    headers = {
        "x-amzn-bedrock-input-token-count": "4",
        "x-amzn-bedrock-output-token-count": "2",
        "x-amzn-bedrock-cache-read-input-token-count": "3",
        "x-amzn-bedrock-cache-write-input-token-count": "x",
    }
    expected = {"tokens_input": 7, "tokens_output": 2, "tokens_total": 9, "tokens_cached": 3}
    assert token_attributes([None, header_usage(headers)]) == expected
    assert header_usage({"x-amzn-bedrock-input-token-count": "²"}) == {}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"prompt": "Hi"}, "Hi"),
        ({"inputText": "Hi", "textGenerationConfig": {}}, "Hi"),
        ({"texts": ["a", "b"]}, '["a", "b"]'),
        ({"query": "q", "documents": ["d"]}, "q"),
        ({"taskType": "T", "textToImageParams": {"text": "A cat"}}, '"text": "A cat"'),
        ({"message": "Now?", "chat_history": [{"role": "USER", "message": "Hi"}], "preamble": "P"}, '"content": "P"'),
        ({"message": "Now?", "chat_history": [{"role": "CHATBOT", "message": "Hi"}]}, '"role": "assistant"'),
        ({"messages": [{"role": "user", "content": "Hi"}], "system": "S"}, '{"role": "system", "content": "S"}'),
        ({"messages": [], "system": [{"text": "S"}, {"cachePoint": {}}]}, '[{"role": "system", "content": "S"}]'),
        ({"strange": {"a": 1}}, '{"strange": {"a": 1}}'),
    ],
)
def test_the_input_of_each_body(body: Any, shown: str) -> None:
    """LLM-4, LLM-5."""
    assert shown in (body_input(body) or "")


def test_a_system_prompt_of_several_blocks() -> None:
    """LLM-5."""
    assert system_text({"system": [{"text": "A"}, {"cachePoint": {}}, {"text": "B"}]}) == "A\n\nB"
    assert system_text({"system": []}) is None


KEYS = [
    *("output", "content", "results", "outputs", "choices", "generations", "completions", "embedding", "embeddings"),
    *("images", "generation", "outputText", "completion", "text", "message", "messages", "delta", "type", "usage"),
    *("tool_calls", "contentBlockDelta", "contentBlockStart", "metadata", "messageStop", "prompt", "system", "query"),
    *(
        "content_block_delta",
        "message_start",
        "index",
        "stop_reason",
        "chat_history",
        "amazon-bedrock-invocationMetrics",
    ),
]
PLAIN = [None, True, 0, -1, 7, 1.5, float("nan"), "", "text", "tool_use", "message_start", "text_delta", "user"]


def hostile(random: Random, depth: int = 0) -> Any:
    """Any JSON under any of the known names."""
    kind = random.randrange(4) if depth < 5 else 3
    if kind == 0 and depth:
        return [hostile(random, depth + 1) for _ in range(random.randrange(4))]
    if kind <= 1 or not depth:
        return {random.choice(KEYS): hostile(random, depth + 1) for _ in range(random.randrange(5))}
    return random.choice(PLAIN)


@pytest.mark.parametrize("seed", range(20))
def test_no_body_is_an_obstacle(seed: int) -> None:
    """INST-13."""
    random = Random(seed)
    for body in (hostile(random) for _ in range(300)):
        attributes = read_body(body).attributes()
        assert attributes["output"] is None or isinstance(attributes["output"], str)
        assert all(value >= 0 for value in token_attributes([body, body.get("usage")]).values())
        for read in (body_input, converse_input, plain_input):
            shown = read(body)
            assert shown is None or len(shown) <= 1000
        without_vectors(body)


@pytest.mark.parametrize("seed", range(20))
def test_no_chunk_is_an_obstacle(seed: int) -> None:
    """INST-13."""
    random = Random(seed)
    for _ in range(100):
        fold = InvokeFold()
        for chunk in [hostile(random) for _ in range(4)]:
            fold.add(chunk)
        read_body(fold.response())
        assert not (fold.complete and fold.cut)


@given(body=st.binary(max_size=40) | st.text(max_size=40))
def test_any_body_becomes_an_object(body: Any) -> None:
    """INST-13."""
    assert isinstance(parse(body), dict)


def test_parameters_become_json_whatever_they_are() -> None:
    """LLM-11."""
    encoded, cut = encode({"messages": [{"image": b"x" * 9, "more": (bytearray(3), memoryview(b"ab"), {1: object})}]})
    assert not cut
    assert b"<9 bytes>" in encoded and b"<3 bytes>" in encoded and b"<2 bytes>" in encoded


def test_extraction_needs_no_sdk() -> None:
    """Design 5."""
    modules = ("agents", "answer", "bodyjson", "body", "call", "calls", "claude", "converse", "errors", "events")
    code = "import sys\n" + "".join(f"import peekr_bedrock.{name}\n" for name in modules)
    code += "assert not {'botocore', 'boto3', 'aiobotocore'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ({"seeds": [1], "finish_reasons": ["Filter reason: prompt"], "images": [None]}, "Filter reason: prompt"),
        ({"images": [], "error": "Blocked by our content filters."}, "Blocked by our content filters."),
    ],
)
def test_an_image_that_was_withheld_is_a_content_filter(body: Any, output: str) -> None:
    """LLM-9: Stability, Nova Canvas."""
    found = read_body(body).attributes()
    assert (found["output"], found["error_reason"], found["images_count"]) == (output, "content_filter", 0)


def test_images_of_stability_have_no_reason_to_tell() -> None:
    """LLM-3."""
    found = read_body({"seeds": [1], "finish_reasons": [None], "images": ["A" * 400]}).attributes()
    assert (found["error_reason"], found["finish_reason"], found["images_count"]) == (None, None, 1)
    assert found["output"] == '["<base64, 400 characters>"]'
    older = read_body({"artifacts": [{"base64": "A" * 400, "finishReason": "SUCCESS"}]}).attributes()
    assert older["output"] == '[{"base64": "<base64, 400 characters>", "finishReason": "SUCCESS"}]'


def test_an_image_of_converse_is_shown() -> None:
    """LLM-3: nothing was said."""
    block = {"image": {"format": "png", "source": {"bytes": "<3 bytes>"}}}
    body = {"output": {"message": {"content": [{"reasoningContent": {}}, block]}}, "stopReason": "end_turn"}
    assert json.loads(read_body(body).attributes()["output"]) == [block]


def test_what_changes_the_price_of_converse_is_told() -> None:
    """COST: the tier, and what was written to the cache for an hour."""
    details = [{"ttl": "5m", "inputTokens": 10}, {"ttl": "1h", "inputTokens": 30}]
    usage = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 52, "cacheWriteInputTokens": 40}
    body = {"output": {"message": {"content": []}}, "serviceTier": {"type": "priority"}}
    assert read_body(body).attributes()["service_tier"] == "priority"
    found = token_attributes([{**usage, "cacheDetails": details}])
    assert (found["tokens_input"], found["tokens_cache_write"], found["tokens_cache_write_1h"]) == (45, 40, 30)
    claude = {"input_tokens": 5, "output_tokens": 7, "cache_creation_input_tokens": 40}
    found = token_attributes([{**claude, "cache_creation": {"ephemeral_1h_input_tokens": 40}}])
    assert (found["tokens_input"], found["tokens_cache_write_1h"]) == (45, 40)


def test_a_body_of_hugging_face_is_its_text() -> None:
    """LLM-3: an imported or marketplace model."""
    assert read_body({"generated_text": "Paris."}).attributes()["output"] == "Paris."
