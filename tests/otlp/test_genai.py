"""Spans with the names of the GenAI semantic conventions, by the one versioned table (issue 4, field.md C)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

import pytest

import peekr_otlp
from peekr import wire
from peekr.spans import Span
from peekr.testing.conformance import sample_span
from peekr_otlp import OTLPExporter
from peekr_otlp.conventions import LATEST, TABLES
from peekr_otlp.genai import genai
from peekr_otlp.view import View, given_attributes

REQUEST: Dict[str, Any] = {
    "model": "gpt-4o",
    "temperature": 0,
    "max_tokens": 300,
    "top_p": 0.9,
    "seed": 7,
    "stop": "END",
    "n": 1,
    "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Capital?"}],
    "tools": [{"type": "function", "function": {"name": "lookup"}}],
}
RESPONSE = {"choices": [{"message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}]}


def span_of(kind: str, name: str = "x", payload: Any = None, **attributes: Any) -> Span:
    return sample_span(2, name=name, attributes={"kind": kind, **attributes}, payload=payload)


def view(span: Span, version: str = LATEST, content: bool = True, **options: Any) -> View:
    return genai(TABLES[version], **options)(span, given_attributes(span, content))


def test_an_llm_call_has_model_tokens_parameters_and_messages() -> None:
    """field.md C: the mapping of our fields."""
    span = span_of(
        "llm",
        "openai.chat.completions",
        {"request": REQUEST, "response": RESPONSE},
        provider="openai",
        model="gpt-4o-2024-08-06",
        response_id="chatcmpl-1",
        input="[…]",
        output="Paris.",
        finish_reason="stop",
        tokens_input=21,
        tokens_output=7,
        tokens_cached=4,
        tokens_cache_write=3,
        tokens_reasoning=2,
        streaming=True,
        ttft_ms=250.0,
        server="models.example",
        session_id="s1",
        user_id="alice",
    )
    got = view(span).attributes
    wanted = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 21,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 300,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.conversation.id": "s1",
        "user.id": "alice",
        "server.address": "models.example",
    }
    assert {name: got.get(name) for name in wanted} == wanted
    assert isinstance(got["gen_ai.request.temperature"], float) and got.get("gen_ai.request.choice.count") is None
    assert json.loads(got["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Capital?"}]},
    ]
    assert json.loads(got["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Paris."}], "finish_reason": "stop"}
    ]
    assert json.loads(got["gen_ai.tool.definitions"]) == REQUEST["tools"]
    assert "input" not in got and "model" not in got


def test_an_older_version_has_the_names_of_its_time() -> None:
    """Issue 4: one versioned table."""
    span = span_of("llm", model="gpt-4o", tokens_input=21, tokens_cached=4)
    got = view(span, "1.37.0").attributes
    assert got["gen_ai.usage.input_tokens"] == 21 and got["tokens_cached"] == 4
    assert "gen_ai.usage.cache_read.input_tokens" not in got
    assert TABLES["1.37.0"].schema_url != TABLES[LATEST].schema_url


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("azure", "azure.ai.openai"),
        ("bedrock", "aws.bedrock"),
        ("gemini", "gcp.gemini"),
        ("vertex", "gcp.vertex_ai"),
        ("anthropic", "anthropic"),
        ("a new one", "a new one"),
    ],
)
def test_providers_have_the_names_of_the_registry(ours: str, theirs: str) -> None:
    """field.md C: gen_ai.provider.name."""
    assert view(span_of("llm", provider=ours)).attributes["gen_ai.provider.name"] == theirs


@pytest.mark.parametrize(
    ("kind", "name", "operation", "shown"),
    [
        ("llm", "openai.chat.completions", "chat", "chat gpt-4o"),
        ("llm", "openai.completions", "text_completion", "text_completion gpt-4o"),
        ("llm", "gemini.generate_content_stream", "generate_content", "generate_content gpt-4o"),
        ("embedding", "openai.embeddings", "embeddings", "embeddings gpt-4o"),
        ("tool", "tool.search", "execute_tool", "execute_tool search"),
        ("run", "planner", "invoke_agent", "invoke_agent planner"),
        ("retriever", "find", "retrieval", "retrieval"),
        ("memory_read", "memory.read", "search_memory", "search_memory"),
        ("function", "app.f", None, "app.f"),
    ],
)
def test_operations_and_span_names(kind: str, name: str, operation: Any, shown: str) -> None:
    """field.md C: span names and kinds; peekr's own names are kept unless asked otherwise."""
    found = view(span_of(kind, name, model="gpt-4o"))
    assert found.attributes.get("gen_ai.operation.name") == operation and found.name == name
    assert view(span_of(kind, name, model="gpt-4o"), span_names="genai").name == shown


