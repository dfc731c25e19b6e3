"""The shapes of answers, for the documentation at ``/docs``. Nothing is validated against them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from pydantic import BaseModel, Field


class Run(BaseModel):
    """Times are milliseconds since the epoch."""

    id: str
    name: str
    status: str
    started_at: int
    completed_at: Optional[int]
    duration_ms: Optional[float]
    agent_type: Optional[str]
    user_id: Optional[str]
    session_id: Optional[str]
    metadata: Dict[str, Any]
    created_at: int
    trace_id: str
    tenant_id: Optional[str]
    retention_class: Optional[str]
    parent_run_id: Optional[str]
    step_count: int
    tokens_total: int
    cost_usd: Optional[float]
    scores: Dict[str, float]


class Runs(BaseModel):
    """A part of the list of runs; ``total`` is the number of all that match."""

    runs: List[Run]
    total: int
    limit: int
    offset: int


class Event(BaseModel):
    """One event of a timeline. ``data`` is there if it was asked for."""

    id: str
    run_id: str
    timestamp: int
    type: str
    name: str
    status: str
    duration_ms: Optional[float]
    parent_event_id: Optional[str]
    data: Optional[Dict[str, Any]] = None


class Timeline(BaseModel):
    """The events of a run, oldest first."""

    run_id: str
    events: List[Event]
    total: int


class Steps(BaseModel):
    """A part of the steps of a run, with their data."""

    steps: List[Event]
    total: int
    limit: Optional[int]
    offset: int


class StepData(BaseModel):
    """The content of a step."""

    step_id: str
    data: Optional[Dict[str, Any]]


class Export(BaseModel):
    """A run with everything in it."""

    run: Run
    timeline: List[Event]


class Queue(BaseModel):
    """Of the worker in the server's own process."""

    events_queued: int
    events_dropped: int
    events_processed: int
    queue_size: int
    queue_maxsize: int


class Stats(BaseModel):
    """Counts of the whole store; ``queue`` where the server's process traces, too."""

    total_runs: int
    running_runs: int
    completed_runs: int
    failed_runs: int
    total_steps: int
    db_size_bytes: int
    recent_runs_24h: int
    queue: Optional[Queue] = None


class Health(BaseModel):
    """``timestamp`` in milliseconds since the epoch."""

    status: str
    timestamp: int
    queue: Optional[Dict[str, Any]] = None


class Accepted(BaseModel):
    """How many spans were stored."""

    accepted: int


class TraceSummary(BaseModel):
    """One trace in a list; ``start_time`` in Unix seconds."""

    trace_id: str
    name: str
    start_time: float
    duration_ms: Optional[float]
    span_count: int
    tokens_total: int
    cost_usd: Optional[float]
    error_count: int
    status: str
    tenant_id: Optional[str]
    user_id: Optional[str]
    session_id: Optional[str]


class Traces(BaseModel):
    """A part of the list of traces; ``more`` tells whether there are older ones."""

    traces: List[TraceSummary]
    limit: int
    offset: int
    more: bool


class Rating(BaseModel):
    """What somebody thinks of a trace; ``created_at`` in Unix seconds."""

    trace_id: str
    rating: str
    note: str
    created_at: float


class Trace(BaseModel):
    """The records of a trace, as in a file of lines."""

    trace_id: str
    spans: List[Dict[str, Any]]
    feedback: List[Rating]


class Ratings(BaseModel):
    """The oldest first; the latest of a trace counts."""

    feedback: List[Rating]


class Rated(BaseModel):
    """The rating that was stored, with the whole id."""

    trace_id: str
    rating: str
    note: str


class Costs(BaseModel):
    """Sums over all calls, and by group: each has the value it is grouped by, and its own sums."""

    group_by: str
    spans: int
    llm_calls: int
    errors: int
    tokens_input: int
    tokens_output: int
    tokens_cached: int
    tokens_total: int
    llm_time_ms: float
    cost_usd: Optional[float]
    estimated_calls: Optional[int]
    unpriced_calls: int
    unknown_models: List[Dict[str, Any]]
    groups: List[Dict[str, Any]]


class Diagnosis(BaseModel):
    """As ``peekr diagnose --json``."""

    schema_: int = Field(alias="schema")
    filters: Dict[str, Any]
    cards: List[Dict[str, Any]]


class Scored(BaseModel):
    """A span and its scores, 0 to 1; ``timestamp`` in milliseconds since the epoch."""

    span_id: str
    trace_id: str
    run_id: str
    timestamp: int
    name: str
    model: Optional[str]
    tenant_id: Optional[str]
    user_id: Optional[str]
    session_id: Optional[str]
    scores: Dict[str, float]


class Scores(BaseModel):
    """A part of the scored spans; ``evaluators`` sums up all that match: count, mean, min."""

    scores: List[Scored]
    total: int
    limit: int
    offset: int
    evaluators: Dict[str, Dict[str, float]]


#: Bodies of requests, as JSON schemas.
SPANS: Dict[str, Any] = {
    "type": "object",
    "required": ["spans"],
    "properties": {
        "spans": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["trace_id", "span_id", "name"],
                "description": "A span record, as a line of a JSONL file.",
            },
        }
    },
}
RATING: Dict[str, Any] = {
    "type": "object",
    "required": ["trace_id", "rating"],
    "properties": {
        "trace_id": {"type": "string"},
        "rating": {"type": "string", "enum": ["good", "bad"]},
        "note": {"type": "string"},
    },
}
