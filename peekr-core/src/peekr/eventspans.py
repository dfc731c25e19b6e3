"""Event dicts of other origin as spans: the inverse of :func:`peekr.events.events_of`."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, Dict, Mapping

from peekr.events import PLAIN, TYPE_OF_KIND, EventStatus, EventType
from peekr.spans import Span

_KINDS = {event.value: kind for kind, event in TYPE_OF_KIND.items() if kind != "embedding"}
_KINDS[PLAIN] = "function"
#: What an event says beside its content.
_COMMON = {"event_id", "run_id", "timestamp_ms", "type", "name", "status", "duration_ms", "parent_event_id"}
_TOKENS = {"prompt_tokens": "tokens_input", "completion_tokens": "tokens_output", "total_tokens": "tokens_total"}
#: Type of an event → field → the attribute that shows it.
_SHOWN = {
    "llm_call": {"prompt": "input", "response": "output"},
    "tool_call": {"tool_args": "input", "tool_result": "output"},
    "memory_read": {"memory_value": "output"},
    "memory_write": {"memory_value": "input"},
    "error": {"error_message": "error"},
    "final_answer": {"answer": "output"},
}


def span_of_event(event: Mapping[str, Any]) -> Span:
    """Return the span of an event; a run's start and end are the same span, open and ended.

    :raises ValueError: if the event has no run_id, type or time, or they are nothing of the kind.
    """
    if not isinstance(event, Mapping):
        raise ValueError(f"an event must be a mapping, got {type(event).__name__}")
    run_id, kind = event.get("run_id"), _text(event.get("type"))
    if not isinstance(run_id, str) or not run_id or not kind:
        raise ValueError(f"an event needs a run_id and a type, got {run_id!r} and {event.get('type')!r}")
    if kind in (EventType.RUN_START.value, EventType.RUN_END.value):
        return Span.from_dict(_run_record(event, run_id, kind == EventType.RUN_END.value))
    return Span.from_dict(_step_record(event, run_id, kind))


def _run_record(event: Mapping[str, Any], run_id: str, ended: bool) -> Dict[str, Any]:
    when = _time(event)
    attributes = {"kind": "run", "run_id": run_id, **_facts(event, "")}
    start = when - _duration(event) / 1000 if ended else when
    return {
        **_base(event, run_id, attributes),
        "span_id": run_id,
        "parent_id": _text(event.get("parent_event_id")) or None,
        "start_time": start,
        "end_time": when if ended else None,
        "duration_ms": _duration(event) if ended else None,
    }


def _step_record(event: Mapping[str, Any], run_id: str, kind: str) -> Dict[str, Any]:
    attributes: Dict[str, Any] = {"kind": _KINDS.get(kind, "custom"), "run_id": run_id, "event_type": kind}
    attributes["event_name"] = _text(event.get("name"))
    attributes.update(_facts(event, kind))
    return {
        **_base(event, run_id, attributes),
        "span_id": _text(event.get("event_id")) or uuid.uuid4().hex[:16],
        "parent_id": _text(event.get("parent_event_id")) or run_id,
        "start_time": _time(event),
        "duration_ms": _duration(event),
    }


def _base(event: Mapping[str, Any], run_id: str, attributes: Dict[str, Any]) -> Dict[str, Any]:
    payload = {name: value for name, value in event.items() if name not in _COMMON and value is not None}
    trace_id = _text(event.get("trace_id")) or hashlib.sha256(run_id.encode("utf-8", "replace")).hexdigest()[:32]
    record = {"trace_id": trace_id, "name": _text(event.get("name")) or _text(event.get("type"))}
    record["status"] = "error" if _text(event.get("status")) == EventStatus.FAILED.value else "ok"
    who = {name: event[name] for name in ("user_id", "session_id", "tenant_id") if isinstance(event.get(name), str)}
    return {**record, **who, "attributes": attributes, "payload": payload or None}


def _facts(event: Mapping[str, Any], kind: str) -> Dict[str, Any]:
    from peekr.agent_steps import shown

    content = _SHOWN.get(kind, {"input": "input", "output": "output"})
    out: Dict[str, Any] = {}
    for name, value in event.items():
        if name in content:
            out[content[name]] = shown(value)
        elif name in _TOKENS and isinstance(value, int):
            out[_TOKENS[name]] = value
        elif name not in _COMMON and isinstance(value, (str, int, float)):
            out[name] = shown(value) if isinstance(value, str) else value
    return {name: value for name, value in out.items() if value is not None}


def _text(value: Any) -> str:
    value = getattr(value, "value", value)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _duration(event: Mapping[str, Any]) -> float:
    return max(_number(event.get("duration_ms")), 0.0)


def _time(event: Mapping[str, Any]) -> float:
    """Unix seconds."""
    when = event.get("timestamp_ms")
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise ValueError(f"an event needs timestamp_ms, got {when!r}")
    return when / 1000
