"""Spans with the names of OpenInference, which Phoenix and others show (contract OTLP-3).

https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from peekr.spans import Span
from peekr_otlp.conventions import LATEST, TABLES
from peekr_otlp.messages import Message, conversation_of
from peekr_otlp.modalities import tokens_by_modality
from peekr_otlp.parts import Part
from peekr_otlp.view import View, common, events_of, json_text, name_of, payload_of

#: OpenInference has no event for scores: those are of the GenAI conventions here too.
_TABLE = TABLES[LATEST]
_KINDS = {
    "llm": "LLM",
    "embedding": "EMBEDDING",
    "tool": "TOOL",
    "run": "AGENT",
    "agent": "AGENT",
    "retriever": "RETRIEVER",
    "retrieval": "RETRIEVER",
    "rag": "RETRIEVER",
    "rerank": "RERANKER",
    "guardrail": "GUARDRAIL",
    "evaluator": "EVALUATOR",
    "memory_read": "RETRIEVER",
}
_NAMES = {
    "tokens_input": "llm.token_count.prompt",
    "tokens_output": "llm.token_count.completion",
    "tokens_total": "llm.token_count.total",
    "tokens_cached": "llm.token_count.prompt_details.cache_read",
    "tokens_cache_write": "llm.token_count.prompt_details.cache_write",
    "tokens_reasoning": "llm.token_count.completion_details.reasoning",
    "cost_usd": "llm.cost.total",
    "finish_reason": "llm.finish_reason",
    "session_id": "session.id",
    "user_id": "user.id",
    "tool_name": "tool.name",
    "tool_description": "tool.description",
    "tool_call_id": "tool.id",
    "agent_name": "agent.name",
    "error_type": "error.type",
    "error": "error.message",
}
_AUDIO = {
    "input_tokens": "llm.token_count.prompt_details.audio",
    "output_tokens": "llm.token_count.completion_details.audio",
}
_SYSTEMS = {"azure": "openai", "bedrock": "aws", "gemini": "google", "vertex": "google"}
_IN_REQUEST = frozenset(
    (
        "messages",
        "contents",
        "input",
        "prompt",
        "tools",
        "toolConfig",
        "system",
        "instructions",
        "model",
        "config",
        "body",
    )
)


def openinference(span: Span, given: Dict[str, Any]) -> View:
    """Convert a span."""
    kind = given["kind"]
    events = events_of(span, given, _TABLE)
    out = common(span, given)
    out["openinference.span.kind"] = _KINDS.get(kind, "CHAIN")
    if kind == "llm":
        _llm(span, given, out)
    elif kind == "embedding":
        out["embedding.model_name"] = given.get("model")
    elif kind == "tool":
        given.setdefault("tool_name", str(span.name).partition("tool.")[2] or name_of(span))
        out["tool.parameters"] = given.get("input")
    elif kind == "run":
        given.setdefault("agent_name", name_of(span))
    _documents(given, out)
    _values(given, out)
    for name, value in given.items():
        out.setdefault(_NAMES.get(name, name), value)
    return View(name_of(span), out, events)


def _values(given: Dict[str, Any], out: Dict[str, Any]) -> None:
    for name in ("input", "output"):
        value = given.pop(name, None)
        if value is not None:
            shown = value if isinstance(value, str) else json_text(value)
            out.setdefault(f"{name}.value", shown)
            out[f"{name}.mime_type"] = "application/json" if shown[:1] in ("{", "[") else "text/plain"


def _llm(span: Span, given: Dict[str, Any], out: Dict[str, Any]) -> None:
    out["llm.model_name"] = model = given.pop("model", None)
    out["llm.request.model_name"] = given.pop("model_requested", None) or model
    if given.get("error") is None:
        out["llm.response.model_name"] = model
    provider = given.pop("provider", None)
    out["llm.provider"] = provider
    out["llm.system"] = _SYSTEMS.get(provider, provider) if isinstance(provider, str) else None
    if "input" not in given and "output" not in given:
        return
    payload = payload_of(span)
    told = conversation_of(payload, given)
    system: List[Message] = [{"role": "system", "parts": told.system}] if told.system else []
    _messages("llm.input_messages", [*system, *told.input], out)
    _messages("llm.output_messages", told.output, out)
    chosen = {key: value for key, value in told.request.items() if key not in _IN_REQUEST}
    if chosen:
        out["llm.invocation_parameters"] = json_text(chosen)
    for (modality, tokens), count in tokens_by_modality(payload).items():
        if modality == "audio" and tokens in _AUDIO:
            out[_AUDIO[tokens]] = count
    for number, tool in enumerate(told.tools):
        out[f"llm.tools.{number}.tool.json_schema"] = json_text(tool)


def _messages(prefix: str, messages: List[Message], out: Dict[str, Any]) -> None:
    for number, message in enumerate(messages):
        at = f"{prefix}.{number}.message"
        out[f"{at}.role"] = message["role"]
        parts: List[Part] = message["parts"]
        words = [str(part["content"]) for part in parts if part["type"] == "text"]
        words += [_shown(part["response"]) for part in parts if part["type"] == "tool_call_response"]
        if words:
            out[f"{at}.content"] = "\n".join(words)
        calls = [part for part in parts if part["type"] == "tool_call"]
        for which, call in enumerate(calls):
            _call(f"{at}.tool_calls.{which}.tool_call", call, out)
        answered = [part["id"] for part in parts if part["type"] == "tool_call_response" and part.get("id")]
        if answered:
            out[f"{at}.tool_call_id"] = answered[0]


def _call(at: str, call: Mapping[str, Any], out: Dict[str, Any]) -> None:
    if call.get("id"):
        out[f"{at}.id"] = call["id"]
    out[f"{at}.function.name"] = call["name"]
    out[f"{at}.function.arguments"] = _shown(call["arguments"])


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _documents(given: Dict[str, Any], out: Dict[str, Any]) -> None:
    found = given.pop("rag.retrieved_docs", None)
    for number, one in enumerate(found if isinstance(found, list) else ()):
        at = f"retrieval.documents.{number}.document"
        document = one if isinstance(one, dict) else {"content": one}
        for name in ("id", "content", "score"):
            if document.get(name) is not None:
                out[f"{at}.{name}"] = document[name]
