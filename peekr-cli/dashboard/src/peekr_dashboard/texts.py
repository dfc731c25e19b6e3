"""What the page shows of one call beyond its record: the texts, whole or as an excerpt. Pure functions of a span."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import msgspec

from peekr import Span
from peekr.plain import clean_text
from peekr.wire import encode
from peekr_dashboard.diagnostics.records import detail_of

#: Characters of one text of a call that is shown in full; what is longer is in the store.
FULL = 12_000
#: Claims, citations and chunks of one call, and characters of each.
_ITEMS, _ITEM = 60, 800


def cut(text: Any, limit: int) -> str:
    """Return at most so many characters; a shortened text ends with ``…`` and how many are left out."""
    whole = _as_text(text)
    if len(whole) > limit:
        whole = f"{whole[:limit]}… ({len(whole) - limit:,} more characters)"
    return clean_text(whole)


def _as_text(value: Any) -> str:
    """A text as it is; other values, which files of others may hold, as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else encode(value).decode("utf-8", "replace")


def trimmed(value: Any, limit: int) -> Any:
    """Return JSON values with each text in them, keys too, cut to so many characters."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + "…"
    if isinstance(value, dict):
        return {trimmed(key, limit): trimmed(each, limit) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [trimmed(each, limit) for each in value]
    return value


def excerpt(attributes: Mapping[str, Any], limit: int) -> Dict[str, Any]:
    """Return ``{"q", "a", "e"}``: the beginnings of question, answer and error; what is empty is left out."""
    found = {
        "q": _short(_question(attributes.get("input")), limit),
        "a": _short(attributes.get("output"), limit),
        "e": _short(attributes.get("error"), limit),
    }
    return {name: text for name, text in found.items() if text}


def shorter(texts: Mapping[str, Any], limit: int) -> Dict[str, Any]:
    """Return an excerpt of an excerpt, or of what is in full."""
    return {name: _short(texts[name], limit) for name in ("q", "a", "e") if texts.get(name)}


def _short(text: Any, limit: int) -> str:
    text = _as_text(text)
    return clean_text(text if len(text) <= limit else text[:limit] + "…")


def _question(given: Any) -> Any:
    """The last thing the user said, of messages or their JSON text; else what is given."""
    messages = given
    if isinstance(given, str):
        if not given.startswith("["):
            return given
        try:
            messages = msgspec.json.decode(given)
        except (msgspec.DecodeError, ValueError):
            return given
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            said = _said(message.get("content"))
            if said:
                return said
    return given


def _said(content: Any) -> str:
    """The text of a message: itself, or its parts that are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))


def full(span: Span, limit: int = FULL) -> Dict[str, Any]:
    """Return all that the panel of a call shows.

    :return: ``q``, ``a``, ``e`` as :func:`excerpt` has them, with ``m`` (``[[role, text], …]``), ``x`` (the context
        that the answer is held against), ``cl`` (``[[text, verdict], …]``), ``ci`` (``[[kind, text, grounded], …]``)
        and ``ev`` (``[[number, title, text], …]``); what is empty is left out. ``f`` is 1: in full.
    """
    detail = detail_of(span)
    found: Dict[str, Any] = {
        "f": 1,
        "q": _short(_question(_whole_input(span)), 400),
        "m": [[role, cut(text, limit)] for role, text in _messages(span)],
        "x": cut(detail["context"], limit),
        "a": cut(detail["answer"], limit),
        "e": cut(detail["error"], limit),
        "cl": [[cut(each["text"], _ITEM), each["verdict"]] for each in detail["claims"][:_ITEMS]],
        "ci": [
            [cut(each["kind"], 40), cut(each["text"], _ITEM), int(each["grounded"])]
            for each in detail["citations"][:_ITEMS]
        ],
        "ev": [
            [_plain(each["n"]), cut(each["title"] or each["id"], 200), cut(each["text"], _ITEM)]
            for each in detail["chunks"][:_ITEMS]
        ],
    }
    if len(found["m"]) == 1 and found["m"][0][1] == found["x"]:
        found["x"] = ""  # the only message is the context
    return {name: value for name, value in found.items() if value}


def _whole_input(span: Span) -> Any:
    """The input as captured; the messages of the payload where capture cut them, which leaves no JSON."""
    given = span.attributes.get("input")
    if isinstance(given, str) and given.startswith("[") and given.endswith("…"):
        return _given(span) or given
    return given


def _given(span: Span) -> List[Any]:
    from peekr.conversation import messages_of

    try:
        return list(messages_of(span))
    except Exception:  # a payload that cannot be decoded
        return []


def _messages(span: Span) -> List[Any]:
    messages = _given(span)
    found = [(str(each.get("role") or "user"), each.get("content") or "") for each in messages]
    if not found and span.attributes.get("input") is not None:
        found = [("input", span.attributes["input"])]
    return found[-_ITEMS:]


def _plain(value: Any) -> Optional[str]:
    return None if value is None else cut(value, 40)
