"""The conversation of an LLM span as messages of the GenAI conventions, out of its payload. Pure functions."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import attrs

from peekr_otlp.parts import SERVER_CALLS, Part, call_part, decoded, parts_of, result_part, text_part, words_of

Json = Mapping[str, Any]
Message = Dict[str, Any]

_ROLES = {"model": "assistant", "ai": "assistant", "human": "user", "developer": "system", "function": "tool"}
#: Items of the Responses API that the model, and that the caller wrote.
_ITEM_ROLES = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
    "compaction": "assistant",
    **dict.fromkeys(SERVER_CALLS, "assistant"),
}
_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "safety": "content_filter",
    "refusal": "content_filter",
    "guardrail_intervened": "content_filter",
}


@attrs.define(slots=True)
class Conversation:
    """What was said in one call.

    :ivar system: parts of the system prompt, where the request keeps it apart.
    :ivar tools: definitions of the tools that the model may ask for.
    :ivar request: the request, for its parameters; empty where it is not known.
    """

    system: List[Part] = attrs.field(factory=list)
    input: List[Message] = attrs.field(factory=list)
    output: List[Message] = attrs.field(factory=list)
    tools: List[Any] = attrs.field(factory=list)
    request: Json = attrs.field(factory=dict)


def conversation_of(payload: Any, attributes: Json) -> Conversation:
    """Return the conversation of an LLM call.

    :param payload: ``{"request": …, "response": …}`` of a provider, the fields of ``trace.llm``, or None.
    :param attributes: of the span; ``input``, ``output`` and ``system`` stand in where the payload tells nothing.
    """
    payload = payload if isinstance(payload, dict) else {}
    request = request_of(payload)
    response = payload.get("response")
    finish = str(attributes.get("finish_reason") or "").partition(",")[0]
    out = Conversation(tools=_tools_of(request), request=request)
    out.system = _system_of(request) or parts_of(attributes.get("system"))
    out.input = _asked(request) or _asked(payload) or _from_text(attributes.get("input"))
    answers = _answers(response) if isinstance(response, dict) else _agent_answer(response)
    out.output = answers or _agent_answer(attributes.get("output"))
    if out.system:
        out.input = [message for message in out.input if message["role"] != "system"] or out.input
    for message in out.output:
        message["finish_reason"] = finish_of(message.get("finish_reason") or finish)
    return out


def finish_of(reason: Any) -> str:
    """Return a provider's finish reason in the words of the conventions, where they have one."""
    plain = str(reason or "stop").lower()
    return _FINISHES.get(plain, plain)


# -- what was asked -----------------------------------------------------------------------------------------------


def request_of(payload: Any) -> Json:
    """Return the request of a payload, empty where it has none. InvokeModel keeps the model's own in ``body``."""
    request = payload.get("request") if isinstance(payload, dict) else None
    if not isinstance(request, dict):
        return {}
    body = request.get("body")
    return {**request, **body} if isinstance(body, dict) else request


def _tools_of(request: Json) -> List[Any]:
    """Bedrock's Converse keeps them in ``toolConfig``."""
    apart = request.get("toolConfig")
    found = request.get("tools") or (apart.get("tools") if isinstance(apart, dict) else None)
    return found if isinstance(found, list) else []


def _system_of(request: Json) -> List[Part]:
    for key in ("system", "instructions", "systemInstruction", "system_instruction"):
        value = request.get(key)
        if isinstance(value, dict):
            value = value.get("parts", value)
        if value:
            return parts_of(value)
    config = request.get("config")
    return _system_of(config) if isinstance(config, dict) else []


def _asked(request: Json) -> List[Message]:
    for key in ("messages", "contents", "input", "prompt", "inputText", "message", "query"):
        value = request.get(key)
        if value:
            return messages_of(value)
    return []


