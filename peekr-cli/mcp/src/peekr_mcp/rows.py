"""A span or a trace → its row in an answer: pure functions."""

from __future__ import annotations

from itertools import islice
from typing import Any, Dict, Optional

from peekr import Span
from peekr.runs import scores_of
from peekr.spending import UsageSum
from peekr.summary import TraceSummary
from peekr_mcp.content import Cutter, line, line_or_none, mention, moment, number, whole
from peekr_mcp.shapes import Claims, FoundSpan, HallucinationRow, SpanDetail, SpanRow, TraceRow, UsageRow

#: Attributes of a span that have a field of their own.
_FIELDS = {
    *("input", "output", "error", "error_type", "error_reason", "model", "provider", "billed", "cost_usd"),
    *("tokens_input", "tokens_output", "tokens_cached", "tokens_total", "eval_scores"),
    *("kind", "run_id", "session_id", "user_id"),
}
_ERROR = 1_000
_SCORES = 50
_CLAIMS = 20
_CLAIM = 300


def trace_row(summary: TraceSummary) -> TraceRow:
    """Return a trace in a list."""
    return {
        "trace_id": line(summary.trace_id),
        "name": line(summary.name),
        "started": moment(summary.start_time),
        "duration_ms": _milliseconds(summary.duration_ms),
        "status": line(summary.status),
        "span_count": summary.span_count,
        "error_count": summary.error_count,
        "tokens_total": summary.tokens_total,
        "cost_usd": number(summary.cost_usd),
        "tenant_id": line_or_none(summary.tenant_id),
        "user_id": line_or_none(summary.user_id),
        "session_id": line_or_none(summary.session_id),
    }


def span_row(span: Span, cutter: Cutter) -> SpanRow:
    """Return a span in a list."""
    attributes = span.attributes
    return {
        "trace_id": line(span.trace_id),
        "span_id": line(span.span_id),
        "name": line(span.name),
        "kind": line(span.kind),
        "status": line(span.status) if span.ended else "running",
        "started": moment(span.start_time),
        "duration_ms": _milliseconds(span.duration_ms),
        "model": line_or_none(attributes.get("model")),
        "tokens_total": whole(attributes.get("tokens_total")),
        "error": cutter.text(attributes.get("error"), max(_ERROR, cutter.limit)),
        "error_type": line_or_none(attributes.get("error_type")),
        "error_reason": line_or_none(attributes.get("error_reason")),
        "input": cutter.text(attributes.get("input")),
        "output": cutter.text(attributes.get("output")),
    }


def found_span(span: Span, text: str, cutter: Cutter) -> FoundSpan:
    """Return a span that mentions a text."""
    return {**span_row(span, cutter), "match": mention(span.name, span.attributes, text)}


def span_detail(span: Span, depth: int, cutter: Cutter) -> SpanDetail:
    """Return a span of a trace."""
    attributes = span.attributes
    other = {name: value for name, value in attributes.items() if name not in _FIELDS}
    return {
        **span_row(span, cutter),
        "parent_id": line_or_none(span.parent_id),
        "depth": depth,
        "provider": line_or_none(attributes.get("provider")),
        "tokens_input": whole(attributes.get("tokens_input")),
        "tokens_output": whole(attributes.get("tokens_output")),
        "tokens_cached": whole(attributes.get("tokens_cached")),
        "cost_usd": number(attributes.get("cost_usd")),
        "billed": attributes.get("billed") is not False,
        "eval_scores": _scores(span),
        "other": cutter.text(other) if other else None,
    }


def _scores(span: Span) -> Dict[str, float]:
    scores = ((line(name), number(score)) for name, score in scores_of(span).items())
    return dict(islice(((name, score) for name, score in scores if score is not None), _SCORES))


def hallucination_row(span: Span, score: float, cutter: Cutter) -> HallucinationRow:
    """Return a call with a low score."""
    attributes = span.attributes
    return {
        "score": score,
        "trace_id": line(span.trace_id),
        "span_id": line(span.span_id),
        "name": line(span.name),
        "model": line_or_none(attributes.get("model")),
        "started": moment(span.start_time),
        "claims": _claims(attributes.get("hallucination_details"), cutter),
        "input": cutter.text(attributes.get("input")),
        "output": cutter.text(attributes.get("output")),
    }


def _claims(details: Any, cutter: Cutter) -> Optional[Claims]:
    if not isinstance(details, dict):
        return None
    listed = details.get("claims")
    groundless: Dict[Any, Any] = {"unsupported": [], "contradicted": []}
    for claim in listed if isinstance(listed, list) else ():
        verdict = claim.get("verdict") if isinstance(claim, dict) else None
        if isinstance(verdict, str) and len(groundless.get(verdict, range(_CLAIMS))) < _CLAIMS:
            groundless[verdict].append(cutter.text(claim.get("text") or "", _CLAIM))
    return {
        "total": whole(details.get("total")) or 0,
        "supported": whole(details.get("supported")) or 0,
        "contradicted": whole(details.get("contradicted")) or 0,
        "unsupported": whole(details.get("unsupported")) or 0,
        "unsupported_claims": groundless["unsupported"],
        "contradicted_claims": groundless["contradicted"],
    }


def usage_row(found: UsageSum) -> UsageRow:
    """Return the calls of one model."""
    return {
        "model": line_or_none(found.key[0] if found.key else None),
        "calls": found.calls,
        "errors": found.errors,
        "tokens_input": found.tokens_input,
        "tokens_output": found.tokens_output,
        "tokens_cached": found.tokens_cached,
        "tokens_total": found.tokens_total,
        "cost_usd": number(found.cost_usd),
        "unpriced_calls": found.unpriced,
        "duration_ms": round(found.duration_ms, 1),
    }


def _milliseconds(value: Optional[float]) -> Optional[float]:
    found = number(value)
    return None if found is None else round(found, 3)
