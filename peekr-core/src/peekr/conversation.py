"""A stored LLM call as a conversation: its messages and its answer, whole, as text, whatever API it went to.

Reads the payload (the request and response as they were); where there is none, the attributes. Pure functions of a
span, for export, replay and evaluation. The shapes: OpenAI's chat and responses, Anthropic's messages, Bedrock's
Converse and InvokeModel bodies, Gemini's contents, LangChain's, and the agent vocabulary's prompt and response.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, Optional

from peekr.spans import Span

#: ``{"role": "system" | "user" | "assistant" | "tool" | …, "content": text}``.
Message = Dict[str, str]

_ROLES = {
    "developer": "system",
    "model": "assistant",
    "ai": "assistant",
    "human": "user",
    "function": "tool",
    "chatbot": "assistant",
}
_SYSTEMS = ("system", "systemInstruction", "system_instruction", "instructions", "preamble")
_PROMPTS = ("prompt", "inputText", "input", "message", "query", "contents")


def messages_of(span: Span) -> List[Message]:
    """Return what the model was given, the system prompt first. Empty where nothing was recorded."""
    request = _part(span.payload, "request", span.payload)
    found = _messages(request) if request is not None else []
    return found or _from_text(span.attributes.get("input"), span.attributes.get("system"))


def answer_of(span: Span) -> Optional[str]:
    """Return the text that the model answered, or None: where there was none, or only tool calls."""
    payload = span.payload
    response = _part(payload, "response", None)
    if isinstance(response, str):
        return response or None
    if isinstance(response, Mapping):
        said = _answer(response)
        if said:
            return said
    output = span.attributes.get("output")
    return output if isinstance(output, str) and output and not _is_tool_call(span, output) else None


def _part(payload: Any, name: str, default: Any) -> Any:
    return payload.get(name, default) if isinstance(payload, Mapping) else None


def _is_tool_call(span: Span, output: str) -> bool:
    return bool(span.attributes.get("tool_calls")) and output.startswith("[{")


# -- requests -------------------------------------------------------------------------------------------------------


def _messages(request: Any) -> List[Message]:
    if not isinstance(request, Mapping):
        return []
    inner = request.get("body")
    if isinstance(inner, str):  # an InvokeModel body
        inner = _loaded(inner)
    if isinstance(inner, Mapping) and "messages" not in request:
        request = inner
    leading = [_message("system", request.get(name)) for name in _SYSTEMS if request.get(name)][:1]
    config = request.get("config")
    if not leading and isinstance(config, Mapping) and config.get("system_instruction"):
        leading = [_message("system", config["system_instruction"])]
    turns = request.get("messages")
    if not isinstance(turns, list):
        turns = next((request[name] for name in _PROMPTS if request.get(name)), None)
    history = request.get("chat_history")
    return [*leading, *_turns(history), *_turns(turns)]


def _turns(given: Any) -> Iterator[Message]:
    if isinstance(given, Mapping):
        given = [given]
    if isinstance(given, str):
        yield _message("user", given)
    elif isinstance(given, list):
        loose = [item for item in given if not isinstance(item, Mapping) or not ({"role", "type"} & set(item))]
        if len(loose) == len(given):  # texts or parts that stand alone are one message
            yield _message("user", given)
            return
        for item in given:
            if isinstance(item, Mapping):
                content = next((item[name] for name in ("content", "parts", "message") if name in item), item)
                yield _message(str(item.get("role") or _role_of(item)), content)
            else:
                yield _message("user", item)


def _role_of(item: Mapping[str, Any]) -> str:
    kind = str(item.get("type", ""))
    return kind if kind in _ROLES else "tool" if "output" in kind or "result" in kind else "user"


def _message(role: str, content: Any) -> Message:
    role = role.lower()
    return {"role": _ROLES.get(role, role), "content": text_of_content(content)}


def text_of_content(content: Any) -> str:
    """Return the words in a message's content: a text, or parts of any API; what is no text is left out."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, map(text_of_content, content)))
    if not isinstance(content, Mapping):
        return ""
    for name in ("text", "parts", "content", "message", "output"):
        value = content.get(name)
        if isinstance(value, (str, list)) and value:
            return text_of_content(value)
    return ""


def _from_text(given: Any, system: Any) -> List[Message]:
    """From ``attributes.input``: JSON text of messages, messages (of a file that others wrote), or what was said."""
    if not isinstance(given, (str, list)) or not given:
        return []
    messages = _loaded(given) if isinstance(given, str) else given
    found = list(_turns(messages)) if isinstance(messages, list) else [_message("user", given)]
    if isinstance(system, str) and system and not any(message["role"] == "system" for message in found):
        found.insert(0, _message("system", system))
    return found


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


# -- responses ------------------------------------------------------------------------------------------------------


def _answer(response: Mapping[str, Any]) -> str:
    for name in ("choices", "candidates", "generations", "results", "outputs", "messages"):
        options = response.get(name)
        if isinstance(options, list) and options and isinstance(options[0], Mapping):
            return _option(options[0])
    output = response.get("output")
    if isinstance(output, Mapping):  # Converse
        return text_of_content(_part(output, "message", output))
    if isinstance(output, list):  # Responses
        spoken = [item for item in output if isinstance(item, Mapping) and item.get("type") == "message"]
        return text_of_content(spoken)
    for name in ("content", "text", "generation", "completion", "outputText", "output_text", "response"):
        value = response.get(name)
        if isinstance(value, (str, list)) and value:
            return text_of_content(
                [part for part in value if not isinstance(part, Mapping) or part.get("type", "text") == "text"]
                if isinstance(value, list)
                else value
            )
    return ""


def _option(option: Mapping[str, Any]) -> str:
    for name in ("message", "content", "text", "outputText", "data"):
        value = option.get(name)
        if isinstance(value, Mapping):
            return text_of_content(_part(value, "content", None) or value.get("parts") or value)
        if isinstance(value, (str, list)) and value:
            return text_of_content(value)
    return ""
