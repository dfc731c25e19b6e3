"""What a model answered, whichever operation and model family it came through."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

import attrs
import msgspec

from peekr.messages import compose
from peekr.reasons import is_json

Json = Mapping[str, Any]
Attributes = Dict[str, Any]

#: Finish reasons, in lower case, of an answer that is none.
_REASONS = {
    "guardrail_intervened": "guardrail",
    "content_filtered": "content_filter",
    "content_filter": "content_filter",
    "error_toxic": "content_filter",
    "refusal": "refusal",
    "malformed_model_output": "json_parse",
    "malformed_tool_use": "json_parse",
    "model_context_window_exceeded": "context_length",
    "error_limit": "context_length",
}


@attrs.define
class Answer:
    """One answer.

    :ivar words: its text.
    :ivar calls: tool calls: ``name``, and ``arguments`` as JSON text.
    :ivar finishes: the reasons why the model stopped, in its own words.
    :ivar usage: the usage object, of whichever shape.
    :ivar reason: ``error_reason``, where something other than the finish tells it.
    :ivar more: further attributes.
    """

    words: str = ""
    calls: List[Attributes] = attrs.field(factory=list)
    finishes: List[Any] = attrs.field(factory=list)
    usage: Any = None
    reason: Optional[str] = None
    more: Attributes = attrs.field(factory=dict)

    def call(self, name: Any, arguments: Any) -> None:
        """Add a tool call."""
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else msgspec.json.encode(arguments).decode()
        self.calls.append({"name": name, "arguments": arguments})

    def attributes(self) -> Attributes:
        """Return everything but the tokens as attributes; a None stands for nothing."""
        finishes = [finish for finish in self.finishes if isinstance(finish, str) and finish]
        return {
            "output": compose(self.words, self.calls),
            "tool_calls": len(self.calls) or None,
            "finish_reason": ",".join(dict.fromkeys(finishes)) or None,
            "error_reason": self.reason or self._reason(finishes),
            **self.more,
        }

    def _reason(self, finishes: List[str]) -> Optional[str]:
        for finish in finishes:
            if finish.lower() in _REASONS:
                return _REASONS[finish.lower()]
        return None if all(is_json(call["arguments"]) for call in self.calls) else "json_parse"


def objects(value: Any) -> Iterable[Json]:
    """The objects in a list; nothing where it is no list."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def part(value: Any, *keys: str) -> Json:
    """The object inside objects, or an empty one where something on the way is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def joined(value: Any, key: str) -> str:
    """The texts under ``key`` in a list of objects, one after the other."""
    return "".join(item[key] for item in objects(value) if isinstance(item.get(key), str))


def slot(value: Any) -> Any:
    """The index of a block or choice as a key; None for what is no index."""
    return value if isinstance(value, (int, str)) else None
