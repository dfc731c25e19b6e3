"""LangChain's objects as plain data: messages, documents, prompts, and whatever contains them.

By shape, so nothing here needs LangChain. Runs in the traced program's thread, as the objects change later; looks at
a bounded number of values.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

Json = Dict[str, Any]

#: Values of one structure that are looked at.
MANY, FEW = 5_000, 100
_DEPTH = 12
_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "HumanMessageChunk": "user"}
_SIMPLE = (str, int, float, bool, type(None))


def fields_of(value: Any) -> Json:
    """Return the fields of a pydantic object, or of a copy of them; asking it for one that it lacks is slow."""
    return value if type(value) is dict else getattr(value, "__dict__", None) or {}


def message_dict(message: Any) -> Json:
    """Return a message, or its fields, as the chat APIs write one: role, content, tool calls."""
    fields = fields_of(message)
    kind = str(fields.get("type") or "")
    role = fields.get("role") if kind == "chat" else _ROLES.get(kind)
    out: Json = {"role": str(role or kind.replace("MessageChunk", "").lower()), "content": fields.get("content")}
    if fields.get("tool_calls") or fields.get("invalid_tool_calls"):
        out["tool_calls"] = _tool_calls(fields)
    for name in ("name", "tool_call_id", "status"):
        value = fields.get(name)
        if isinstance(value, str) and value and (name, value) != ("status", "success"):
            out[name] = value
    refusal = refusal_of(fields)
    if refusal:
        out["refusal"] = refusal
    return out


def _tool_calls(fields: Json) -> List[Json]:
    """The tool calls of a message as ``{"name", "arguments", "id"}``; arguments of invalid ones are text."""
    calls = []
    for call in [*(fields.get("tool_calls") or ()), *(fields.get("invalid_tool_calls") or ())]:
        if isinstance(call, dict):
            made = {"name": call.get("name"), "arguments": call.get("args")}
            calls.append({**made, "id": call["id"]} if call.get("id") else made)
    return calls


def refusal_of(fields: Json) -> Optional[str]:
    """Return the text with which the model refused, where the API has a field of its own for it."""
    extra = fields.get("additional_kwargs")
    refusal = extra.get("refusal") if extra and isinstance(extra, dict) else None
    return refusal if isinstance(refusal, str) and refusal else None


def words_of(content: Any) -> str:
    """Return the text of a message's content, which may be a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(_words_of_block(block) for block in content)


def _words_of_block(block: Any) -> str:
    if isinstance(block, str):
        return block
    if not isinstance(block, dict):
        return ""
    value = block.get("text") or block.get("refusal")
    return value if isinstance(value, str) else ""


def outline(value: Any, limit: int = FEW) -> Any:
    """Return ``value`` with LangChain's objects as plain data; what else is no plain data stays as it is.

    :param limit: values to look at; what follows them becomes ``"…"``.
    """
    return _Outline(limit).of(value, 0)


class _Outline:
    """One structure, and how much of it may still be looked at."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, _SIMPLE):
            return value
        self.left -= 1
        if self.left < 0 or depth > _DEPTH:
            return "…"
        if isinstance(value, dict):
            return self.mapping(value, depth + 1)
        if isinstance(value, (list, tuple)):
            return self.sequence(value, depth + 1)
        return self.object(value, depth + 1)

    def mapping(self, value: Dict[Any, Any], depth: int) -> Any:
        out = {}
        for key in list(value):
            if self.left < 0:
                break
            self.left -= 1
            out[key if isinstance(key, str) else str(key)] = self.of(value.get(key), depth)
        return out

    def sequence(self, value: Any, depth: int) -> Any:
        out = []
        for item in value:
            self.left -= 1
            out.append(self.of(item, depth))
            if self.left < 0:
                break
        return out

    def object(self, value: Any, depth: int) -> Any:
        if hasattr(value, "content") and hasattr(value, "additional_kwargs"):
            return self.mapping(message_dict(value), depth)
        if hasattr(value, "page_content"):
            return self.mapping({"page_content": value.page_content, "metadata": value.metadata}, depth)
        if hasattr(value, "to_messages"):  # a prompt
            text = getattr(value, "text", None)
            return text if isinstance(text, str) else self.sequence(value.to_messages(), depth)
        if hasattr(value, "return_values"):  # an agent's last step
            return self.mapping({"output": value.return_values, "log": value.log}, depth)
        if hasattr(value, "tool_input"):  # an agent's decision
            return self.mapping({"tool": value.tool, "tool_input": value.tool_input}, depth)
        return value
