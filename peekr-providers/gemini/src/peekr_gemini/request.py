"""What a request says about the call: pure functions of its JSON body."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Optional

from peekr.capture import LLM_LIMIT, cut, text
from peekr.messages import lighten, messages_text
from peekr_gemini.data import get, objects, word

Attributes = Dict[str, Any]

_MODEL = re.compile(r"^(projects/[^/]+/locations/[^/]+/)?(publishers/[^/]+/)?models/")
_ROLES = {"model": "assistant", "function": "tool"}
#: What is no part of what was said: base64 that proves to the API where a part came from.
_SIGNATURES = frozenset(("thoughtSignature", "thought_signature", "signature"))


def model_name(name: Any) -> Optional[str]:
    """Return a model's name without the path before it."""
    return _MODEL.sub("", name) or None if isinstance(name, str) else None


def request_attributes(family: str, request: Mapping[str, Any]) -> Attributes:
    """Return ``input`` and ``system``, at most 1000 characters each."""
    if family == "embed":
        return {"input": _texts(list(_embedded(request)))}
    if family == "media":
        prompts = [one.get("prompt") for one in objects(request.get("instances"))]
        return {"input": _texts([prompt for prompt in prompts if isinstance(prompt, str)])}
    system = system_text(get(request, "systemInstruction"))
    if family == "interactions":
        given = conversation(request.get("input"))
    else:
        given = conversation(_contents(request))
    if system:
        given.insert(0, {"role": "system", "content": system})
    return {"input": messages_text(given) if given else None, "system": cut(system, LLM_LIMIT) if system else None}


def _contents(request: Mapping[str, Any]) -> Any:
    inner = get(request, "generateContentRequest")
    if isinstance(inner, dict):  # of a token count
        request = inner
    return request.get("contents") or request.get("content")


def system_text(instruction: Any) -> str:
    """Return a system instruction as text; it comes as a text, a list, a part or a content."""
    if isinstance(instruction, list):
        return "\n".join(filter(None, map(system_text, instruction)))
    if isinstance(instruction, dict):
        parts = instruction.get("parts")
        return system_text(parts) if parts else word(instruction.get("text"))
    return word(instruction)


def conversation(contents: Any) -> List[Dict[str, Any]]:
    """Return contents as messages, ``{"role": …, "content": …}``.

    ``content`` is a text where there is only that, else a list of parts as the API has them.
    """
    items = contents if isinstance(contents, list) else [] if contents is None else [contents]
    messages: List[Dict[str, Any]] = []
    loose: List[Any] = []  # parts that stand outside any content are one message of the user
    for item in items:
        inside = _inside(item)
        if inside is None:
            loose.append(item)
            continue
        if loose:
            messages.append(_message("user", loose))
            loose = []
        messages.append(_message(item.get("role") or _role_of(item), inside))
    if loose:
        messages.append(_message("user", loose))
    return messages


def _inside(item: Any) -> Optional[List[Any]]:
    """The parts of a content, of a turn or of a step; None for what is a part itself."""
    if not isinstance(item, dict):
        return None
    inside = item.get("parts")
    if inside is None:
        inside = item.get("content")
    if inside is None:
        return [item] if str(item.get("type", "")).endswith(("_call", "_result")) else None
    return inside if isinstance(inside, list) else [inside]


def _role_of(item: Mapping[str, Any]) -> str:
    kind = str(item.get("type", ""))
    if kind.endswith("_result"):
        return "tool"
    return "assistant" if kind == "model_output" or kind.endswith("_call") else "user"


def _message(role: Any, parts: List[Any]) -> Dict[str, Any]:
    shown = [_part(part) for part in parts]
    content = shown[0]["text"] if len(shown) == 1 and set(shown[0]) == {"text"} else shown
    return {"role": _ROLES.get(role, role) if isinstance(role, str) else "user", "content": content}


def _part(part: Any) -> Dict[str, Any]:
    if not isinstance(part, dict):
        return {"text": part if isinstance(part, str) else str(part)}
    out = {name: value for name, value in part.items() if name not in _SIGNATURES and value is not None}
    if out.get("type") == "text":
        del out["type"]
    return out if set(out) == {"text"} else lighten(out)


def _embedded(request: Mapping[str, Any]) -> Iterator[str]:
    """The texts to embed, of each of the three APIs for it, or of the arguments as they were given."""
    for one in [*objects(request.get("requests")), request]:
        for message in conversation(_contents(one)):
            content = message["content"]
            yield content if isinstance(content, str) else text(content, LLM_LIMIT)
    for one in objects(request.get("instances")):
        yield word(one.get("content"))


def _texts(texts: List[str]) -> Optional[str]:
    if len(texts) == 1:
        return cut(texts[0], LLM_LIMIT)
    return text(texts, LLM_LIMIT) if texts else None
