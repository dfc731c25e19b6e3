"""Spans with the names of the OpenTelemetry GenAI semantic conventions, all of them out of the one table."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from peekr.spans import Span
from peekr_otlp.conventions import Table, operation_of
from peekr_otlp.messages import Conversation, conversation_of, request_of
from peekr_otlp.modalities import tokens_by_modality
from peekr_otlp.parts import text_part
from peekr_otlp.view import Convention, View, common, events_of, json_text, name_of, payload_of

_PARAMETER_PLACES = (
    "inferenceConfig",
    "generationConfig",
    "generation_config",
    "config",
    "textGenerationConfig",
    "reasoning",
    "text",
    "output_config",
    "thinkingConfig",
    "thinking_config",
    "additionalModelRequestFields",
)


def genai(table: Table, *, span_names: str = "peekr") -> Convention:
    """Return the convention of a table.

    :param span_names: ``"peekr"`` leaves names as they are, ``"genai"`` makes them ``chat gpt-4o`` and the like.
    """

    def convert(span: Span, given: Dict[str, Any]) -> View:
        kind = given["kind"]
        events = events_of(span, given, table)
        out = common(span, given)
        operation = operation_of(table, kind, str(span.name))
        if operation is not None:
            out[table.operation] = operation
            _MAKERS.get(kind, _nothing)(span, given, out, table)
        name = name_of(span)
        if span_names == "genai" and operation is not None:
            names = (table.request_model, table.tool_name, table.agent_name, table.workflow_name)
            subject = next((out[each] for each in names if each is not None and out.get(each)), None)
            name = f"{operation} {subject}" if subject else operation
        _rename(given, out, table)
        return View(name, out, events)

    return convert


def _rename(given: Mapping[str, Any], out: Dict[str, Any], table: Table) -> None:
    """Add what is left: under the convention's name where it has one, under its own where it has none."""
    names, converted = table.attributes, table.converted
    for name, value in given.items():
        if name in names:
            out.setdefault(names[name], value)
        elif name in converted:
            target, convert = converted[name]
            out[target] = convert(value)
        elif name == "provider":
            out[table.provider] = table.providers.get(value, value)
        else:
            out.setdefault(name, value)


# -- by kind ------------------------------------------------------------------------------------------------------


def _model(given: Dict[str, Any], out: Dict[str, Any], table: Table, asked: Any) -> None:
    model = given.pop("model", None)
    requested = given.pop("model_requested", None)
    out[table.request_model] = asked if isinstance(asked, str) and asked else requested or model
    if given.get("error") is None:
        out[table.response_model] = model


def _llm(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    if span.status == "error" and not given.get("finish_reason"):
        out[table.finish_reasons] = ["error"]
    if "input" not in given and "output" not in given and span._payload is None:
        _model(given, out, table, None)
        return
    payload = payload_of(span) if "input" in given or "output" in given else None
    told = conversation_of(payload, given)
    _model(given, out, table, told.request.get("model"))
    _content(told, out, table)
    _modalities(payload, out, table)
    parameters(told.request, out, table)
    _openai(str(span.name), payload, out, table)
    for name in ("input", "output", "system"):
        given.pop(name, None)


def _openai(name: str, payload: Any, out: Dict[str, Any], table: Table) -> None:
    api = next((api for beginning, api in table.openai_apis.items() if name.startswith(beginning)), None)
    if api is None:
        return
    out[table.openai_api] = api
    for (part, key), target in table.openai.items():
        found = payload.get(part) if isinstance(payload, dict) else None
        value = found.get(key) if isinstance(found, dict) else None
        if isinstance(value, str):
            out[target] = value


def _content(told: Conversation, out: Dict[str, Any], table: Table) -> None:
    names = table.content
    said = {"system": told.system, "input": told.input, "output": told.output, "tools": told.tools}
    for name, value in said.items():
        if value:
            out[names[name]] = json_text(value)
    messages = [*told.input, *told.output]
    if "compacted" in names and any(part["type"] == "compaction" for one in messages for part in one["parts"]):
        out[names["compacted"]] = True


def _modalities(payload: Any, out: Dict[str, Any], table: Table) -> None:
    if table.modality_tokens is not None:
        for (modality, tokens), count in tokens_by_modality(payload).items():
            out[table.modality_tokens.format(modality=modality, tokens=tokens)] = count


def parameters(request: Mapping[str, Any], out: Dict[str, Any], table: Table) -> None:
    """Add a request's parameters, wherever the provider keeps them."""
    for key, value in request.items():
        if key in _PARAMETER_PLACES and isinstance(value, dict):
            parameters(value, out, table)
        elif key in table.parameters and value is not None:
            name, convert = table.parameters[key]
            out[name] = convert(value)


def _embedding(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    request = request_of(payload_of(span))
    _model(given, out, table, request.get("model"))
    parameters(request, out, table)


def _tool(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    out[table.tool_name] = given.pop("tool_name", None) or str(span.name).partition("tool.")[2] or name_of(span)
    out[table.content["arguments"]] = given.pop("input", None)
    out[table.content["result"]] = given.pop("output", None)
    given.setdefault("tool_type", "function")


def _agent(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    out[table.agent_name] = given.pop("agent_name", None) or name_of(span)
    for name, role in (("input", "user"), ("output", "assistant")):
        said = given.get(name)
        if said:
            message = {"role": role, "parts": [text_part(str(said))]}
            out[table.content[name]] = json_text(
                [{**message, "finish_reason": "stop"} if name == "output" else message]
            )


def _workflow(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    if table.workflow_name is not None:
        out[table.workflow_name] = name_of(span)


def _retrieval(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    out[table.content["query"]] = given.pop("rag.query", None) or given.get("input")
    documents = given.pop("rag.retrieved_docs", None)
    if documents:
        out[table.content["documents"]] = json_text([_document(one, at) for at, one in enumerate(documents)])


def _document(one: Any, at: int) -> Any:
    return one if isinstance(one, dict) else {"id": str(at), "content": one}


def _memory(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    asked: Optional[Any] = given.get("memory_query") or given.get("memory_key")
    out[table.content["memory_query"]] = asked if given.get("event_type") == "memory_read" else None
    out[table.content["memory_records"]] = given.get("output") or given.get("input")


def _nothing(span: Span, given: Dict[str, Any], out: Dict[str, Any], table: Table) -> None:
    pass


_MAKERS = {
    "llm": _llm,
    "embedding": _embedding,
    "tool": _tool,
    "run": _agent,
    "agent": _agent,
    "retriever": _retrieval,
    "retrieval": _retrieval,
    "rag": _retrieval,
    "chain": _workflow,
    "memory_read": _memory,
    "memory_write": _memory,
}
