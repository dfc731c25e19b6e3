"""A call of a tool: its name, its arguments, what it gave."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

import attrs
import msgspec

from peekr.capture import LLM_LIMIT, cut, document
from peekr.settings import settings
from peekr.spans import Span
from peekr_llamaindex.operations import Operation
from peekr_llamaindex.outline import MANY, fields_of, outline

_NAME_LENGTH = 100


@attrs.define(eq=False)
class ToolNotes:
    """Arguments and result as JSON documents, until the worker has made attributes of them."""

    name: str
    args: bytes
    cut: bool
    result: Optional[bytes] = None

    def resolve(self, span: Span) -> None:
        """Set the span's input, output and payload. In the worker."""
        payload: Dict[str, Any] = {"tool_name": self.name, "tool_args": msgspec.Raw(self.args)}
        span.attributes.setdefault("input", _shown(self.args))
        if self.result is not None:
            payload["tool_result"] = msgspec.Raw(self.result)
            span.attributes.setdefault("output", _shown(self.result))
        if self.cut:
            payload["truncated"] = True
        span._payload = msgspec.json.encode(payload)


def _shown(taken: bytes) -> str:
    return cut(str(msgspec.json.format(taken, indent=0), "utf-8"), LLM_LIMIT)


def tool_name(instance: Any, method: str, arguments: Mapping[str, Any]) -> str:
    """``llamaindex.tool.<its name>``."""
    return f"llamaindex.tool.{_name_of(instance)}"


def _name_of(instance: Any) -> str:
    name = getattr(instance.metadata, "name", None)
    return str(name or type(instance).__name__)[:_NAME_LENGTH]


def take_call(operation: Operation, arguments: Mapping[str, Any]) -> None:
    """Note which tool is called with what."""
    name = operation.span.attributes["tool_name"] = _name_of(operation.place.instance)
    if settings.capture_io:
        taken, was_cut = document(outline(_arguments(arguments), MANY))
        operation.notes = ToolNotes(name, taken, was_cut)
        operation.span._size += len(taken)


def _arguments(arguments: Mapping[str, Any]) -> Any:
    """The arguments by name where they have one, without the context of the workflow that may be among them."""
    named: Dict[str, Any] = {name: value for name, value in arguments.items() if name not in ("args", "kwargs")}
    named.update(arguments.get("kwargs") or {})
    named = {name: value for name, value in named.items() if type(value).__name__ != "Context"}
    given = list(arguments.get("args") or ())
    if given and not named:
        return given[0] if len(given) == 1 else given
    return {"args": given, **named} if given else named


def take_result(operation: Operation, output: Any) -> None:
    """Note what the tool gave. A tool that answers its caller with its own error message has failed quietly."""
    fields = fields_of(output)
    if fields.get("is_error") is True:
        operation.span.attributes["error_reason"] = "tool_error"
    notes = operation.notes
    if isinstance(notes, ToolNotes):
        raw = fields.get("raw_output")
        plain = isinstance(raw, (str, int, float, bool, dict, list))
        notes.result, was_cut = document(outline(raw if plain else output, MANY))
        notes.cut = notes.cut or was_cut
        operation.span._size += len(notes.result)
