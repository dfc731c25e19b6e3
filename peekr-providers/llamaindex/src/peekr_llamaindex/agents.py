"""Agents and workflows: what their spans are called, and what is noted of them."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from peekr.capture import FUNCTION_LIMIT, LLM_LIMIT, cut, snapshot
from peekr.settings import settings
from peekr.spans import Span
from peekr_llamaindex.operations import Operation
from peekr_llamaindex.outline import FEW, extra_of, fields_of, outline

Arguments = Mapping[str, Any]

_NAME_LENGTH = 100
#: The name of an agent that was given none.
_NO_NAME = "Agent"
#: Arguments that are LlamaIndex' own machinery.
_MACHINERY = frozenset(("ctx", "context", "init_state", "tags", "memory", "self", "stepwise", "checkpoint_callback"))


def agent_name(instance: Any, method: str, arguments: Arguments) -> str:
    """``llamaindex.agent.<its name>``, or its class where it has none."""
    name = fields_of(instance).get("name")
    own = name if isinstance(name, str) and name and name != _NO_NAME else type(instance).__name__
    return f"llamaindex.agent.{own[:_NAME_LENGTH]}"


def turn_name(instance: Any, method: str, arguments: Arguments) -> str:
    """``llamaindex.agent.<name>`` of the agent of several whose turn it is."""
    name = fields_of(arguments.get("ev")).get("current_agent_name")
    return f"llamaindex.agent.{str(name or type(instance).__name__)[:_NAME_LENGTH]}"


def workflow_name(instance: Any, method: str, arguments: Arguments) -> str:
    """``llamaindex.workflow.<its class>``."""
    return f"llamaindex.workflow.{type(instance).__name__[:_NAME_LENGTH]}"


def step_name(instance: Any, method: str, arguments: Arguments) -> str:
    """``llamaindex.step.<the function>``."""
    return f"llamaindex.step.{method[:_NAME_LENGTH]}"


def plain_arguments(arguments: Arguments) -> Dict[str, Any]:
    """Return the arguments by name, without LlamaIndex' machinery."""
    given: Dict[str, Any] = {**arguments, **(arguments.get("kwargs") or {})}
    given.pop("kwargs", None)
    if not given.get("args", True):
        del given["args"]
    return {name: value for name, value in given.items() if name not in _MACHINERY and value is not None}


def take_start(operation: Operation, arguments: Arguments) -> None:
    """Note what a run was begun with: what the user said, where that is told, else the whole event."""
    event = arguments.get("start_event")
    fields = plain_arguments(arguments) if event is None else {**fields_of(event), **extra_of(event)}
    said = fields.get("user_msg")
    said = fields_of(said).get("content") or getattr(said, "content", said)
    if isinstance(said, str) and said:
        _take_text(operation.span, "input", said)
    elif settings.capture_io and fields:
        operation.span._input = taken = snapshot(outline(fields, FEW), FUNCTION_LIMIT)
        operation.span._size += len(taken)


def take_turn(operation: Operation, arguments: Arguments) -> None:
    """Note the messages that an agent got."""
    if settings.capture_io:
        messages = fields_of(arguments.get("ev")).get("input")
        operation.span._input = taken = snapshot(outline(messages, FEW), FUNCTION_LIMIT)
        operation.span._size += len(taken)


def take_result(operation: Operation, result: Any) -> None:
    """Note the answer of an agent, or the result of a workflow."""
    is_event = type(result).__name__ == "StopEvent"  # newer versions tell of the event, older ones of what is in it
    value = getattr(result, "result", None) if is_event else result
    said = getattr(fields_of(value).get("response"), "content", None)
    if isinstance(said, str):
        _take_text(operation.span, "output", said)
    elif isinstance(value, str):
        _take_text(operation.span, "output", value)
    elif settings.capture_io and value is not None:
        operation.span._output = taken = snapshot(outline(value, FEW), FUNCTION_LIMIT)
        operation.span._size += len(taken)


def _take_text(span: Span, name: str, text: str) -> None:
    if settings.capture_io:
        span.attributes[name] = cut(text, LLM_LIMIT)