def _from_text(text: Any) -> List[Message]:
    """``attributes.input``: JSON of the messages, or words."""
    if not isinstance(text, str) or not text:
        return messages_of(text) if text else []
    value = decoded(text) if text[:1] == "[" else text
    return messages_of(value)


def messages_of(value: Any) -> List[Message]:
    """Return messages of a list of them, of one, or of words."""
    if isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            return [_message("user", [text_part(item) for item in value])]
        found = [message_of(item) for item in value if isinstance(item, dict)]
        return [message for message in found if message["parts"]]
    return [message_of(value)] if isinstance(value, dict) else [_message("user", parts_of(value))]


def message_of(item: Json) -> Message:
    """Return one message, or one item of the Responses API."""
    kind = item.get("type")
    role = item.get("role")
    if role is None and isinstance(kind, str) and kind in _ITEM_ROLES:
        return _message(_ITEM_ROLES[kind], parts_of(item))
    role = str(role or (kind if isinstance(kind, str) and kind in _ROLES else "user"))
    identity = item.get("tool_call_id")
    content = item.get("content", item.get("parts"))
    if identity:
        return _message("tool", [result_part(identity, content)])
    if content is None and "content" not in item and "parts" not in item and isinstance(item.get("text"), str):
        content = item["text"]
    parts = parts_of(content) or parts_of(item.get("refusal"))
    thoughts = item.get("reasoning_content")
    if isinstance(thoughts, str) and thoughts:
        parts.insert(0, {"type": "reasoning", "content": thoughts})
    calls = item.get("tool_calls")
    legacy = item.get("function_call")
    for call in [*(calls if isinstance(calls, list) else []), *([legacy] if legacy else [])]:
        if isinstance(call, dict):
            parts.append(call_part(call))
    return _message(role, parts)


def _message(role: str, parts: List[Part]) -> Message:
    if role == "user" and parts and all(part["type"] == "tool_call_response" for part in parts):
        role = "tool"
    return {"role": _ROLES.get(role, role), "parts": parts}


# -- what was answered --------------------------------------------------------------------------------------------


def _answers(response: Json) -> List[Message]:
    for key in ("choices", "candidates", "results", "generations"):
        if isinstance(response.get(key), list):
            return [_choice(item) for item in response[key] if isinstance(item, dict)]
    output = response.get("output")
    if isinstance(output, list):
        return _joined([message_of(item) for item in output if isinstance(item, dict)])
    if isinstance(output, dict) and isinstance(output.get("message"), dict):
        return [_finished(message_of(output["message"]), response.get("stopReason"))]
    if isinstance(response.get("messages"), list):
        return [_assistant(message_of(item)) for item in response["messages"] if isinstance(item, dict)]
    if isinstance(response.get("content"), list):
        return [_finished(_assistant(message_of(response)), response.get("stop_reason"))]
    for key in ("output_text", "generation", "outputText", "completion", "text"):
        if isinstance(response.get(key), str):
            return _agent_answer(response[key])
    return []


def _choice(item: Json) -> Message:
    inner = item.get("message") or item.get("content")
    source: Json = inner if isinstance(inner, dict) else {"content": item.get("text", item.get("outputText"))}
    finish: Optional[Any] = item.get("finish_reason") or item.get("finishReason") or item.get("completionReason")
    return _finished(_assistant(message_of(source)), finish)


def _joined(messages: List[Message]) -> List[Message]:
    """The items of one answer are one message."""
    parts = [part for message in messages for part in message["parts"]]
    return [_message("assistant", parts)] if parts else []


def _assistant(message: Message) -> Message:
    return {**message, "role": "assistant"} if message["role"] in ("user", "unknown") else message


def _finished(message: Message, reason: Any) -> Message:
    return {**message, "finish_reason": str(reason)} if reason else message


def _agent_answer(value: Any) -> List[Message]:
    if value is None or value == "":
        return []
    return [_message("assistant", parts_of(words_of(value) if isinstance(value, list) else value))]
