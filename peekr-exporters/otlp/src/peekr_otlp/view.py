"""A span as OpenTelemetry would have it, before it is encoded."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

import attrs

from peekr import wire
from peekr.plain import clean_text
from peekr.spans import Span
from peekr_otlp.conventions import Table
from peekr_otlp.scores import Event, exception_event, score_events

#: Span kinds that stand for a call of another program.
CLIENT_KINDS = frozenset(("llm", "embedding", "retriever", "retrieval", "rag"))
#: What was said or found, as far as peekr knows: nothing of it leaves when content may not.
CONTENT = frozenset(
    (
        "input",
        "output",
        "system",
        "rag.query",
        "rag.retrieved_docs",
        "evidence_chunks",
        "hallucination_details",
        "citation_details",
        "stack_trace",
        "tool_args",
        "tool_result",
        "memories",
        "memory_query",
        "message_content",
        "handoff_reason",
        "context_summary",
        "task_data",
        "result",
    )
)


@attrs.define(slots=True)
class View:
    """What a convention makes of a span.

    :ivar attributes: by name; None stands for nothing, a dict or a mixed list is written as JSON.
    """

    name: str
    attributes: Dict[str, Any]
    events: List[Event]


#: A convention. The dict is the span's attributes as stored, for the convention to use up.
Convention = Callable[[Span, Dict[str, Any]], View]


def given_attributes(span: Span, content: bool) -> Dict[str, Any]:
    """Return a span's attributes as stored, without what was said if content may not leave."""
    given = wire.record_attributes(span)
    if not content:
        for name in CONTENT:
            given.pop(name, None)
    return given


def common(span: Span, given: Dict[str, Any]) -> Dict[str, Any]:
    """Return the attributes that every convention has, and take them out of ``given``."""
    scope = span.scope
    out: Dict[str, Any] = {"peekr.kind": given.pop("kind"), "peekr.run.id": given.pop("run_id")}
    if scope.tenant_id is not None:
        out["peekr.tenant.id"] = scope.tenant_id
    if scope.retention_class is not None:
        out["peekr.retention.class"] = scope.retention_class
    scores = given.pop("eval_scores", None)
    given.pop("eval_errors", None)
    if isinstance(scores, dict):
        for name, score in scores.items():
            out[f"peekr.eval.{name}"] = score
    return out


def events_of(span: Span, given: Mapping[str, Any], table: Table) -> List[Event]:
    """Return the events of a span: its failure and its scores."""
    failed = span.status == "error" and (given.get("error") or given.get("error_type"))
    events = [exception_event(given)] if failed else []
    if "eval_scores" in given or "eval_errors" in given:
        events.extend(score_events(given, table))
    return events


def payload_of(span: Span) -> Any:
    """Return a span's payload as data, without keeping it decoded: other exporters write it as it is."""
    payload = span._payload
    return wire.decode(payload) if isinstance(payload, bytes) else span.payload


def json_text(value: Any) -> str:
    """Return data as JSON text."""
    return wire.encode(value).decode()


def is_texts(value: Any) -> bool:
    """Whether a value is a list of texts, which OpenTelemetry has as such."""
    return type(value) is list and bool(value) and {type(item) for item in value} == {str}


def name_of(span: Span) -> str:
    return clean_text(str(span.name))
