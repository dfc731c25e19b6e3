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
_SERVER_CALLS = frozenset(("server_tool_use", "web_search_call", "code_interpreter_call", "file_search_call"))
_MODALITIES = {"input_audio": "audio", "input_image": "image", "image_url": "image", "image": "image"}


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
    if kind in _SERVER_CALLS:
        return {"type": "server_tool_call", "name": str(item.get("name") or kind), "server_tool_call": dict(item)}
    if kind in ("tool_result", "function_call_output", "custom_tool_call_output"):
        identity = item.get("tool_use_id") or item.get("call_id")
        return result_part(identity, item.get("content", item.get("output")))
    if kind in ("thinking", "reasoning"):
        return {"type": "reasoning", "content": str(item.get("thinking") or words_of(item.get("summary")) or "")}
    if kind in _MODALITIES:
        return _medium(item, _MODALITIES[kind])
    return {**item, "type": kind}


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
    return {**item, "type": next((str(key) for key in item), "unknown")}


def _medium(item: Mapping[str, Any], modality: str) -> Part:
    """An image, a sound or a file: by address, or its base64 data."""
    source = next((item[key] for key in ("image_url", "source", "input_audio") if item.get(key)), item)
    address = source if isinstance(source, str) else None
    out: Part = {"modality": modality}
    if isinstance(source, dict):
        address = source.get("url") or source.get("fileUri") or source.get("file_uri")
        mime = source.get("media_type") or source.get("mimeType") or source.get("mime_type")
        if mime:
            out["mime_type"] = str(mime)
        if not address:
            return {"type": "blob", **out, "content": str(source.get("data") or source.get("bytes") or "")}
    if isinstance(address, str) and address.startswith("data:"):
        head, _, data = address.partition(",")
        return {"type": "blob", **out, "mime_type": head[5:].partition(";")[0], "content": data}
    return {"type": "uri", **out, "uri": str(address)}
