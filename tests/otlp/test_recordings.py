"""Recorded calls of every provider under the names of the GenAI conventions (field.md C)."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

import pytest
from tests import recordings

from peekr.testing import record
from peekr_otlp.conventions import LATEST, TABLES
from peekr_otlp.genai import genai
from peekr_otlp.view import given_attributes

SDKS = {"openai": "openai", "anthropic": "anthropic", "bedrock": "boto3", "gemini": "google.genai"}
OPERATIONS = {"chat", "generate_content", "text_completion", "embeddings"}
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "bedrock": "aws.bedrock", "gemini": "gcp.gemini"}
#: What an own parser found in the bytes → the attribute that tells it.
TOLD = {
    "tokens_input": "gen_ai.usage.input_tokens",
    "tokens_output": "gen_ai.usage.output_tokens",
    "finish_reason": "gen_ai.response.finish_reasons",
    "output_text": "gen_ai.output.messages",
    "tool_calls": "gen_ai.output.messages",
}
#: Keys of requests, at any depth → the attribute.
ASKED = {
    "max_tokens": "gen_ai.request.max_tokens",
    "maxTokens": "gen_ai.request.max_tokens",
    "maxTokenCount": "gen_ai.request.max_tokens",
    "maxOutputTokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "tools": "gen_ai.tool.definitions",
}


def _first_of_each() -> List[Any]:
    """One answer of each operation, whole and streamed; those that ask for most come first."""
    replay = recordings.replay()
    found: Dict[Any, Any] = {}
    for each in replay.load_all() if replay else ():
        kind = each["provider"], each["operation"], each["stream"]
        if each["response"]["status"] == 200 and each["variant"] == each["provider"] and "count" not in kind[1]:
            rival = found.get(kind)
            if rival is None or len(set(_keys(each["request"]["body"]))) > len(set(_keys(rival["request"]["body"]))):
                found[kind] = each
    return list(found.values())


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner and key not in ("messages", "properties", "parameters", "inputSchema", "input_schema"):
                yield key
                yield from _keys(inner)


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
@pytest.mark.skipif(recordings.replay() is None, reason="the recordings of ../shared are not here")
@pytest.mark.parametrize("recording", _first_of_each(), ids=lambda each: each["id"])
def test_a_recorded_call_has_what_the_conventions_ask_for(recording: Any) -> None:
    provider, expected = recording["provider"], recording["expected"]
    pytest.importorskip(SDKS[provider])
    pytest.importorskip(f"peekr_{provider}")
    replay = recordings.replay()
    with replay.Replay(recording) as server, record(plugins=[provider]) as spans:
        client = replay.client(recording, server.url)
        replay.drain(replay.call(client, recording))
        span = spans.only
    got = genai(TABLES[LATEST])(span, given_attributes(span, content=True)).attributes
    assert got["gen_ai.operation.name"] in OPERATIONS
    assert got["gen_ai.provider.name"] == PROVIDERS[provider]
    assert got["gen_ai.request.model"] and got["gen_ai.response.model"]
    assert (got.get("gen_ai.request.stream") is True) == recording["stream"]
    asked = {ASKED[key] for key in _keys(recording["request"]["body"]) if key in ASKED}
    told = {attribute for name, attribute in TOLD.items() if expected.get(name)}
    assert {name for name in asked | told if got.get(name) is None} == set()
