"""JSON text of a conversation in few characters, without losing what the user said last."""

from __future__ import annotations

from typing import Any, Dict, List

from peekr.capture import LLM_LIMIT, cut, text

#: Characters of the last user message that must be visible in a plain cut.
_VISIBLE = 80
#: Characters of each text in an abridged conversation: the first message, the last user message, what follows it.
_HEAD, _ASKED, _AFTER = 200, 400, 100


def messages_text(messages: Any, limit: int = LLM_LIMIT) -> str:
    """Return the messages as JSON text of at most ``limit`` characters; a shortened text ends with ``…``.

    A plain cut, as a rule. Where that would leave out what the user said last, behind a long system prompt or
    history, the text has the beginning of the first message, a ``"…"`` for those left out, and the end of the
    conversation from the last user message on.
    """
    plain = text(messages, limit)
    if len(plain) < limit or not isinstance(messages, list):
        return plain
    at = _last_user(messages)
    if at < 0 or text(_last_text(messages[at])[:_VISIBLE], limit)[1:-1] in plain:
        return plain
    parts: List[Any] = [shorten(messages[0], _HEAD)] if at else []
    if at > 1:
        parts.append("…")
    parts.append(_short_question(messages[at]))
    parts.extend(shorten(message, _AFTER) for message in messages[at + 1 :])
    abridged = text(parts, limit)
    return abridged if abridged.endswith("…") else cut(abridged, limit - 1).rstrip("…") + "…"


def _last_user(messages: List[Any]) -> int:
    for at in range(len(messages) - 1, -1, -1):
        if isinstance(messages[at], dict) and messages[at].get("role") == "user":
            return at
    return -1


def _last_text(message: Dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        content = texts[-1] if texts else None
    return content if isinstance(content, str) else ""


def _short_question(message: Dict[str, Any]) -> Any:
    content = message.get("content")
    if not isinstance(content, list) or len(content) < 2:
        return shorten(message, _ASKED)
    between = ["…"] if len(content) > 2 else []
    return {**message, "content": [shorten(content[0], _HEAD), *between, shorten(content[-1], _ASKED)]}


def shorten(value: Any, limit: int) -> Any:
    """Return JSON data with each text cut to ``limit`` characters."""
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, dict):
        return {key: shorten(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten(item, limit) for item in value]
    return value
