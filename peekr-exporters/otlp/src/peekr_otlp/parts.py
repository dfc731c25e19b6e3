"""What a message is made of, in any provider's JSON, as parts of the GenAI conventions. Pure functions.

The shapes are told apart by their keys, not by who sent them: OpenAI's two APIs, Anthropic, Bedrock Converse,
Gemini, LangChain and whatever speaks like one of them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import msgspec

Part = Dict[str, Any]

_TEXT_TYPES = frozenset(("text", "input_text", "output_text", "refusal", "summary_text"))
_CALL_TYPES = frozenset(("tool_use", "function_call", "custom_tool_call", "tool_call", "function", "custom"))
#: Calls of tools that run at the provider's: Anthropic's blocks, and items of OpenAI's Responses API.
SERVER_CALLS = frozenset(
    (
        "server_tool_use",
        "mcp_tool_use",
        "web_search_call",
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "mcp_call",
        "tool_search_call",
    )
)
_MODALITIES = {
    "input_audio": "audio",
    "input_image": "image",
    "image_url": "image",
    "image": "image",
    "input_file": "document",
    "document": "document",
    "file": "document",
}
_ADDRESSES = ("url", "uri", "fileUri", "file_uri", "file_url", "file_data")


def parts_of(content: Any) -> List[Part]:
    """Return the parts of a message's content: a text, an object, a list of either, or nothing."""
    if content is None or content == "":
        return []
    if isinstance(content, list):
        return [part for item in content for part in parts_of(item)]
    if isinstance(content, dict):
        return [_part(content)]
    return [text_part(str(content))]


def text_part(words: str) -> Part:
    return {"type": "text", "content": words}


def call_part(call: Mapping[str, Any]) -> Part:
    """Return a tool call: OpenAI's, with or without ``function``, Anthropic's, Bedrock's, Gemini's, LangChain's."""
    inner = call.get("function") or call.get("custom")
    inner = inner if isinstance(inner, dict) else call
    arguments = next((inner[key] for key in ("arguments", "args", "input") if inner.get(key) is not None), None)
    out: Part = {"type": "tool_call", "name": str(inner.get("name") or "")}
    identity = call.get("call_id") or call.get("id") or call.get("toolUseId")
    if identity:
        out["id"] = str(identity)
    out["arguments"] = decoded(arguments)
    return out


def result_part(identity: Any, response: Any) -> Part:
    """Return what a tool answered."""
    out: Part = {"type": "tool_call_response"}
    if identity:
        out["id"] = str(identity)
    out["response"] = words_of(response)
    return out


def words_of(content: Any) -> Any:
    """Return content as one text where it is nothing but texts, else as it is."""
    if isinstance(content, list):
        texts = [item if isinstance(item, str) else _text_in(item) for item in content]
        return "".join(text for text in texts if text is not None) if None not in texts else content
    return content


def decoded(value: Any) -> Any:
    """Return JSON text as data, and anything else as it is."""
    if isinstance(value, str):
        try:
            return msgspec.json.decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return value
    return value


def _text_in(item: Any) -> Optional[str]:
    kind = item.get("type", "text") if isinstance(item, dict) else None
    if isinstance(kind, str) and kind in _TEXT_TYPES:
        words = item.get("text", item.get("refusal"))
        return words if isinstance(words, str) else None
    return None


def _part(item: Mapping[str, Any]) -> Part:
    words = _text_in(item)
    if words is not None:
        return {"type": "reasoning", "content": words} if item.get("thought") is True else text_part(words)
    kind = item.get("type")
    if not isinstance(kind, str):
        return _keyed(item)
    if kind in _CALL_TYPES:
        return call_part(item)
    if kind in SERVER_CALLS:
        called = {"name": str(item.get("name") or kind), "server_tool_call": dict(item)}
        return {"type": "server_tool_call", **_identity(item.get("id")), **called}
    if kind.endswith("_tool_result"):
        answered = {"server_tool_call_response": dict(item)}
        return {"type": "server_tool_call_response", **_identity(item.get("tool_use_id")), **answered}
    if kind in ("tool_result", "function_call_output", "custom_tool_call_output"):
        identity = item.get("tool_use_id") or item.get("call_id")
        return result_part(identity, item.get("content", item.get("output")))
    if kind in ("thinking", "reasoning"):
        return {"type": "reasoning", "content": str(item.get("thinking") or words_of(item.get("summary")) or "")}
    if kind in _MODALITIES:
        return _medium(item, _MODALITIES[kind])
    return dict(item) if kind == "compaction" else _generic(kind, item)


def _identity(value: Any) -> Part:
    return {"id": str(value)} if value else {}


def _generic(kind: str, item: Mapping[str, Any]) -> Part:
    """What has no type of its own in the conventions."""
    return {**item, "type": "generic", "generic_type": kind}


def _keyed(item: Mapping[str, Any]) -> Part:
    """Bedrock's and Gemini's blocks: an object with one telling key."""
    for key in ("toolUse", "functionCall", "function_call"):
        if isinstance(item.get(key), dict):
            return call_part(item[key])
    for key in ("toolResult", "functionResponse", "function_response"):
        inner = item.get(key)
        if isinstance(inner, dict):
            return result_part(inner.get("toolUseId") or inner.get("id"), inner.get("content", inner.get("response")))
    reasoning = item.get("reasoningContent")
    if isinstance(reasoning, dict):
        inner = reasoning.get("reasoningText")
        return {"type": "reasoning", "content": str(inner.get("text") or "") if isinstance(inner, dict) else ""}
    for key in ("inlineData", "inline_data", "fileData", "file_data"):
        inner = item.get(key)
        if isinstance(inner, dict):
            mime = str(inner.get("mimeType") or inner.get("mime_type") or "")
            return _medium(inner, mime.partition("/")[0] or "document")
    for key in ("image", "document", "video", "audio"):
        if isinstance(item.get(key), dict):
            return _medium(item[key], key)
    return _generic(next((str(key) for key in item), "unknown"), item)


def _medium(item: Mapping[str, Any], modality: str) -> Part:
    """An image, a sound or a file: by address, by its id at the provider's, or its base64 data."""
    source = next((item[key] for key in ("image_url", "source", "input_audio", "file") if item.get(key)), item)
    out: Part = {"modality": modality}
    if not isinstance(source, dict):
        return _addressed(str(source), out)
    mime = _first(source, "media_type", "mimeType", "mime_type")
    if mime:
        out["mime_type"] = str(mime)
    elsewhere = source.get("s3Location")
    address = _first(elsewhere if isinstance(elsewhere, dict) else source, *_ADDRESSES)
    if address:
        return _addressed(str(address), out)
    if source.get("file_id"):
        return {"type": "file", **out, "file_id": str(source["file_id"])}
    data = _first(source, "data", "bytes")
    return _generic(modality, item) if data is None else {"type": "blob", **out, "content": str(data)}


def _addressed(address: str, out: Part) -> Part:
    if address.startswith("data:"):
        head, _, data = address.partition(",")
        return {"type": "blob", **out, "mime_type": head[5:].partition(";")[0], "content": data}
    return {"type": "uri", **out, "uri": address}


def _first(source: Mapping[str, Any], *keys: str) -> Any:
    return next((source[key] for key in keys if source.get(key)), None)
