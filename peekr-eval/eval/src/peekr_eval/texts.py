"""What a span says, for a judge: its context, its answer, its evidence. Pure functions of a span."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional

from peekr.spans import Span

_TOOL_TAGS = re.compile(r"\s*<(?:tool_call|tool_use|function_call|function_calls|function=|invoke)\b", re.IGNORECASE)
_CALL_KEYS = (
    {"tool_calls"}, {"tool_call"}, {"function_call"}, {"name", "arguments"}, {"name", "args"}, {"name", "parameters"},
    {"tool", "arguments"}, {"tool", "input"}, {"tool_name"}, {"function", "arguments"}, {"name", "input", "id"},
)  # fmt: skip


def output_of(span: Span) -> str:
    """Return the answer, without white space around it; ``""`` if there is none."""
    return as_text(span.attributes.get("output")).strip()


def context_of(span: Span) -> str:
    """Return the conversation that the answer was given to, one message after the other."""
    given = span.attributes.get("input")
    conversation = _conversation(given)
    system = as_text(span.attributes.get("system")).strip()
    if system and system[:200] not in conversation:
        conversation = f"system: {system}\n\n{conversation}"
    return conversation.strip()


def evidence_of(span: Span) -> List[Dict[str, Any]]:
    """Return ``attributes.evidence_chunks`` as far as they have a number and a text (see :mod:`peekr.grounding`)."""
    chunks = span.attributes.get("evidence_chunks")
    if not isinstance(chunks, list):
        return []
    return [
        chunk for chunk in chunks
        if isinstance(chunk, dict) and type(chunk.get("n")) is int and as_text(chunk.get("text")).strip()
    ]  # fmt: skip


def numbered(chunks: List[Dict[str, Any]]) -> str:
    """Return chunks as text, each behind its number."""
    return "\n\n".join(
        "\n".join(filter(None, (f"[{chunk['n']}] {chunk.get('title') or ''}".rstrip(), as_text(chunk["text"]))))
        for chunk in chunks
    )


def as_text(value: Any) -> str:
    """Return a text as it is, a list of texts or documents one after the other, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "\n\n".join(filter(None, (_document(item) for item in value)))
    return _document(value)


def _document(value: Any) -> str:
    if isinstance(value, str):
        return value
    for name in ("text", "page_content", "content"):
        found: Any = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if isinstance(found, str):
            return found
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return str(value)


# -- conversations ----------------------------------------------------------------------------------------------------


def _conversation(given: Any) -> str:
    """Return messages, or the JSON text of such, in readable form; anything else as it is."""
    if isinstance(given, str) and given.lstrip()[:1] in ("[", '"'):
        try:
            given = json.loads(given)
        except ValueError:  # plain text that begins so, or messages that were cut
            return str(given)
    if isinstance(given, list) and given and all(isinstance(item, dict) and "role" in item for item in given):
        return "\n\n".join(f"{message['role']}: {_said(message)}" for message in given)
    return as_text(given)


def _said(message: Mapping[str, Any]) -> str:
    parts = [_part(part) for part in _list(message.get("content", message.get("parts")))]
    calls = message.get("tool_calls")
    if calls:
        parts.append(as_text(calls))
    return "\n".join(filter(None, parts))


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "tool_result":
        return "\n".join(_part(inner) for inner in _list(part.get("content")))
    return as_text(part) if part is not None else ""


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value]


# -- tool calls -------------------------------------------------------------------------------------------------------


def is_tool_call(output: str) -> bool:
    """Whether an answer only asks for a tool: it makes no claims that could be unsupported."""
    if _TOOL_TAGS.match(output):
        return True
    value = _json(output)
    calls = value if isinstance(value, list) else [value]
    return bool(calls) and all(isinstance(call, dict) and _asks(call) for call in calls)


def _asks(call: Dict[str, Any]) -> bool:
    if str(call.get("type", "")).endswith(("tool_use", "function_call", "tool_call")):
        return True
    return any(keys <= call.keys() for keys in _CALL_KEYS)


def _json(text: str) -> Optional[Any]:
    fenced = re.fullmatch(r"```\w*\s*(.*?)\s*```", text.strip(), re.DOTALL)
    piece = (fenced[1] if fenced else text).strip()
    if piece[:1] not in ("{", "["):
        return None
    try:
        return json.loads(piece)
    except ValueError:
        return None
