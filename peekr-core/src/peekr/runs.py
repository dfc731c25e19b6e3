"""A span as a run or as a step of one: the dicts that the REST API shows (contract MODEL-2 to MODEL-7, API-4 to API-8).

Pure functions; every time in their results is in milliseconds since the epoch. ``peekr.sql`` holds the same mapping
as SQL views.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from peekr.spans import Span

#: Kind of a span → type of a step; a kind that is missing here is a ``span``. ``attributes["event_type"]`` wins.
STEP_TYPES = {
    "run": "run_start",
    "llm": "llm_call",
    "embedding": "llm_call",
    "tool": "tool_call",
    "memory_read": "memory_read",
    "memory_write": "memory_write",
    "error": "error",
    "final": "final_answer",
    "custom": "custom",
}
#: Kinds whose ``tokens_total`` and ``cost_usd`` are counted in sums.
BILLED_KINDS = frozenset(("llm", "embedding"))

_LARGEST = 1e300

#: Per step type, the Agent Inspector's name of a field → the attribute that holds it (contract C-36).
ALIASES = {
    "llm_call": {
        "prompt": "input",
        "response": "output",
        "prompt_tokens": "tokens_input",
        "completion_tokens": "tokens_output",
        "total_tokens": "tokens_total",
    },
    "tool_call": {"tool_args": "input", "tool_result": "output"},
    "memory_read": {"memory_value": "output"},
    "memory_write": {"memory_value": "input"},
    "error": {"error_message": "error"},
    "final_answer": {"answer": "output"},
}
#: Attributes that repeat what stands at the top of a step.
_REPEATED = ("kind", "run_id", "event_type", "event_name")


def milliseconds(seconds: Optional[float]) -> Optional[int]:
    """Return Unix seconds as whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


# -- runs ---------------------------------------------------------------------------------------------------------


def is_run(span: Span) -> bool:
    """Whether a run begins with this span: it is of kind ``run``, or the first of a trace without one."""
    return span.run_id == span.span_id


def runs_of(spans: Iterable[Span]) -> Dict[str, str]:
    """Return span_id → run_id for the spans of one trace.

    Old records name no run: those belong to the run of their parent.
    """
    by_id = {span.span_id: span for span in spans}
    runs: Dict[str, str] = {}
    for span_id in by_id:
        path: List[str] = []
        at: str = span_id
        while at not in runs and at not in path:
            path.append(at)
            span = by_id.get(at)
            if span is None or _knows_its_run(span):
                runs[at] = at if span is None else span.run_id
            else:
                at = span.run_id
        runs.update(dict.fromkeys(path, runs.get(at, at)))
    return {span_id: runs[span_id] for span_id in by_id}


def _knows_its_run(span: Span) -> bool:
    return span.run_id != span.parent_id or "run_id" in span.attributes


def run_status(span: Span) -> str:
    """Return ``running``, ``failed`` or ``completed``."""
    if not span.ended:
        return "running"
    return "failed" if span.status == "error" else "completed"


def run_dict(span: Span) -> Dict[str, Any]:
    """Return what a run's own span says of it; the sums over its steps are still empty.

    ``parent_run_id`` is left None: it takes the other spans of the trace to know.
    """
    attributes = span.attributes
    return {
        "id": span.run_id,
        "name": span.name,
        "status": run_status(span),
        "started_at": milliseconds(span.start_time),
        "completed_at": milliseconds(span.end_time),
        "duration_ms": span.duration_ms,
        "agent_type": attributes.get("agent_type"),
        "user_id": span.user_id,
        "session_id": span.session_id,
        "metadata": metadata_of(span),
        "created_at": milliseconds(span.start_time),
        "trace_id": span.trace_id,
        "tenant_id": span.tenant_id,
        "retention_class": span.retention_class,
        "parent_run_id": None,
        "step_count": 0,
        "tokens_total": 0,
        "cost_usd": None,
        "scores": {},
    }


