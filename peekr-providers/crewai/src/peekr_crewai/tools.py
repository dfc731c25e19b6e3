"""Tools, and queries of knowledge and memory: what is recorded of them. In the caller's thread."""

from __future__ import annotations

from typing import Any, Dict

import attrs
import msgspec

from peekr.capture import LLM_LIMIT, cut, document, text
from peekr.reasons import error_attributes
from peekr.settings import settings
from peekr_crewai.doing import Call, Doing, Step
from peekr_crewai.outline import (
    found_texts,
    name_of,
    plain_of,
    said,
)

#: What some versions of CrewAI add to the arguments of each tool.
_OWN_ARGUMENT = "security_context"


class Search(Step):
    """A query of knowledge or memory."""

    kind = "retrieval"

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, doing: Doing, call: Call) -> None:
        query = call.given(0, "query")
        if settings.capture_io and query is not None:
            asked = (
                "\n".join(query) if isinstance(query, list) and all(isinstance(one, str) for one in query) else query
            )
            doing.own.attributes["input"] = doing.own.attributes["rag.query"] = said(asked)

    def finish(self, doing: Doing, result: Any) -> None:
        attributes = doing.own.attributes
        if isinstance(result, (list, tuple)):
            attributes["document_count"] = attributes["rag.docs_count"] = len(result)
            if settings.capture_io:
                attributes["rag.retrieved_docs"] = texts = found_texts(result)
                attributes["output"] = text(texts, LLM_LIMIT)


@attrs.define(eq=False)
class _ToolNotes:
    """Arguments of a tool as JSON."""

    name: str
    args: bytes
    cut: bool


class ToolRun(Step):
    name = "crewai.tool"
    kind = "tool"

    def __init__(self, by_input: bool) -> None:
        #: Whether the arguments come as one dict, or JSON text of one.
        self._by_input = by_input

    def name_of(self, call: Call) -> str:
        return f"crewai.tool.{_tool_name(call.owner)}"

    def begin(self, doing: Doing, call: Call) -> None:
        span = doing.own
        if span.scope.framework is not None:  # a model's own call of a tool: what the tool asks models is not that call
            doing.scope = span.scope = attrs.evolve(span.scope, framework=None)
        name = _tool_name(call.owner)
        span.attributes["tool_name"] = name
        if settings.capture_io:
            doing.notes = _ToolNotes(name, *document(plain_of(self._arguments(call))))
            span.attributes["input"] = _shown(doing.notes.args)

    def _arguments(self, call: Call) -> Any:
        if not self._by_input:
            return {"args": call.args, **call.kwargs} if call.args else dict(call.kwargs)
        given = call.given(0, "input")
        if isinstance(given, str):
            try:
                given = msgspec.json.decode(given)
            except msgspec.DecodeError:
                return given
        if isinstance(given, dict) and _OWN_ARGUMENT in given:
            return {name: value for name, value in given.items() if name != _OWN_ARGUMENT}
        return given

    def finish(self, doing: Doing, result: Any) -> None:
        span = doing.own
        if type(result).__name__ == "ToolFailure":  # CrewAI's own way of saying that the tool was not run
            span.attributes["error_reason"] = "tool_error"
        notes = doing.notes
        if isinstance(notes, _ToolNotes):
            found, was_cut = document(plain_of(result))
            parts = [b'{"tool_name":', msgspec.json.encode(notes.name), b',"tool_args":', notes.args]
            parts += [b',"tool_result":', found, b',"truncated":true}' if notes.cut or was_cut else b"}"]
            span.attributes["output"] = said(result)
            span._payload = b"".join(parts)
            span._size += len(span._payload)

    def fail(self, doing: Doing, error: BaseException) -> Dict[str, Any]:
        found = error_attributes(error)
        if found.get("error_reason") not in ("cancelled", "guardrail"):
            found["error_reason"] = "tool_error"
        notes = doing.notes
        if isinstance(notes, _ToolNotes):
            head = b'{"tool_name":' + msgspec.json.encode(notes.name) + b',"tool_args":' + notes.args
            doing.own._payload = head + b"}"
        return found


def _shown(taken: bytes) -> str:
    return cut(str(msgspec.json.format(taken, indent=0), "utf-8"), LLM_LIMIT)


def _tool_name(tool: Any) -> str:
    return name_of(getattr(tool, "name", None), 100) or type(tool).__name__
