"""Runs as documents and rows: what ``peekr export`` writes and ``peekr import`` reads back (contract DB-5)."""

from __future__ import annotations

from typing import Any, Container, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

from peekr import ReadStore, Span, runs
from peekr.errors import UnknownId
from peekr.ratings import ratings_of
from peekr.summary import nested_heads

Document = Dict[str, Any]

RUN_COLUMNS = (
    "id", "name", "status", "started_at", "completed_at", "duration_ms", "agent_type", "user_id", "session_id",
    "tenant_id", "retention_class", "trace_id", "parent_run_id", "step_count", "tokens_total", "cost_usd", "scores",
    "rating",
)  # fmt: skip
STEP_COLUMNS = (
    "id", "run_id", "timestamp", "type", "name", "status", "duration_ms", "parent_event_id", "model", "tokens_input",
    "tokens_output", "tokens_total", "cost_usd", "input", "output", "error",
)  # fmt: skip


def run_document(
    store: ReadStore, run_id: str, nested: bool = True, ratings: Optional[Mapping[str, List[Document]]] = None
) -> Document:
    """Return ``{"run", "timeline", "feedback", "spans"}`` of a run.

    The first two are those of the API, with the data of each step; ``feedback`` are the ratings of its trace;
    ``spans`` the records that bring all of it back.

    :param nested: whether the spans of runs inside of it come along.
    :param ratings: those of all traces, where somebody has read them already.
    :raises UnknownId: if there is no such run.
    """
    place = store.place_of_run(run_id)
    run = store.get_run(place[0]) if place is not None else None
    if place is None or run is None:
        raise UnknownId(
            f"{store.target} has no run {run_id!r}.\nList what it has with: peekr traces {store.target} --list"
        )
    found, trace = place
    run_of = runs.runs_of(trace)
    inside = {span.span_id for span in nested_heads(trace, run_of, found)}
    if ratings is None:
        ratings = ratings_of(store.target, run["trace_id"])
    steps = [span for span in trace if run_of[span.span_id] == found or span.span_id in inside]
    own = _below(trace, run_of, found) if nested else {found}
    return {
        "run": run,
        "timeline": [{**runs.step_dict(span, found), "data": runs.step_data(span)} for span in steps],
        "feedback": ratings.get(run["trace_id"], []),
        "spans": [span.to_dict() for span in trace if run_of[span.span_id] in own],
    }


def loose_documents(store: ReadStore, run_ids: Container[str]) -> Iterator[Document]:
    """Yield ``{"run": None, "spans"}`` for each trace with spans whose run is not in the store.

    Its first span was lost with the program, is still open, or stands where a remote caller writes.

    :param run_ids: of all runs of the store.
    """
    traces = dict.fromkeys(span.trace_id for span in store.iter_spans() if span.run_id not in run_ids)
    for trace_id in traces:
        trace = list(store.spans(trace_id=trace_id))
        run_of = runs.runs_of(trace)  # old spans name no run
        loose = [span.to_dict() for span in trace if run_of[span.span_id] not in run_ids]
        if loose:
            yield {"run": None, "spans": loose}


def _below(trace: Sequence[Span], run_of: Dict[str, str], run_id: str) -> Iterable[str]:
    """The ids of a run and of all runs inside of it."""
    inside = {run_id}
    while True:
        more = {span.span_id for one in inside for span in nested_heads(trace, run_of, one)} - inside
        if not more:
            return inside
        inside |= more


def run_row(document: Document) -> Dict[str, Any]:
    """Return a run as a row of a table, with its latest rating."""
    row = {name: document["run"].get(name) for name in RUN_COLUMNS}
    for rating in document["feedback"][-1:]:
        row["rating"] = rating["rating"]
    return row


def step_rows(document: Document) -> Iterator[Dict[str, Any]]:
    """Yield the steps of a run as rows of a table."""
    for step in document["timeline"]:
        data = step["data"] if isinstance(step["data"], dict) else {}
        yield {name: step.get(name, data.get(name)) for name in STEP_COLUMNS}
