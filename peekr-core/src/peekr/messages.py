"""What was said, in few characters: conversations, answers and base64, for the attributes of LLM spans.

Shared by all providers. Runs in the worker.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence

from peekr.capture import LLM_LIMIT, cut, text, widened

#: Characters of a base64 text that is still shown whole.
_SMALL = 256
_BINARY_KEYS = frozenset(("data", "file_data", "b64_json", "bytes", "base64", "base64String", "result"))
_BASE64 = re.compile(r"[A-Za-z0-9+/=_\s-]*")
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
    limit = widened.get(limit, limit)
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
    """Where the user last said something; a tool's result is a message of the user too, in some APIs."""
    last = -1
    for at in range(len(messages) - 1, -1, -1):
        if isinstance(messages[at], dict) and messages[at].get("role") == "user":
            if _last_text(messages[at]):
                return at
            last = max(last, at)
    return last


def _last_text(message: Dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        at = _last_text_at(content)
        content = content[at]["text"] if at >= 0 else None
    return content if isinstance(content, str) else ""


def _last_text_at(parts: List[Any]) -> int:
    for at in range(len(parts) - 1, -1, -1):
        if isinstance(parts[at], dict) and isinstance(parts[at].get("text"), str):
            return at
    return -1


def _short_question(message: Dict[str, Any]) -> Any:
    content = message.get("content")
    if not isinstance(content, list) or len(content) < 2:
        return shorten(message, _ASKED)
    at = max(_last_text_at(content), 0) or len(content) - 1
    between, behind = ["…"] if at > 1 else [], ["…"] if at < len(content) - 1 else []
    return {**message, "content": [shorten(content[0], _HEAD), *between, shorten(content[at], _ASKED), *behind]}


def shorten(value: Any, limit: int) -> Any:
    """Return JSON data with each text cut to ``limit`` characters."""
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, dict):
        return {key: shorten(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten(item, limit) for item in value]
    return value


def lighten(value: Any, key: str = "") -> Any:
    """Return JSON data with each long base64 text replaced by a note of its length."""
    if isinstance(value, str):
        if len(value) <= _SMALL:
            return value
        if value.startswith("data:") and ";base64," in value[:100]:
            head = value[: value.index(",") + 1]
            return f"{head}<{len(value) - len(head)} characters>"
        binary = key in _BINARY_KEYS and " " not in value[:_SMALL] and _BASE64.fullmatch(value, 0, _SMALL)
        return f"<base64, {len(value)} characters>" if binary else value
    if isinstance(value, dict):
        return {name: lighten(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [lighten(item, key) for item in value]
    return value


def compose(words: str, calls: Sequence[Mapping[str, Any]]) -> str:
    """Return ``attributes.output`` of a message: its text, then its tool calls as JSON, both visible.

    A text that has to be shortened comes after the calls, so that the ``…`` which says so ends the whole.

    :param calls: ``{"name": …, "arguments": …}`` each.
    """
    if not calls:
        return cut(words, LLM_LIMIT)
    if not words:
        return text(calls, LLM_LIMIT)
    limit = widened.get(LLM_LIMIT, LLM_LIMIT)
    asked = text(calls, max(limit - len(words) - 1, limit // 2))
    if len(words) + 1 + len(asked) > limit and not asked.endswith("…"):
        return cut(f"{asked}\n{words}", LLM_LIMIT)
    return f"{cut(words, limit - len(asked) - 1)}\n{asked}"
