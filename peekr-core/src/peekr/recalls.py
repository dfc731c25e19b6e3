"""What an agent recalled: the memories, how each was ranked, and why (contract MEM-1, MEM-2).

::

    memories = memory.search("seat?")
    peekr.recall("seat?", memories, store="mem0")

makes a span of kind ``memory_read`` with ``attributes.recall``. :mod:`peekr.memory_hits` then notes on the LLM call
that follows which of the memories its answer used.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Dict, Iterable, List, Mapping, Optional

from peekr.capture import FUNCTION_LIMIT, cut, document, text
from peekr.context import current
from peekr.plain import clean_text, text_of
from peekr.settings import settings
from peekr.tracer import close_span, open_span

logger = logging.getLogger("peekr")

#: Memories of one recall that are kept.
MAX_MEMORIES = 100
_NAME_LIMIT = 200
_LABEL_LIMIT = 80

#: ``{"id", "text", "rank", "similarity", "score", "usage_count", "age_seconds", "reason"}``.
Memory = Dict[str, Any]

#: Where the memory stores in use keep each field; the first that is there counts.
_NAMES = {
    "id": ("id", "memory_id", "key", "doc_id", "id_"),
    "text": ("text", "memory", "content", "value", "page_content", "document"),
    "title": ("title",),
    "rank": ("rank",),
    "similarity": ("similarity", "relevance", "cosine"),
    "score": ("score",),
    "usage_count": ("usage_count", "uses", "access_count"),
    "age_seconds": ("age_seconds", "age", "age_s"),
    "reason": ("reason", "why"),
}
_NUMBERS = ("similarity", "score", "usage_count", "age_seconds")
#: Keywords of ``trace.memory_read`` that describe the one memory it read.
_KEYWORDS = ("rank", *_NUMBERS, "age", "reason", "title")


def recall(query: Any, memories: Optional[Iterable[Any]] = None, *, store: Any = None) -> List[Memory]:
    """Record what was recalled for a query, in the current trace. Never raises.

    :param query: what was asked of the memory.
    :param memories: best first: texts, mappings, or objects with such attributes (``id``, ``text``, ``rank``,
        ``similarity``, ``score``, ``usage_count``, ``age_seconds`` or ``age``, ``reason``). None stands for none.
    :param store: name of the memory it came from.
    :return: the memories as they are stored: each with all of these fields, None where nothing is known; the rank is
        the place in the list where none is given.
    """
    found = described(memories)
    try:
        _record(query, found, store)
    except Exception as error:  # never into the traced program
        logger.warning("a recall was not recorded: %s", error, exc_info=error)
    return found


def _record(query: Any, memories: List[Memory], store: Any) -> None:
    span = open_span("memory.read", current.get(), "memory_read")
    try:
        attributes = span.attributes
        asked = _text(query) or ""
        attributes["event_type"] = "memory_read"
        attributes["event_name"] = "Read: " + cut(asked if settings.capture_io else "memory", _LABEL_LIMIT)
        attributes.update(recall_attributes(query, memories))
        if store is not None:
            attributes["memory_store"] = cut(_store_name(store), _NAME_LIMIT)
        if settings.capture_io:
            attributes["input"] = cut(asked, FUNCTION_LIMIT)
            attributes["output"] = text([memory["text"] for memory in memories], FUNCTION_LIMIT)
            span._payload, truncated = document({"query": query, "memories": memories})
            if truncated:
                span.payload = {**(span.payload or {}), "truncated": True}
            span._size += len(asked) + sum(len(memory["text"] or "") for memory in memories)
    finally:
        close_span(span)


def recall_attributes(query: Any, memories: List[Memory]) -> Dict[str, Any]:
    """Return ``recall``, ``memories`` and ``memory_query``; without what was said where nothing may be captured."""
    asked = None if query is None or not settings.capture_io else cut(_text(query) or "", FUNCTION_LIMIT)
    return {"recall": True, "memories": [_shown(memory) for memory in memories], "memory_query": asked}


def read_attributes(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Return :func:`recall_attributes` for the keywords of ``trace.memory_read``: one memory, or ``memories=``."""
    memories, key, value = fields.get("memories"), fields.get("memory_key"), fields.get("memory_value")
    asked = next((fields[name] for name in ("memory_query", "query") if fields.get(name) is not None), key)
    if memories is None:
        known = {name: fields[name] for name in _KEYWORDS if fields.get(name) is not None}
        found = described([{**known, "id": key, "text": value}] if known or value is not None else [])
    else:
        found = described(memories)
    return recall_attributes(asked, found)


def described(memories: Optional[Iterable[Any]]) -> List[Memory]:
    """Return memories of any origin in the shape of :func:`recall`. Never raises."""
    if memories is None:
        return []
    if isinstance(memories, (str, bytes, Mapping)) or not isinstance(memories, Iterable):
        memories = [memories]
    found: List[Memory] = []
    try:
        for memory in memories:
            if len(found) >= MAX_MEMORIES:
                break
            found.append(_described(memory, len(found) + 1))
    except Exception:  # an iterator that fails: what it gave was recalled
        pass
    return found


def memory_name(memory: Mapping[str, Any]) -> str:
    """Return the id of a memory; one made of its text where it has none, the same in every trace."""
    own = memory.get("id")
    if own is not None and own != "":
        return str(own)
    from hashlib import sha256

    return "memory-" + sha256(str(memory.get("text") or "").encode(errors="replace")).hexdigest()[:12]


def _described(memory: Any, position: int) -> Memory:
    if isinstance(memory, (str, bytes)):
        memory = {"text": memory.decode(errors="replace") if isinstance(memory, bytes) else memory}
    look = [each for each in (memory, _get(memory, "metadata")) if each is not None]
    values = {field: _first(look, names) for field, names in _NAMES.items()}
    rank = _number(values["rank"])
    out: Memory = {
        "id": None if values["id"] is None else (_text(values["id"]) or "")[:_NAME_LIMIT],
        "text": _text(values["text"]),
        "rank": position if rank is None else int(rank),
        **{field: _number(values[field]) for field in _NUMBERS},
        "reason": _text(values["reason"]),
    }
    if values["title"] is not None:
        out["title"] = (_text(values["title"]) or "")[:_NAME_LIMIT]
    return out


def _shown(memory: Memory) -> Memory:
    """As an attribute: texts cut, and left out where nothing may be captured."""
    out = dict(memory)
    for field in ("text", "reason", "title"):
        if out.get(field) is not None:
            out[field] = cut(out[field], FUNCTION_LIMIT) if settings.capture_io else None
    return out


def _store_name(store: Any) -> str:
    return store if isinstance(store, str) else str(_get(store, "name") or type(store).__name__)


def _first(places: List[Any], names: Iterable[str]) -> Any:
    values = (_get(place, name) for name in names for place in places)
    return next((value for value in values if value is not None and not callable(value)), None)


def _get(place: Any, name: str) -> Any:
    try:
        return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
    except Exception:
        return None


def _text(value: Any) -> Optional[str]:
    if value is None or isinstance(value, str):
        return None if value is None else clean_text(value)
    return text(value, FUNCTION_LIMIT) if isinstance(value, (dict, list, tuple)) else clean_text(text_of(value))


def _number(value: Any) -> Optional[float]:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bool, str)) or value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        number = float(value)  # numpy's numbers too
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1e300 else None
