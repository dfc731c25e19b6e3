"""The one table of names: peekr's attributes → the OpenTelemetry GenAI semantic conventions, by version.

Source: https://github.com/open-telemetry/semantic-conventions-genai, none of it stable yet. A new version of the
conventions is a new entry of :data:`TABLES`; nothing else in this package spells a ``gen_ai.`` name.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import attrs

#: Version of the conventions that is written by default.
LATEST = "1.42.0-dev"


@attrs.define(slots=True, frozen=True)
class Table:
    """Names of one version of the conventions.

    :ivar attributes: peekr attribute → attribute, value unchanged.
    :ivar converted: peekr attribute → attribute and what makes the value.
    :ivar content: logical name of something that was said → attribute.
    :ivar modality_tokens: the form of the attributes of tokens by modality; None where there are none.
    :ivar parameters: key of a request, in any provider's spelling → attribute and type.
    :ivar operations: span kind → ``gen_ai.operation.name``.
    :ivar providers: peekr's provider → ``provider`` attribute's value; others as they are.
    :ivar openai: of calls of OpenAI's API: part of the payload and key in it → attribute.
    :ivar openai_apis: beginning of the span's name → value of ``openai_api``.
    """

    version: str
    schema_url: str
    operation: str
    provider: str
    request_model: str
    response_model: str
    agent_name: str
    tool_name: str
    attributes: Mapping[str, str]
    converted: Mapping[str, Tuple[str, Callable[[Any], Any]]]
    content: Mapping[str, str]
    parameters: Mapping[str, Tuple[str, Callable[[Any], Any]]]
    evaluation: Mapping[str, str]
    operations: Mapping[str, str]
    providers: Mapping[str, str]
    workflow_name: Optional[str]
    finish_reasons: str
    openai: Mapping[Tuple[str, str], str]
    openai_api: str
    openai_apis: Mapping[str, str]
    modality_tokens: Optional[str]


def _texts(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _reasons(value: Any) -> Any:
    return str(value).split(",")


def _seconds(value: Any) -> Any:
    return value / 1000 if isinstance(value, (int, float)) else None


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _int(value: Any) -> Any:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _several(value: Any) -> Any:
    return value if isinstance(value, int) and value > 1 else None


def _same(value: Any) -> Any:
    return value


def _output_type(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, dict) else value
    if not isinstance(kind, str):
        return None
    if kind in ("text", "text/plain"):
        return "text"
    return "json" if kind.startswith(("json", "application/json")) else None


_ATTRIBUTES = {
    "tokens_input": "gen_ai.usage.input_tokens",
    "tokens_output": "gen_ai.usage.output_tokens",
    "tokens_cached": "gen_ai.usage.cache_read.input_tokens",
    "tokens_cache_write": "gen_ai.usage.cache_write.input_tokens",
    "tokens_reasoning": "gen_ai.usage.reasoning.output_tokens",
    "response_id": "gen_ai.response.id",
    "session_id": "gen_ai.conversation.id",
    "streaming": "gen_ai.request.stream",
    "tool_call_id": "gen_ai.tool.call.id",
    "tool_type": "gen_ai.tool.type",
    "tool_description": "gen_ai.tool.description",
    "agent_id": "gen_ai.agent.id",
    "prompt_name": "gen_ai.prompt.name",
    "prompt_version": "gen_ai.prompt.version",
    "memory_store": "gen_ai.memory.store.id",
    "memory_key": "gen_ai.memory.record.id",
    "embeddings_dimensions": "gen_ai.embeddings.dimension.count",
    "user_id": "user.id",
    "server": "server.address",
    "error_type": "error.type",
    "error": "error.message",
    "http.method": "http.request.method",
    "http.path": "url.path",
    "http.status_code": "http.response.status_code",
    "endpoint": "http.route",
}
_CONVERTED = {
    "finish_reason": ("gen_ai.response.finish_reasons", _reasons),
    "ttft_ms": ("gen_ai.response.time_to_first_chunk", _seconds),
}
_CONTENT = {
    "system": "gen_ai.system_instructions",
    "input": "gen_ai.input.messages",
    "output": "gen_ai.output.messages",
    "tools": "gen_ai.tool.definitions",
    "arguments": "gen_ai.tool.call.arguments",
    "result": "gen_ai.tool.call.result",
    "query": "gen_ai.retrieval.query.text",
    "documents": "gen_ai.retrieval.documents",
    "memory_query": "gen_ai.memory.query.text",
    "memory_records": "gen_ai.memory.records",
    "compacted": "gen_ai.conversation.compacted",
}
_PARAMETERS: Dict[str, Tuple[str, Callable[[Any], Any]]] = {
    "temperature": ("gen_ai.request.temperature", _float),
    "top_p": ("gen_ai.request.top_p", _float),
    "topP": ("gen_ai.request.top_p", _float),
    "top_k": ("gen_ai.request.top_k", _int),
    "topK": ("gen_ai.request.top_k", _int),
    "max_tokens": ("gen_ai.request.max_tokens", _int),
    "max_completion_tokens": ("gen_ai.request.max_tokens", _int),
    "max_output_tokens": ("gen_ai.request.max_tokens", _int),
    "maxTokens": ("gen_ai.request.max_tokens", _int),
    "maxOutputTokens": ("gen_ai.request.max_tokens", _int),
    "maxTokenCount": ("gen_ai.request.max_tokens", _int),
    "max_new_tokens": ("gen_ai.request.max_tokens", _int),
    "max_gen_len": ("gen_ai.request.max_tokens", _int),
    "max_tokens_to_sample": ("gen_ai.request.max_tokens", _int),
    "seed": ("gen_ai.request.seed", _int),
    "stop": ("gen_ai.request.stop_sequences", _texts),
    "stop_sequences": ("gen_ai.request.stop_sequences", _texts),
    "stopSequences": ("gen_ai.request.stop_sequences", _texts),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", _float),
    "frequencyPenalty": ("gen_ai.request.frequency_penalty", _float),
    "presence_penalty": ("gen_ai.request.presence_penalty", _float),
    "presencePenalty": ("gen_ai.request.presence_penalty", _float),
    "n": ("gen_ai.request.choice.count", _several),
    "candidateCount": ("gen_ai.request.choice.count", _several),
    "candidate_count": ("gen_ai.request.choice.count", _several),
    "encoding_format": ("gen_ai.request.encoding_formats", _texts),
    "previous_response_id": ("gen_ai.request.previous_response.id", _same),
    "reasoning_effort": ("gen_ai.request.reasoning.level", _same),
    "effort": ("gen_ai.request.reasoning.level", _same),
    "thinkingLevel": ("gen_ai.request.reasoning.level", _same),
    "thinking_level": ("gen_ai.request.reasoning.level", _same),
    "response_format": ("gen_ai.output.type", _output_type),
    "format": ("gen_ai.output.type", _output_type),
    "responseMimeType": ("gen_ai.output.type", _output_type),
    "response_mime_type": ("gen_ai.output.type", _output_type),
}
_EVALUATION = {
    "event": "gen_ai.evaluation.result",
    "name": "gen_ai.evaluation.name",
    "score": "gen_ai.evaluation.score.value",
    "response_id": "gen_ai.response.id",
    "error": "error.type",
}
#: What only OpenAI has: place and key in the payload → attribute.
_OPENAI = {
    ("request", "service_tier"): "openai.request.service_tier",
    ("response", "service_tier"): "openai.response.service_tier",
    ("response", "system_fingerprint"): "openai.response.system_fingerprint",
}
#: Beginning of a span's name → ``openai.api.type``.
_OPENAI_APIS = {"openai.chat.completions": "chat_completions", "openai.responses": "responses"}
_OPERATIONS = {
    "llm": "chat",
    "embedding": "embeddings",
    "tool": "execute_tool",
    "run": "invoke_agent",
    "agent": "invoke_agent",
    "retriever": "retrieval",
    "retrieval": "retrieval",
    "rag": "retrieval",
    "chain": "invoke_workflow",
    "memory_read": "search_memory",
    "memory_write": "upsert_memory",
}
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "watsonx": "ibm.watsonx.ai",
    "moonshot": "moonshot_ai",
}

_NEWEST = Table(
    version=LATEST,
    schema_url="https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev",
    operation="gen_ai.operation.name",
    provider="gen_ai.provider.name",
    request_model="gen_ai.request.model",
    response_model="gen_ai.response.model",
    agent_name="gen_ai.agent.name",
    tool_name="gen_ai.tool.name",
    attributes=_ATTRIBUTES,
    converted=_CONVERTED,
    content=_CONTENT,
    parameters=_PARAMETERS,
    evaluation=_EVALUATION,
    operations=_OPERATIONS,
    providers=_PROVIDERS,
    workflow_name="gen_ai.workflow.name",
    finish_reasons="gen_ai.response.finish_reasons",
    openai=_OPENAI,
    openai_api="openai.api.type",
    openai_apis=_OPENAI_APIS,
    modality_tokens="gen_ai.usage.{modality}.{tokens}",
)
#: What receivers of 2025 know: the names of core's semantic conventions before GenAI moved out of them.
_V1_37 = attrs.evolve(
    _NEWEST,
    version="1.37.0",
    schema_url="https://opentelemetry.io/schemas/1.37.0",
    attributes={
        name: target
        for name, target in _ATTRIBUTES.items()
        if name not in ("tokens_cached", "tokens_cache_write", "tokens_reasoning", "streaming")
        and not name.startswith(("prompt_", "memory_"))
    },
    content={name: target for name, target in _CONTENT.items() if name != "compacted"},
    converted={"finish_reason": _CONVERTED["finish_reason"]},
    operations={kind: name for kind, name in _OPERATIONS.items() if not kind.startswith(("memory", "re", "rag", "ch"))},
    workflow_name=None,
    modality_tokens=None,
)

TABLES: Mapping[str, Table] = {table.version: table for table in (_NEWEST, _V1_37)}


def operation_of(table: Table, kind: str, name: str) -> Optional[str]:
    """Return ``gen_ai.operation.name`` of a span kind, None where the conventions know no such operation.

    :param name: of the span, which tells text completions and Gemini's own operation from chats.
    """
    operation = table.operations.get(kind)
    if operation == "chat":
        if name == "openai.completions":
            return "text_completion"
        if name.startswith("gemini.generate_content"):
            return "generate_content"
    return operation