def test_a_tool_call_has_arguments_and_result() -> None:
    """field.md C: tool spans."""
    got = view(span_of("tool", "tool.search", input='{"q": 1}', output="r", tool_call_id="c1")).attributes
    assert got["gen_ai.tool.name"] == "search" and got["gen_ai.tool.type"] == "function"
    assert (got["gen_ai.tool.call.arguments"], got["gen_ai.tool.call.result"]) == ('{"q": 1}', "r")
    assert got["gen_ai.tool.call.id"] == "c1"


def test_a_retrieval_has_query_and_documents() -> None:
    """field.md C: retrieval."""
    got = view(span_of("retriever", **{"rag.query": "q", "rag.retrieved_docs": ["one", {"id": "d", "score": 0.5}]}))
    assert got.attributes["gen_ai.retrieval.query.text"] == "q"
    documents = json.loads(got.attributes["gen_ai.retrieval.documents"])
    assert documents == [{"id": "0", "content": "one"}, {"id": "d", "score": 0.5}]


def test_scores_are_events_of_the_judged_span(receiver: Any) -> None:
    """Issue 4: gen_ai.evaluation.result; a judge that failed is a state, not a score."""
    span = span_of("llm", eval_scores={"Rubric": 0.5}, eval_errors={"Faith": "TimeoutError: late"}, response_id="r1")
    OTLPExporter(receiver.url).export(span)
    assert receiver.only.events == [
        (
            "gen_ai.evaluation.result",
            {"gen_ai.evaluation.name": "Rubric", "gen_ai.evaluation.score.value": 0.5, "gen_ai.response.id": "r1"},
        ),
        (
            "gen_ai.evaluation.result",
            {"gen_ai.evaluation.name": "Faith", "error.type": "TimeoutError", "gen_ai.response.id": "r1"},
        ),
    ]
    assert receiver.only.attributes["peekr.eval.Rubric"] == 0.5
    assert receiver.only.schema_url == TABLES[LATEST].schema_url


def test_a_failure_has_a_type() -> None:
    """field.md C: error.type."""
    span = sample_span(5, attributes={"kind": "llm", "error": "too many", "error_type": "RateLimitError"})
    found = view(span)
    assert found.attributes["error.type"] == "RateLimitError" and found.attributes["error.message"] == "too many"
    assert found.events[0][0] == "exception" and "gen_ai.response.model" not in found.attributes


def test_no_session_means_no_conversation() -> None:
    """field.md C: never invent a conversation id."""
    assert "gen_ai.conversation.id" not in view(sample_span(1, session_id=None, attributes={})).attributes


def test_attributes_of_the_program_keep_their_names() -> None:
    """OTLP-2: what the conventions do not name is left as it is."""
    got = view(span_of("function", feature="search", custom={"a": 1}, input="i", output="o")).attributes
    assert (got["feature"], got["custom"], got["input"], got["output"]) == ("search", {"a": 1}, "i", "o")
    assert got["peekr.kind"] == "function" and got["peekr.run.id"] == span_of("function").run_id


