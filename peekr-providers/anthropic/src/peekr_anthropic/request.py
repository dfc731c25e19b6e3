"""What a request says about the call: pure functions of its JSON body."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from peekr.capture import LLM_LIMIT, cut, text
from peekr.messages import lighten, messages_text

#: Where the requests without messages keep what the user said.
_INPUTS = ("prompt", "requests")


def input_text(request: Mapping[str, Any]) -> Optional[str]:
    """Return ``attributes.input``: JSON text of the messages, the system prompt first, at most 1000 characters."""
    if "messages" in request:
        return messages_text(lighten(_conversation(request)))
    for key in _INPUTS:
        value = request.get(key)
        if isinstance(value, str) and value:
            return cut(value, LLM_LIMIT)
        if value:
            return text(lighten(value), LLM_LIMIT)
    return None


def _conversation(request: Mapping[str, Any]) -> List[Any]:
    given, system = request["messages"], request.get("system")
    messages = list(given) if isinstance(given, list) else [given]
    return [{"role": "system", "content": system}, *messages] if system else messages


def system_text(request: Mapping[str, Any]) -> Optional[str]:
    """Return ``attributes.system``: the text of the system prompt, at most 1000 characters."""
    system = request.get("system")
    if isinstance(system, list):
        texts = [block.get("text") for block in system if isinstance(block, dict)]
        system = "\n\n".join(block for block in texts if isinstance(block, str))
    return cut(system, LLM_LIMIT) if isinstance(system, str) and system else None
