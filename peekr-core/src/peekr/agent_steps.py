"""How each agent event becomes a span: its name, kind and attributes (contract MODEL-2)."""

from __future__ import annotations

import sys
from time import perf_counter_ns, time_ns
from typing import Any, Callable, Dict, Mapping, Optional

import attrs

from peekr.capture import FUNCTION_LIMIT, LLM_LIMIT, cut, document, text
from peekr.events import BaseEvent, EventStatus, EventType
from peekr.plain import text_of
from peekr.settings import settings
from peekr.spans import Attributes, Parent, Span
from peekr.tracer import close_span, open_span

Fields = Dict[str, Any]

#: Fields that say how long or how much, and stay queryable numbers.
_TOKENS = {"prompt_tokens": "tokens_input", "completion_tokens": "tokens_output", "total_tokens": "tokens_total"}


def shown(value: Any, limit: int = LLM_LIMIT) -> str:
    """Return text as it is, anything else as JSON; cut."""
    return cut(value, limit) if isinstance(value, str) else text(value, limit)


def _small(value: Any) -> Any:
    """A fact as it is now: a number, or short text."""
    return value if value is None or isinstance(value, (bool, int, float)) else shown(value)


def _nanoseconds(milliseconds: Any) -> int:
    try:
        return max(int(float(milliseconds or 0) * 1e6), 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _json(value: Any) -> str:
    return text(value, FUNCTION_LIMIT)


def _llm(fields: Fields) -> Attributes:
    out: Attributes = {"model": _small(fields.get("model"))}
    for name, ours in _TOKENS.items():
        if isinstance(fields.get(name), int):
            out[ours] = fields[name]
    if "tokens_total" not in out and "tokens_input" in out and "tokens_output" in out:
        out["tokens_total"] = out["tokens_input"] + out["tokens_output"]
    return out


def _recalled(fields: Fields) -> Attributes:
    from peekr.recalls import read_attributes

    return read_attributes(fields)


@attrs.define(slots=True, frozen=True)
class Step:
    """One kind of agent event.

    :ivar name: of the span, from the fields.
    :ivar label: the event's name in the API, from the fields.
    :ivar content: field → attribute for what was said; left out when nothing may be captured.
    :ivar facts: further attributes, from the fields.
    :ivar json: whether content is always JSON (tool arguments) or text where it is text (prompts).
    """

    type: EventType
    kind: str
    name: Callable[[Fields], str]
    label: Callable[[Fields], str]
    content: Mapping[str, str] = attrs.Factory(dict)
    facts: Callable[[Fields], Attributes] = lambda fields: {}
    keep: tuple[str, ...] = ()
    json: bool = False
    ends_run: bool = False


def _always(value: str) -> Callable[[Fields], str]:
    return lambda fields: value


def _field(name: str, prefix: str = "") -> Callable[[Fields], str]:
    return lambda fields: cut(prefix + text_of(fields.get(name)))


def _multi_agent(kind: EventType) -> Step:
    return Step(kind, "custom", _always(kind.value), _always(kind.value))


STEPS: Dict[str, Step] = {
    "llm": Step(
        EventType.LLM_CALL,
        "llm",
        _always("llm.call"),
        _field("model"),
        {"prompt": "input", "response": "output"},
        _llm,
    ),
    "tool": Step(
        EventType.TOOL_CALL,
        "tool",
        _field("tool_name", "tool."),
        _field("tool_name"),
        {"tool_args": "input", "tool_result": "output"},
        keep=("tool_name", "tool_type"),
        json=True,
    ),
    "memory_read": Step(
        EventType.MEMORY_READ,
        "memory_read",
        _always("memory.read"),
        _field("memory_key", "Read: "),
        {"memory_value": "output"},
        _recalled,
        keep=("memory_key", "memory_type"),
        json=True,
    ),
    "memory_write": Step(
        EventType.MEMORY_WRITE,
        "memory_write",
        _always("memory.write"),
        _field("memory_key", "Write: "),
        {"memory_value": "input"},
        keep=("memory_key", "memory_type", "overwrite"),
        json=True,
    ),
    "error": Step(
        EventType.ERROR,
        "error",
        _field("error_type", "error."),
        _field("error_type"),
        {"stack_trace": "stack_trace"},
        lambda fields: {"error": shown(fields.get("error_message"))},
        keep=("error_type", "critical"),
    ),
    "final": Step(
        EventType.FINAL_ANSWER,
        "final",
        _always("final.answer"),
        _always("Final Answer"),
        {"answer": "output"},
        keep=("answer_type", "success"),
        ends_run=True,
    ),
    "custom": Step(EventType.CUSTOM, "custom", _field("name"), _field("name"), {"input": "input", "output": "output"}),
    **{
        kind.value: _multi_agent(kind)
        for kind in (
            EventType.AGENT_SPAWN,
            EventType.AGENT_JOIN,
            EventType.AGENT_LEAVE,
            EventType.AGENT_COMMUNICATION,
            EventType.AGENT_HANDOFF,
            EventType.TASK_ASSIGNMENT,
            EventType.TASK_COMPLETION,
        )
    },
}


def _may_keep(name: str, value: Any) -> bool:
    """Whether a further field may be an attribute: text that is no name may be content."""
    return settings.capture_io or not isinstance(value, str) or name.endswith(("_id", "_name", "_role", "_type"))


class Writer:
    """Writes one event as a span that has already ended.

    :ivar failed: whether the event makes its run fail.
    """

    def __init__(self, run: Span, parent: Parent, duration_ms: Optional[float]) -> None:
        self._run = run
        self._parent = parent
        self._duration_ns = _nanoseconds(duration_ms)
        self.failed = False

    def write(self, step: Step, fields: Fields) -> BaseEvent:
        """Write the span; return the event."""
        event = fields.pop("event") if step is STEPS["custom"] else None
        if event is not None:
            if not isinstance(event, BaseEvent):
                raise TypeError(f"emit() takes a BaseEvent, not {type(event).__name__}")
            self._duration_ns = self._duration_ns or _nanoseconds(event.duration_ms)
            fields = {**event.fields, "name": event.name or "custom", "metadata": dict(event.metadata)}
            fields.update({"input": event.input, "output": event.output})
        span = open_span(step.name(fields), self._parent, step.kind)
        self._describe(span, step, fields)
        self._time(span)
        self.failed = step.kind == "error" or (step.ends_run and fields.get("success") is False)
        if step.kind == "error" or (event is not None and event.status is EventStatus.FAILED):
            span.status = "error"
        filled = self._event(span, step, fields, event)
        try:
            if step.kind == "llm":
                _ask_guards(span, fields)
        finally:
            close_span(span)
        return filled

    def _describe(self, span: Span, step: Step, fields: Fields) -> None:
        attributes = span.attributes
        attributes["event_type"] = step.type.value
        attributes["event_name"] = step.label(fields)
        attributes.update(step.facts(fields))
        attributes.update({name: _small(fields[name]) for name in step.keep if fields.get(name) is not None})
        known = {*step.keep, *step.content, *_TOKENS, "model", "error_message"}
        for name, value in fields.items():
            if name not in known and isinstance(value, (str, int, float)) and _may_keep(name, value):
                attributes.setdefault(name, _small(value))
        if not settings.capture_io:
            return
        for name, attribute in step.content.items():
            if fields.get(name) is not None or (step.json and name in fields):
                attributes[attribute] = _json(fields[name]) if step.json else shown(fields[name])
        span._payload, truncated = document({name: value for name, value in fields.items() if value is not None})
        if truncated:
            span.payload = {**(span.payload or {}), "truncated": True}
        span._size += len(span._payload) if isinstance(span._payload, bytes) else LLM_LIMIT

    def _time(self, span: Span) -> None:
        """An event is recorded when it is over: a duration reaches back from now."""
        span._end_ns = time_ns()
        span._start_ns = span._end_ns - self._duration_ns
        span._t0 = perf_counter_ns() - self._duration_ns

    def _event(self, span: Span, step: Step, fields: Fields, given: Optional[BaseEvent]) -> BaseEvent:
        event = given or BaseEvent(type=step.type, name=step.label(fields), fields=dict(fields), event_id=span.span_id)
        event.run_id = event.run_id or self._run.span_id
        event.parent_event_id = event.parent_event_id or span.parent_id
        event.duration_ms = self._duration_ns / 1e6 if self._duration_ns else event.duration_ms
        if given is not None:
            span.attributes["event_id"] = given.event_id
        if span.status == "error":
            event.status = EventStatus.FAILED
        return event


def _ask_guards(span: Span, fields: Fields) -> None:
    """Ask the guardrails about a call that the program made by itself.

    :raises GuardrailError, BudgetExceededError: if one objects; the span is stored with its violation.
    """
    guarding = sys.modules.get("peekr.guarding")
    if guarding is None or not guarding.guards.any:
        return
    said = {"input": fields.get("prompt"), "output": fields.get("response"), "model": fields.get("model")}
    known = {name: shown(value) for name, value in said.items() if value is not None}
    if not settings.capture_io:
        from peekr.withheld import withheld

        withheld.put(span, known)
    from peekr.reported import look_at

    look_at(span, known)
