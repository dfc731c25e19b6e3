"""Tool, retriever and chain runs, and an agent's steps: what is noted of them on their spans."""

from __future__ import annotations

from typing import Any, Dict, Optional

import attrs
import msgspec

from peekr.agent import run_of
from peekr.agent_steps import STEPS, Writer
from peekr.capture import FUNCTION_LIMIT, LLM_LIMIT, cut, document, snapshot
from peekr.settings import settings
from peekr.spans import Span, describe_error
from peekr.tracer import close_span, open_span
from peekr_langchain.outline import FEW, MANY, outline
from peekr_langchain.runs import LangChainRun

#: Documents whose text stands in the attributes, and characters of each.
_DOCUMENTS, _DOCUMENT = 20, 200
#: What LangGraph says of a node.
_FROM_METADATA = ("langgraph_node", "langgraph_step", "thread_id")
#: Tags that LangChain and LangGraph give themselves.
_OWN_TAGS = ("seq:step:", "graph:step:", "map:key:", "langsmith:", "branch:", "condition:", "retry:attempt:")


def describe_run(span: Span, tags: Any, metadata: Any) -> None:
    """Note the user's tags, and which node of a graph it is."""
    if metadata and isinstance(metadata, dict):
        for name in _FROM_METADATA:
            value = metadata.get(name)
            if isinstance(value, (str, int)):
                span.attributes[name] = value
    if tags:
        own = [str(tag) for tag in tags if not str(tag).startswith(_OWN_TAGS)]
        if own:
            span.attributes["tags"] = own[:_DOCUMENTS]


# -- chains -------------------------------------------------------------------------------------------------------


def take_input(span: Span, value: Any) -> None:
    """Note what went in, as it is now."""
    if settings.capture_io:
        span._input = taken = snapshot(outline(value, FEW), FUNCTION_LIMIT)
        span._size += len(taken)


def take_result(run: LangChainRun, value: Any) -> None:
    """Note what came out of a run."""
    take_output(run.span, value)


def take_output(span: Span, value: Any) -> None:
    """Note what came out."""
    if settings.capture_io:
        span._output = taken = snapshot(outline(value, FEW), FUNCTION_LIMIT)
        span._size += len(taken)


# -- tools --------------------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class ToolNotes:
    """Arguments and result of a tool run as JSON documents, until the worker has made attributes of them."""

    name: str
    args: bytes
    cut: bool
    result: Optional[bytes] = None

    def seal(self, run: LangChainRun) -> None:
        """Nothing to add."""

    def resolve(self, span: Span) -> None:
        """Set the span's input, output and payload. In the worker."""
        parts = [b'{"tool_name":', msgspec.json.encode(self.name), b',"tool_args":', self.args]
        span.attributes.setdefault("input", _shown(self.args))
        if self.result is not None:
            parts += [b',"tool_result":', self.result]
            span.attributes.setdefault("output", _shown(self.result))
        span._payload = b"".join([*parts, b',"truncated":true}' if self.cut else b"}"])


def _shown(taken: bytes) -> str:
    return cut(str(msgspec.json.format(taken, indent=0), "utf-8"), LLM_LIMIT)


def take_tool_call(run: LangChainRun, name: str, args: Any, call_id: Any) -> None:
    """Note which tool is called with what."""
    run.span.attributes["tool_name"] = name
    _note_call_id(run.span, call_id)
    if settings.capture_io:
        taken, was_cut = document(outline(args, MANY))
        run.notes = ToolNotes(name, taken, was_cut)
        run.span._size += len(taken)


def _note_call_id(span: Span, call_id: Any) -> None:
    if isinstance(call_id, str) and call_id:
        span.attributes["tool_call_id"] = call_id


def take_tool_result(run: LangChainRun, output: Any) -> None:
    """Note what the tool gave. A tool that answers its caller with its own error message has failed quietly."""
    if getattr(output, "status", None) == "error":
        run.span.attributes["error_reason"] = "tool_error"
    message = hasattr(output, "content") and hasattr(output, "tool_call_id")
    if message:
        _note_call_id(run.span, output.tool_call_id)
    notes = run.notes
    if isinstance(notes, ToolNotes):
        content = output.content if message else output
        notes.result, was_cut = document(outline(content, MANY))
        notes.cut = notes.cut or was_cut
        run.span._size += len(notes.result)


# -- retrievers ---------------------------------------------------------------------------------------------------


def take_query(span: Span, query: Any) -> None:
    """Note what is looked for."""
    if settings.capture_io:
        asked = query if isinstance(query, str) else str(query)
        span.attributes["input"] = span.attributes["rag.query"] = cut(asked, LLM_LIMIT)


def take_documents(run: LangChainRun, documents: Any) -> None:
    """Note what was found."""
    span = run.span
    found = list(documents) if isinstance(documents, (list, tuple)) else []
    attributes = span.attributes
    attributes["document_count"] = attributes["rag.docs_count"] = len(found)
    if settings.capture_io:
        shown = found[:_DOCUMENTS]
        attributes["rag.retrieved_docs"] = [cut(str(getattr(one, "page_content", one)), _DOCUMENT) for one in shown]
        span._output = taken = snapshot(outline(found, FEW), LLM_LIMIT)
        span._size += len(taken)


# -- an agent's steps ---------------------------------------------------------------------------------------------


def write_action(parent: Span, action: Any) -> None:
    """Write an agent's decision for a tool as a span of its own, without duration."""
    tool = str(getattr(action, "tool", "") or "action")
    span = open_span(f"langchain.agent.{tool}", parent, "agent")
    span.attributes["tool_name"] = tool
    take_input(span, getattr(action, "tool_input", None))
    take_output(span, getattr(action, "log", None))
    close_span(span)


def write_finish(parent: Span, finish: Any) -> None:
    """Write an agent's last word as a final answer; the run around it goes on."""
    values = getattr(finish, "return_values", None)
    answer = values.get("output", values) if isinstance(values, dict) else values
    context = run_of(parent)
    run = context._span if context is not None and context._span is not None else parent
    fields: Dict[str, Any] = {"answer": outline(answer, FEW)}
    Writer(run, parent, None).write(STEPS["final"], fields)


def write_event(parent: Span, name: Any, data: Any) -> None:
    """Write an event that the user's own code dispatched."""
    span = open_span(str(name), parent, "custom")
    take_input(span, data)
    close_span(span)


def report_error(span: Span, error: BaseException) -> None:
    """Tell the agent run around, if there is one, of an error: it gets an error event."""
    context = run_of(span)
    if context is not None:
        context.error(type(error).__name__, describe_error(error), critical=False)
