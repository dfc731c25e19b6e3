"""LlamaIndex' objects as plain data: messages, nodes, queries, events, and whatever contains them.

By shape, so nothing here needs LlamaIndex. Runs in the traced program's thread, as the objects change later; looks at
a bounded number of values.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

Json = Dict[str, Any]

#: Values of one structure that are looked at.
MANY, FEW = 5_000, 100
_DEPTH = 12
_SIMPLE = (str, int, float, bool, type(None))


def fields_of(value: Any) -> Json:
    """Return the fields of an object; asking a pydantic object for one that it lacks is slow."""
    return value if isinstance(value, dict) else getattr(value, "__dict__", None) or {}


def text_of(value: Any) -> Optional[str]:
    """Return a text, or that of an enumeration's member; None for anything else."""
    value = getattr(value, "value", value)
    return value if isinstance(value, str) else None


# -- messages -----------------------------------------------------------------------------------------------------


def message_dict(message: Any) -> Json:
    """Return a message as the chat APIs write one: role, content, tool calls."""
    fields = fields_of(message)
    extra = fields.get("additional_kwargs")
    extra = extra if isinstance(extra, dict) else {}
    blocks = fields.get("blocks")
    content, calls = _content(blocks) if isinstance(blocks, list) else (fields.get("content"), [])
    out: Json = {"role": text_of(fields.get("role")) or "user", "content": content}
    calls = calls or _tool_calls(extra.get("tool_calls"))
    if calls:
        out["tool_calls"] = calls
    for name in ("name", "tool_call_id", "refusal"):
        value = extra.get(name)
        if isinstance(value, str) and value:
            out[name] = value
    return out


def _content(blocks: List[Any]) -> Any:
    """The content of a message's blocks, a text where they are texts only, and the tool calls among them."""
    parts: List[Any] = []
    calls: List[Json] = []
    for block in blocks:
        fields = fields_of(block)
        kind = fields.get("block_type")
        if kind == "tool_call":
            call = {"name": fields.get("tool_name"), "arguments": fields.get("tool_kwargs")}
            calls.append({**call, "id": fields["tool_call_id"]} if fields.get("tool_call_id") else call)
        else:
            parts.append(_block(str(kind), fields))
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] or "" for part in parts) if parts or not calls else None, calls
    return parts, calls


def _block(kind: str, fields: Json) -> Json:
    if kind == "text":
        return {"type": "text", "text": fields.get("text")}
    if kind == "thinking":
        return {"type": "thinking", "thinking": fields.get("content")}
    out: Json = {"type": kind}
    for name, value in fields.items():
        if isinstance(value, bytes):
            out[name] = f"<{len(value)} bytes>"
        elif name != "block_type" and value is not None:
            out[name] = value if isinstance(value, _SIMPLE) else str(value)
    return out


def _tool_calls(given: Any) -> List[Json]:
    """The tool calls that a message of an older version holds, in the shape of a provider's API."""
    calls = []
    for call in given if isinstance(given, (list, tuple)) else ():
        fields = fields_of(call)
        function = fields_of(fields.get("function")) or fields
        if function.get("name"):
            arguments = function.get("arguments", function.get("input"))
            made = {"name": function["name"], "arguments": arguments}
            calls.append({**made, "id": fields["id"]} if fields.get("id") else made)
    return calls


def words_of(content: Any) -> str:
    """Return the text of a message's content, which may be a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (block.get("text") for block in content if isinstance(block, dict))
    return "".join(text for text in texts if isinstance(text, str))


# -- nodes --------------------------------------------------------------------------------------------------------


def node_dict(found: Any) -> Json:
    """Return a node with its score: id, text, score, metadata."""
    fields = fields_of(found)
    node = fields.get("node", found)
    about = fields_of(node)
    out: Json = {"id": about.get("id_"), "text": node_text(node), "metadata": about.get("metadata")}
    score = _number(fields.get("score"))
    return out if score is None else {**out, "score": score}


def node_text(node: Any) -> str:
    """Return the text of a node, or of a node with its score."""
    fields = fields_of(node)
    if "node" in fields:
        return node_text(fields["node"])
    text = fields.get("text")
    if text is None:
        text = fields_of(fields.get("text_resource")).get("text")
    return text if isinstance(text, str) else ""


def scores_of(found: List[Any]) -> List[Optional[float]]:
    """Return the scores of nodes, None where one has none."""
    scores = [_number(fields_of(one).get("score")) for one in found]
    return [None if score is None else round(score, 6) for score in scores]


def _number(value: Any) -> Optional[float]:
    """A number as Python's own, which numpy's are not; None for anything else."""
    return float(value) if hasattr(value, "__float__") and not isinstance(value, bool) else None


# -- whatever it is -----------------------------------------------------------------------------------------------


def outline(value: Any, limit: int = FEW) -> Any:
    """Return ``value`` with LlamaIndex' objects as plain data; what else is no plain data stays as it is.

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
        if isinstance(value, bytes):
            return f"<{len(value)} bytes>"
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
        fields = fields_of(value)
        if "additional_kwargs" in fields and "role" in fields:
            return self.mapping(message_dict(value), depth)
        if fields.keys() >= {"node", "score"} or fields.keys() >= {"id_", "metadata"}:
            return self.mapping(node_dict(value), depth)
        if "query_str" in fields:
            return fields["query_str"]
        if "raw_output" in fields:  # of a tool
            return self.of(getattr(value, "content", None), depth)
        if "response" in fields and "source_nodes" in fields:
            return self.of(fields["response"], depth)
        if type(value).__name__ == "StopEvent":
            return self.of(getattr(value, "result", None), depth)
        if hasattr(value, "model_dump") or hasattr(value, "__fields__"):
            return self.mapping({**fields, **extra_of(value)}, depth)
        return value


def extra_of(value: Any) -> Json:
    """Return what an event of a workflow holds beyond its declared fields."""
    extra = getattr(value, "_data", None)
    return extra if isinstance(extra, dict) else {}