def metadata_of(span: Span) -> Dict[str, Any]:
    """Return the keyword arguments that a run was begun with; ``{}`` where there are none or they cannot be decoded."""
    payload = _decoded(span)
    metadata = payload.get("metadata") if isinstance(payload, Mapping) else None
    return dict(metadata) if isinstance(metadata, Mapping) else {}


def _decoded(span: Span) -> Any:
    try:
        return span.payload
    except Exception:  # no JSON: damaged, or encrypted with another key
        return ""


# -- what is counted ----------------------------------------------------------------------------------------------


def is_billed(span: Span) -> bool:
    """Whether the tokens and cost of a span belong in a sum.

    Those of LLM calls and embeddings do. ``attributes["billed"] = False`` marks a wrapper (of a framework, of
    another SDK) whose call was recorded by a span of its own.
    """
    return span.kind in BILLED_KINDS and span.attributes.get("billed") is not False


def is_wrapper(attributes: Mapping[str, Any]) -> bool:
    """Whether the call of a span was recorded by another one, which is billed, judged and counted in its place.

    An answer from a framework's own cache is not billed either, but there is no other span of it.
    """
    return attributes.get("billed") is False and not attributes.get("cached_response")


def tokens_of(span: Span) -> int:
    """Return the tokens that a span adds to a sum."""
    return int(number_of(span.attributes.get("tokens_total")) or 0) if is_billed(span) else 0


def cost_of(span: Span) -> Optional[float]:
    """Return the US dollars that a span adds to a sum, None if its price is unknown."""
    return number_of(span.attributes.get("cost_usd")) if is_billed(span) else None


def number_of(value: Any) -> Optional[float]:
    """Return a number as it is, and None for everything else: for NaN too, and what is too large to be added up."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def scores_of(span: Span) -> Dict[str, float]:
    """Return the evaluators' scores of a span: name → 0.0 to 1.0."""
    scores = span.attributes.get("eval_scores")
    if not isinstance(scores, dict):
        return {}
    return {str(name): float(score) for name, score in scores.items() if number_of(score) is not None}


# -- steps --------------------------------------------------------------------------------------------------------


def step_type(span: Span) -> str:
    """Return the API's ``type`` of a step."""
    return str(span.attributes.get("event_type") or STEP_TYPES.get(span.kind, "span"))


def step_name(span: Span) -> str:
    """Return the name under which the API shows a step: the model, the tool, the key …"""
    attributes, kind = span.attributes, span.kind
    named = attributes.get("event_name")
    if not named and kind in BILLED_KINDS:
        named = attributes.get("model")
    elif not named and kind == "tool":
        named = attributes.get("tool_name") or (span.name[5:] if span.name.startswith("tool.") else None)
    return str(named or span.name)


def step_status(span: Span) -> str:
    """Return ``started`` for the beginning of a run, else ``failed`` or ``completed``."""
    if span.kind == "run":
        return "started"
    return "failed" if span.status == "error" else "completed"


def step_dict(span: Span, run_id: Optional[str] = None) -> Dict[str, Any]:
    """Return an event of the timeline, without its data.

    :param run_id: the run in whose timeline it stands, where that is not its own: a nested run's beginning.
    """
    return {
        "id": span.span_id,
        "run_id": run_id or span.run_id,
        "timestamp": milliseconds(span.start_time),
        "type": step_type(span),
        "name": step_name(span),
        "status": step_status(span),
        "duration_ms": span.duration_ms,
        "parent_event_id": span.parent_id,
    }


def step_data(span: Span) -> Optional[Dict[str, Any]]:
    """Return the content of a step: the payload where there is one, over the attributes, under both of their names.

    None if the payload cannot be decoded (it was encrypted with another key, or is damaged).
    """
    payload = _decoded(span)
    if (payload is not None and not isinstance(payload, Mapping)) or "payload_unreadable" in span.attributes:
        return None
    data = {name: value for name, value in span.attributes.items() if name not in _REPEATED}
    data.update(payload or {})
    for alias, attribute in ALIASES.get(step_type(span), {}).items():
        if attribute in data:
            data.setdefault(alias, data[attribute])
    return data
