"""Agent events: what a span of an agent run looks like to the event API and to exporters that take event dicts."""

from __future__ import annotations

import uuid
from enum import Enum
from time import time
from typing import Any, Dict, Iterator, Optional

import attrs

from peekr.runs import ALIASES, step_name
from peekr.spans import Span


class EventType(str, Enum):
    """What happened."""

    RUN_START = "run_start"
    RUN_END = "run_end"
    LLM_CALL = "llm_call"
    TOOL_CALL = "tool_call"
    MEMORY_READ = "memory_read"
    MEMORY_WRITE = "memory_write"
    ERROR = "error"
    FINAL_ANSWER = "final_answer"
    CUSTOM = "custom"
    AGENT_SPAWN = "agent_spawn"
    AGENT_JOIN = "agent_join"
    AGENT_LEAVE = "agent_leave"
    AGENT_COMMUNICATION = "agent_communication"
    AGENT_HANDOFF = "agent_handoff"
    TASK_ASSIGNMENT = "task_assignment"
    TASK_COMPLETION = "task_completion"


class EventStatus(str, Enum):
    """How far it got."""

    STARTED = "started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


_NO_RUN = "an event needs a run_id.\nEmit it inside a run: with trace.run(…) as run: run.emit(…)"


def _now_ms() -> int:
    return int(time() * 1000)


def _given(_event: Any, _field: Any, run_id: str) -> None:
    if not run_id:
        raise ValueError(_NO_RUN)


@attrs.define(slots=True, kw_only=True)
class BaseEvent:
    """One step of a run.

    :ivar run_id: left out, ``emit`` fills it in.
    :ivar timestamp_ms: Unix milliseconds.
    :raises ValueError: if ``run_id`` is empty; from :meth:`to_dict` also if it was left out and never filled in.
    """

    run_id: Optional[str] = attrs.field(default=None, validator=attrs.validators.optional(_given))
    type: EventType = EventType.CUSTOM
    name: str = ""
    event_id: str = attrs.Factory(lambda: str(uuid.uuid4()))
    timestamp_ms: int = attrs.Factory(_now_ms)
    status: EventStatus = EventStatus.COMPLETED
    duration_ms: Optional[float] = None
    metadata: Dict[str, Any] = attrs.Factory(dict)
    input: Any = None
    output: Any = None
    parent_event_id: Optional[str] = None
    fields: Dict[str, Any] = attrs.Factory(dict)

    def set_completed(self, duration_ms: Optional[float] = None) -> None:
        """Mark as completed."""
        self.status = EventStatus.COMPLETED
        self.duration_ms = duration_ms if duration_ms is not None else self.duration_ms

    def set_failed(self, duration_ms: Optional[float] = None) -> None:
        """Mark as failed."""
        self.status = EventStatus.FAILED
        self.duration_ms = duration_ms if duration_ms is not None else self.duration_ms

    def to_dict(self) -> Dict[str, Any]:
        """Return plain values; the fields of the event's type stand beside the common ones."""
        if not self.run_id:
            raise ValueError(_NO_RUN)
        out = attrs.asdict(self, filter=lambda field, _: field.name != "fields")
        out["type"] = EventType(self.type).value
        out["status"] = EventStatus(self.status).value
        return {**self.fields, **out}


#: Kind of a span → type of its event (contract MODEL-2).
TYPE_OF_KIND = {
    "run": EventType.RUN_START,
    "llm": EventType.LLM_CALL,
    "embedding": EventType.LLM_CALL,
    "tool": EventType.TOOL_CALL,
    "memory_read": EventType.MEMORY_READ,
    "memory_write": EventType.MEMORY_WRITE,
    "error": EventType.ERROR,
    "final": EventType.FINAL_ANSWER,
}
#: Type of the event of any other kind: a traced function, a request, a retrieval.
PLAIN = "span"
#: Attributes that say where an event belongs, not what it says.
_STRUCTURE = {"kind", "run_id", "event_type", "event_name", "event_id"}


def type_of(span: Span) -> Optional[EventType]:
    """Return the type of a span's event, or None for what the agent vocabulary has no word for: a plain ``span``."""
    named = span.attributes.get("event_type")
    if named is not None:
        try:
            return EventType(named)
        except ValueError:
            return EventType.CUSTOM
    return TYPE_OF_KIND.get(span.kind) or (EventType.CUSTOM if span.kind == "custom" else None)


def events_of(span: Span) -> Iterator[Dict[str, Any]]:
    """Yield the event dicts of a span as ``export_batch(events)`` gets them: for a run its start, then its end."""
    kind = type_of(span)
    if kind is EventType.RUN_START:
        if span.ended:
            yield _event(span, EventType.RUN_END.value, _status(span), span.end_time or span.start_time)
        else:
            yield _event(span, EventType.RUN_START.value, EventStatus.STARTED, span.start_time)
    elif span.ended:
        yield _event(span, PLAIN if kind is None else kind.value, _status(span), span.start_time)


def _status(span: Span) -> EventStatus:
    return EventStatus.FAILED if span.status == "error" else EventStatus.COMPLETED


def _event(span: Span, kind: str, status: EventStatus, when: float) -> Dict[str, Any]:
    attributes = span.attributes
    payload = span.payload or {}
    own: Dict[str, Any] = {
        name: value for name, value in attributes.items() if name not in _STRUCTURE and name not in ("input", "output")
    }
    own.update({name: value for name, value in payload.items() if name not in own})
    for alias, attribute in ALIASES.get(kind, {}).items():
        if attribute in attributes:
            own.setdefault(alias, attributes[attribute])
    if kind == EventType.TOOL_CALL.value:
        own.setdefault("tool_name", step_name(span))
    metadata = payload.get("metadata")
    return {
        **own,
        "event_id": attributes.get("event_id") or span.span_id,
        "run_id": span.run_id,
        "timestamp_ms": int(when * 1000),
        "type": kind,
        "name": step_name(span),
        "status": status.value,
        "duration_ms": span.duration_ms,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "input": payload.get("input", attributes.get("input")),
        "output": payload.get("output", attributes.get("output")),
        "parent_event_id": span.parent_id,
    }