def test_without_captured_content_there_are_no_messages() -> None:
    """LLM-12: tokens and model remain."""
    got = view(span_of("llm", model="gpt-4o", tokens_input=3)).attributes
    assert got["gen_ai.usage.input_tokens"] == 3 and not [name for name in got if "messages" in name]


def test_the_names_stand_in_one_module_only() -> None:
    """Issue 4: the GenAI semantic conventions in one versioned mapping table."""
    folder = Path(peekr_otlp.__file__).parent
    naming = {
        path.name for path in folder.glob("*.py") if re.search(r"[\"']gen_ai\.", path.read_text(encoding="utf-8"))
    }
    assert naming == {"conventions.py"}


def test_converting_changes_no_span() -> None:
    """EXP-6: other exporters see the same span."""
    span = span_of("llm", "n", {"request": REQUEST, "response": RESPONSE}, model="m", input="i", eval_scores={"a": 1.0})
    before = wire.encode(span.to_dict())
    view(span)
    assert wire.encode(span.to_dict()) == before


def test_openai_has_attributes_of_its_own() -> None:
    """field.md C: OpenAI extras, output type and reasoning level."""
    request = {**REQUEST, "service_tier": "auto", "reasoning": {"effort": "low"}}
    request["text"] = {"format": {"type": "json_schema", "name": "x"}}
    response = {**RESPONSE, "service_tier": "default", "system_fingerprint": "fp_1"}
    span = span_of("llm", "openai.responses", {"request": request, "response": response}, model="m", input="i")
    wanted = {
        "openai.api.type": "responses",
        "openai.request.service_tier": "auto",
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1",
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
    }
    got = view(span).attributes
    assert {name: got.get(name) for name in wanted} == wanted
    other = span_of("llm", "anthropic.messages", {"request": request, "response": response}, model="m", input="i")
    assert not [name for name in view(other).attributes if name.startswith("openai.")]


def test_a_failed_call_has_error_for_a_finish_reason() -> None:
    """field.md C: ``error`` where none came."""
    span = span_of("llm", model="m", error="no", error_type="RateLimitError")
    span.status = "error"
    assert view(span).attributes["gen_ai.response.finish_reasons"] == ["error"]
    assert "gen_ai.response.finish_reasons" not in view(span_of("llm", model="m")).attributes


def test_chains_prompts_and_queries_of_memory_have_names() -> None:
    """field.md C: workflow, prompt template, memory."""
    chain = view(span_of("chain", "langchain.chain.Retrieval"), span_names="genai")
    assert chain.attributes["gen_ai.workflow.name"] == "langchain.chain.Retrieval"
    assert chain.name == "invoke_workflow langchain.chain.Retrieval"
    got = view(span_of("llm", model="m", prompt_name="greet", prompt_version="3")).attributes
    assert (got["gen_ai.prompt.name"], got["gen_ai.prompt.version"]) == ("greet", "3")
    memory = view(span_of("memory_read", event_type="memory_read", memory_query="seat?", memory_key="k")).attributes
    assert memory["gen_ai.memory.query.text"] == "seat?"


def test_what_agents_said_and_remember_stays_where_content_does() -> None:
    """LLM-12, PIPE-8: capture_content=False."""
    words = {
        "memories": [{"id": "1", "text": "SECRET"}],
        **dict.fromkeys(("memory_query", "message_content", "handoff_reason", "context_summary", "result"), "SECRET"),
        "task_data": {"a": "SECRET"},
    }
    assert "SECRET" not in repr(view(span_of("memory_read", **words), content=False).attributes)


