"""Texts inside spans, found and replaced: attributes, the payload's JSON, JSON inside of texts."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Sequence, Tuple

import msgspec

from peekr import wire
from peekr.spans import Span

#: Where something begins and ends, and what it is.
Found = Tuple[int, int, str]
#: Finds what is to be replaced in a text.
Find = Callable[[str], List[Found]]

#: How often each kind of thing was found. A plain dictionary: one is made for each text of each span.
Counts = Dict[str, int]

#: Attributes that say who and which, and are no content.
STRUCTURE = frozenset(
    (
        "kind", "run_id", "user_id", "session_id", "model", "model_requested", "provider", "server", "response_id",
        "request_id", "event_id", "event_type", "status_code", "error_code", "error_reason", "error_type", "region",
        "finish_reason", "service_tier", "evidence_id", "experiment_variant", "guardrail_warnings",
    )
)  # fmt: skip
#: Parts of a payload by the field whose content they are.
_PARTS: Dict[str, Tuple[str, ...]] = {
    "input": ("request", "prompt", "input", "tool_args", "memory_value", "metadata"),
    "output": ("response", "output", "tool_result", "answer", "result"),
}
#: Escapes of JSON, once or more often; what they stand for is no part of a value.
_ESCAPE = re.compile(r"\\+(?:u[0-9a-fA-F]{4}|[bfnrt/\"])?")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def masked(text: str) -> str:
    """Return the text with every escape of JSON as so many spaces: what is found in it stands there in the text too."""
    return _ESCAPE.sub(_as_space, text) if "\\" in text else text


def _as_space(match: re.Match[str]) -> str:
    return " " * len(match[0])


class Replacer:
    """Replaces what ``find`` finds in one span, and counts it.

    :param tags: what stands for each kind of thing.
    :param fields: ``input``, ``output`` or both; with both, everything else that has text is looked through too.
    """

    def __init__(self, find: Find, tags: Callable[[str], str], fields: Sequence[str]) -> None:
        self._find = find
        self._tags = tags
        self._fields = fields
        self._whole = {"input", "output"} <= set(fields)

    def span(self, span: Span) -> Dict[str, Counts]:
        """Change a span in place; return how often each kind was found, by field."""
        counts: Dict[str, Counts] = {}
        attributes = span.attributes
        for name, value in list(attributes.items()):
            if self._is_wanted(name) and not isinstance(value, (int, float, bool)) and value is not None:
                counted: Counts = {}
                changed = self.value(value, counted)
                if counted:
                    attributes[name] = changed
                    counts[name] = counted
        if span._payload is not None:
            for name, counted in self._payload(span).items():
                known = counts.get(name, {})  # of both counts the larger: it is the same text
                counts[name] = {kind: max(known.get(kind, 0), counted.get(kind, 0)) for kind in {**known, **counted}}
        return counts

    def _is_wanted(self, name: str) -> bool:
        if name in ("input", "output"):
            return name in self._fields
        if name == "system":
            return "input" in self._fields
        return self._whole and name not in STRUCTURE

    # -- payload ----------------------------------------------------------------------------------------------

    def _payload(self, span: Span) -> Dict[str, Counts]:
        payload = span._payload
        if self._whole:
            text = (payload if isinstance(payload, bytes) else wire.encode(payload)).decode("utf-8", "replace")
            counted: Counts = {}
            changed = self.text(text, counted)
            if counted:
                span._payload = changed.encode()
            return {"payload": counted} if counted else {}
        return self._payload_parts(span)

    def _payload_parts(self, span: Span) -> Dict[str, Counts]:
        payload = span.payload
        counts: Dict[str, Counts] = {}
        if isinstance(payload, dict):
            for field in self._fields:
                counted: Counts = {}
                for part in _PARTS.get(field, ()):
                    if part in payload:
                        payload[part] = self.value(payload[part], counted)
                if counted:
                    counts[field] = counted
        return counts

    # -- values -----------------------------------------------------------------------------------------------

    def value(self, value: Any, counted: Counts) -> Any:
        """Return JSON data with what was found replaced, keys too."""
        if isinstance(value, str):
            return self.text(value, counted)
        if isinstance(value, dict):
            return {
                self.text(key, counted) if isinstance(key, str) else key: self.value(item, counted)
                for key, item in list(value.items())
            }
        if isinstance(value, (list, tuple)):
            return [self.value(item, counted) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and value > 10**6:
            return self.text(str(value), counted) if self._find(str(value)) else value
        return value

    def text(self, text: str, counted: Counts) -> str:
        """Return the text with what was found replaced; JSON stays JSON."""
        found = self._find(text)
        if not found:
            return text
        for _, _, kind in found:
            counted[kind] = counted.get(kind, 0) + 1
        changed = self._replaced(text, found, bare=False)
        if text[:1] in "{[" and _is_json(text) and not _is_json(changed):  # a number that stands without quotes
            changed = self._replaced(text, found, bare=True)
            if not _is_json(changed):
                return wire.encode(self.value(msgspec.json.decode(text), {})).decode()
        return changed

    def _replaced(self, text: str, found: Sequence[Found], bare: bool) -> str:
        parts: List[str] = []
        at = 0
        for start, end, kind in found:
            tag = self._tags(kind)
            if bare and _stands_bare(text, start, end):
                start, end = _whole_number(text, start, end)
                tag = f'"{tag}"'
            parts += (text[at:start], tag)
            at = end
        return "".join([*parts, text[at:]])


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _stands_bare(text: str, start: int, end: int) -> bool:
    """Whether this is a number of JSON, rather than a part of a text in quotes."""
    return _NUMBER.fullmatch(text, start, end) is not None and text[:start].rstrip()[-1:] in (":", ",", "[", "-")


def _whole_number(text: str, start: int, end: int) -> Tuple[int, int]:
    return (start - 1 if text[start - 1] == "-" else start), end
