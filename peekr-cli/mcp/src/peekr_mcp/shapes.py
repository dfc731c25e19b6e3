"""What the tools answer: plain JSON objects, whose types become the output schemas.

Times are ISO 8601 in UTC, durations milliseconds, costs US dollars; None stands for what was not recorded.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from typing_extensions import TypedDict  # pydantic takes typing's own from Python 3.12 on only


class Answer(TypedDict):
    """What every answer begins with: where it comes from, and what to know about it."""

    notice: str
    store: str
    note: Optional[str]


class TraceRow(TypedDict):
    """One trace in a list; tokens and cost are sums in which each call counts once."""

    trace_id: str
    name: str
    started: Optional[str]
    duration_ms: Optional[float]
    status: str
    span_count: int
    error_count: int
    tokens_total: int
    cost_usd: Optional[float]
    tenant_id: Optional[str]
    user_id: Optional[str]
    session_id: Optional[str]


class TraceList(Answer):
    """Traces, the newest first."""

    traces: List[TraceRow]


class SpanRow(TypedDict):
    """One span in a list, its texts cut short."""

    trace_id: str
    span_id: str
    name: str
    kind: str
    status: str
    started: Optional[str]
    duration_ms: Optional[float]
    model: Optional[str]
    tokens_total: Optional[int]
    error: Optional[str]
    error_type: Optional[str]
    error_reason: Optional[str]
    input: Optional[str]
    output: Optional[str]


class SpanList(Answer):
    """Spans, the newest first."""

    spans: List[SpanRow]


class FoundSpan(SpanRow):
    """A span that mentions a text, and where: ``match`` is the place with what stands around it."""

    match: str


class FoundSpans(Answer):
    """Spans that mention a text, the newest first."""

    spans: List[FoundSpan]


class SpanDetail(SpanRow):
    """One span of a trace; ``other`` holds the attributes that have no field of their own, as JSON."""

    parent_id: Optional[str]
    depth: int
    provider: Optional[str]
    tokens_input: Optional[int]
    tokens_output: Optional[int]
    tokens_cached: Optional[int]
    cost_usd: Optional[float]
    billed: bool
    eval_scores: Dict[str, float]
    other: Optional[str]


class TraceDetail(Answer):
    """A trace with its spans, parents before their children."""

    trace: TraceRow
    spans: List[SpanDetail]


class Claims(TypedDict):
    """What a judge said of the claims of an answer: how many, and those that have no ground."""

    total: int
    supported: int
    contradicted: int
    unsupported: int
    unsupported_claims: List[str]
    contradicted_claims: List[str]


class HallucinationRow(TypedDict):
    """A call whose answer is not grounded in its context; ``score`` 0 is the worst, 1 the best."""

    score: float
    trace_id: str
    span_id: str
    name: str
    model: Optional[str]
    started: Optional[str]
    claims: Optional[Claims]
    input: Optional[str]
    output: Optional[str]


class HallucinationList(Answer):
    """Calls by their Hallucination score, the worst first."""

    scored: int
    hallucinations: List[HallucinationRow]


class UsageRow(TypedDict):
    """The calls of one model; ``unpriced_calls`` have tokens, but no known cost."""

    model: Optional[str]
    calls: int
    errors: int
    tokens_input: int
    tokens_output: int
    tokens_cached: int
    tokens_total: int
    cost_usd: Optional[float]
    unpriced_calls: int
    duration_ms: float


class Usage(Answer):
    """Calls, tokens and cost by model, the dearest first, and their sum; each call counts once."""

    models: List[UsageRow]
    total: UsageRow