@pytest.mark.parametrize(
    ("request_", "name", "value"),
    [
        ({"modelId": "m", "body": {"max_tokens": 10}}, "gen_ai.request.max_tokens", 10),
        ({"modelId": "m", "body": {"textGenerationConfig": {"maxTokenCount": 9}}}, "gen_ai.request.max_tokens", 9),
        ({"modelId": "m", "body": {"stop_sequences": ["|"]}}, "gen_ai.request.stop_sequences", ["|"]),
        ({"inferenceConfig": {"maxTokens": 5}}, "gen_ai.request.max_tokens", 5),
        (
            {"additionalModelRequestFields": {"output_config": {"effort": "high"}}},
            "gen_ai.request.reasoning.level",
            "high",
        ),
        ({"output_config": {"format": {"type": "json_schema"}}}, "gen_ai.output.type", "json"),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}, "gen_ai.request.reasoning.level", "low"),
        ({"generationConfig": {"responseMimeType": "application/json"}}, "gen_ai.output.type", "json"),
        ({"config": {"candidate_count": 3}}, "gen_ai.request.choice.count", 3),
    ],
)
def test_parameters_are_found_where_each_provider_keeps_them(request_: Any, name: str, value: Any) -> None:
    """field.md C: params."""
    span = span_of("llm", payload={"request": request_, "response": {}}, model="m", input="hi")
    assert view(span).attributes[name] == value


@pytest.mark.parametrize(
    "request_",
    [
        {"tools": [{"name": "search"}]},
        {"modelId": "m", "body": {"tools": [{"name": "search"}]}},
        {"toolConfig": {"tools": [{"name": "search"}], "toolChoice": {"auto": {}}}},
    ],
    ids=["tools", "InvokeModel", "Converse"],
)
def test_tools_are_found_where_each_provider_keeps_them(request_: Any) -> None:
    """field.md C: tool defs."""
    span = span_of("llm", payload={"request": request_, "response": {}}, model="m", input="hi")
    assert json.loads(view(span).attributes["gen_ai.tool.definitions"]) == [{"name": "search"}]


@pytest.mark.parametrize(
    "usage",
    [
        {
            "usage": {
                "prompt_tokens_details": {"audio_tokens": 40, "text_tokens": 20, "cached_tokens": 5},
                "completion_tokens_details": {"audio_tokens": 7, "image_tokens": 0, "reasoning_tokens": 2},
            }
        },
        {
            "usageMetadata": {
                "promptTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 40},
                    {"modality": "TEXT", "tokenCount": 20},
                ],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "VIDEO"}],
            }
        },
    ],
    ids=["OpenAI", "Gemini"],
)
def test_tokens_are_told_apart_by_modality(usage: Any) -> None:
    """field.md C: modality split; receivers of older conventions know none."""
    span = span_of("llm", payload={"request": {}, "response": usage}, model="m", input="hi")
    got = view(span).attributes
    wanted = {"audio.input_tokens": 40, "text.input_tokens": 20, "audio.output_tokens": 7}
    found = {name[13:]: got[name] for name in got if name.startswith("gen_ai.usage.")}
    assert found == wanted
    assert not [name for name in view(span, "1.37.0").attributes if name.startswith("gen_ai.usage.")]


def test_a_compacted_conversation_says_so() -> None:
    """field.md C: true, never false."""

    def compacted(content: Any) -> Any:
        messages = [{"role": "assistant", "content": [content]}, {"role": "user", "content": "on"}]
        span = span_of("llm", payload={"request": {"messages": messages}, "response": {}}, model="m", input="on")
        return view(span).attributes.get("gen_ai.conversation.compacted")

    assert compacted({"type": "compaction", "content": "so far"}) is True
    assert compacted({"type": "text", "text": "so far"}) is None


def test_memories_have_a_store_and_an_id() -> None:
    """field.md C: memory; without content their names are still told."""
    span = span_of("memory_read", event_type="memory_read", memory_store="redis", memory_key="user:1", output="{}")
    for content in (True, False):
        got = view(span, content=content).attributes
        assert (got["gen_ai.memory.store.id"], got["gen_ai.memory.record.id"]) == ("redis", "user:1")
