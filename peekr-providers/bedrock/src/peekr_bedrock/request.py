"""What a request says about the call: capture in the caller's thread, then pure functions of JSON data."""

from __future__ import annotations

import io
from typing import Any, Dict, List, Mapping, Optional, Tuple

import msgspec

from peekr.capture import LLM_LIMIT, PAYLOAD_LIMIT, cut, document, room, text
from peekr.messages import lighten, messages_text
from peekr_bedrock.answer import Json, joined, objects, part

#: Where the bodies without messages keep what the user said, the most telling first.
_INPUTS = ("prompt", "inputText", "texts", "query", "inputPrompt", "taskType", "inputImage", "images")


def encode(params: Mapping[str, Any]) -> Tuple[bytes, bool]:
    """Return parameters or a result of the SDK as JSON, and whether it was cut; images are named by their size."""
    given = params if type(params) is dict else dict(params)
    try:
        if room([given], PAYLOAD_LIMIT) >= 0:  # nothing but plain JSON types
            whole = msgspec.json.encode(given)
            if len(whole) <= PAYLOAD_LIMIT:
                return whole, False
    except Exception:  # a lone surrogate, an integer of more than 64 bits; document() copes with them
        pass
    return document(_without_bytes(given))


def _without_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_bytes(item) for item in value]
    return f"<{len(value)} bytes>" if isinstance(value, (bytes, bytearray, memoryview)) else value


def take_body(body: Any) -> Any:
    """Return the body of an InvokeModel request as something that cannot change later; None for what is a stream."""
    if isinstance(body, (bytes, str)):
        return body
    if isinstance(body, bytearray):
        return bytes(body)
    return body.getvalue()[body.tell() :] if type(body) is io.BytesIO else None


def system_text(request: Json) -> Optional[str]:
    """Return the system prompt as text."""
    system = request.get("system", request.get("preamble"))
    if isinstance(system, list):
        system = "\n\n".join(one["text"] for one in objects(system) if isinstance(one.get("text"), str))
    return system if isinstance(system, str) and system else None


def converse_input(request: Json) -> Optional[str]:
    """Return ``attributes.input`` of a conversation: its messages with the system prompt as the first of them."""
    messages = request.get("messages")
    if not isinstance(messages, list):
        return None
    system = system_text(request)
    leading = [{"role": "system", "content": system}] if system else []
    return messages_text(lighten([*leading, *map(_with_parts, messages)]))


def _with_parts(message: Any) -> Any:
    """A message of AgenticRetrieveStream has one part in the place of a list of them."""
    content = message.get("content") if isinstance(message, dict) else None
    return {**message, "content": [content]} if isinstance(content, dict) else message


def body_input(request: Json) -> Optional[str]:
    """Return ``attributes.input`` of an InvokeModel body: the messages, or the text that stands alone in it."""
    if "messages" in request:
        return converse_input(request)
    if isinstance(request.get("message"), str):
        return converse_input({**request, "messages": [*_history(request), _said("user", request["message"])]})
    for key in _INPUTS:
        value = request.get(key)
        if isinstance(value, str) and value and key != "taskType":
            return cut(value, LLM_LIMIT)
        if value:
            return text(lighten(request if key == "taskType" else value, key), LLM_LIMIT)
    return text(lighten(dict(request)), LLM_LIMIT) if request else None


def _history(request: Json) -> List[Dict[str, Any]]:
    """The earlier turns of a chat with Cohere's Command R."""
    turns = objects(request.get("chat_history"))
    return [_said("user" if turn.get("role") == "USER" else "assistant", turn.get("message")) for turn in turns]


def _said(role: str, words: Any) -> Dict[str, Any]:
    return {"role": role, "content": words}


def plain_input(request: Json) -> Optional[str]:
    """Return ``attributes.input`` of agents, knowledge bases and guardrails."""
    said = request.get("inputText") or part(request, "retrievalQuery").get("text") or part(request, "input").get("text")
    said = said or part(request, "input", "textPrompt").get("text")
    said = said or "\n\n".join(_texts(request.get("content"), "text") or _texts(request.get("queries"), "textQuery"))
    if isinstance(said, str) and said:
        return cut(said, LLM_LIMIT)
    given = request.get("inputs") or request.get("queryGenerationInput") or request.get("input")
    return text(lighten(given), LLM_LIMIT) if given else None


def _texts(items: Any, key: str) -> List[str]:
    return [text for text in (joined([part(item, key)], "text") for item in objects(items)) if text]
