"""What a response says about the call: pure functions of its JSON."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from peekr.capture import LLM_LIMIT, cut, text
from peekr.messages import compose, lighten
from peekr.reasons import is_json
from peekr_anthropic.errors import failure_attributes
from peekr_anthropic.usage import billing_attributes, token_attributes

Json = Mapping[str, Any]
Attributes = Dict[str, Any]

#: Blocks that ask the caller to do something, and blocks about what the API did by itself.
_CALLS = ("tool_use",)
_SERVER_CALLS = ("server_tool_use", "mcp_tool_use")
#: Stop reasons that mean that the call did not achieve what it was made for, though it was answered with a 200.
_REASONS = {
    "refusal": "refusal",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "model_context_window_exceeded": "context_length",
}


def response_attributes(family: str, response: Json, *, counts: bool = True) -> Attributes:
    """Return the attributes that a response gives: model, tokens, output, finish reason and more.

    :param family: of the operation.
    :param counts: whether its tokens were spent by this call.
    """
    error = response.get("error")
    if response.get("type") == "error" and isinstance(error, dict):
        return failure_attributes(error)
    out: Attributes = {}
    for name, key in (("model", "model"), ("response_id", "id")):
        value = response.get(key)
        if isinstance(value, str) and value:
            out[name] = value
    if counts:
        out.update(token_attributes(response.get("usage")))
        out.update(billing_attributes(response.get("usage")))
    if family == "messages":
        out.update(_message(response))
    elif family == "completions":
        out.update(_completion(response))
    else:
        out["output"] = text(lighten(dict(response)), LLM_LIMIT)
    return {name: value for name, value in out.items() if value is not None}


def _message(response: Json) -> Attributes:
    content = response.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    calls = [_call(block) for block in blocks if block.get("type") in _CALLS]
    served = [_call(block) for block in blocks if block.get("type") in _SERVER_CALLS]
    stop = response.get("stop_reason")
    stop = str(stop) if stop else None
    reason = _REASONS.get(stop or "")
    if reason is None and any(_is_broken(block) for block in blocks):
        reason = "json_parse"
    words = _words(blocks) or _plain_text(content) or _plain_text(response.get("text"))
    return {
        "output": compose(words, calls) if words or calls else _last_resort(response, blocks, served),
        "tool_calls": len(calls) or None,
        "server_tools": text(served, LLM_LIMIT) if served else None,
        "server_tool_calls": len(served) or None,
        "finish_reason": stop,
        "error_reason": reason,
        "refusal_category": _refusal(response).get("category"),
    }


def _words(blocks: Sequence[Json]) -> str:
    """The text of a message. Neighbouring blocks are one text that citations have cut in pieces."""
    parts: List[str] = []
    joins = False
    for block in blocks:
        said = block.get("text") if block.get("type") == "text" else None
        if isinstance(said, str) and said:
            if joins:
                parts[-1] += said
            else:
                parts.append(said)
        joins = bool(parts) and block.get("type") == "text"
    return "\n\n".join(parts)


def _plain_text(value: Any) -> str:
    """Some compatible servers answer with a text in place of the blocks, a proxy with a page."""
    return value if isinstance(value, str) else ""


def _call(block: Json) -> Attributes:
    given = block.get("input")
    arguments = given if isinstance(given, str) else text(given if given is not None else {}, LLM_LIMIT)
    return {"name": block.get("name"), "arguments": arguments}


def _is_broken(block: Json) -> bool:
    """Whether a tool's arguments were meant to be JSON and are not: they stayed a text, and are whole."""
    given = block.get("input")
    if block.get("type") not in _CALLS or not isinstance(given, str) or given.endswith("…"):
        return False
    return not is_json(given)


def _last_resort(response: Json, blocks: Sequence[Json], served: Sequence[Attributes]) -> Optional[str]:
    """What to show of a message that neither says nor asks for anything."""
    if served:
        return text(served, LLM_LIMIT)
    for key in ("content", "thinking"):  # of a compaction, of thinking
        said = "\n\n".join(block[key] for block in blocks if isinstance(block.get(key), str))
        if said:
            return cut(said, LLM_LIMIT)
    explanation = _refusal(response).get("explanation")
    return cut(explanation, LLM_LIMIT) if isinstance(explanation, str) and explanation else None


def _refusal(response: Json) -> Json:
    details = response.get("stop_details")
    return details if isinstance(details, dict) else {}


def _completion(response: Json) -> Attributes:
    words, stop = response.get("completion"), response.get("stop_reason")
    return {
        "output": cut(words, LLM_LIMIT) if isinstance(words, str) else None,
        "finish_reason": str(stop) if stop else None,
    }


def served_by(client: type, host: Optional[str]) -> Attributes:
    """Return ``provider`` and, away from the API's own address, ``server``.

    :param client: class of the SDK's client.
    :param host: of its base URL.
    """
    names = " ".join(base.__name__ for base in client.__mro__).lower()
    out: Attributes = {"provider": next((name for name in _PLATFORMS if name in names), "anthropic")}
    if host and host != "api.anthropic.com":
        out["server"] = host
    return out


_PLATFORMS = ("bedrock", "vertex", "foundry")
