"""``/v1/runs``: lists of runs, one run, its timeline and steps (contract API-2 to API-9)."""

from __future__ import annotations

from itertools import islice
from typing import Any, Dict, Optional

from fastapi import APIRouter, Depends, Request

from peekr.runreader import Page
from peekr.stores import MIN_PREFIX, ReadStore
from peekr_server import shapes
from peekr_server.answers import Answer
from peekr_server.context import reader, reading, remembered
from peekr_server.errors import invalid, not_found
from peekr_server.params import AnyLimit, Limit, Millis, Offset, Text, one_of

router = APIRouter(prefix="/v1/runs", tags=["runs"], dependencies=[Depends(reader)])

#: Ids with the same beginning that are looked up one by one; ids of one minute may share a few characters.
_MOST_IDS = 200
_STATUSES = ("running", "completed", "failed")


@router.get("", response_model=shapes.Runs)
def list_runs(
    request: Request,
    limit: Limit = 100,
    offset: Offset = 0,
    status: Text = None,
    run_status: Text = None,
    user_id: Text = None,
    session_id: Text = None,
    search: Text = None,
    event_type: Text = None,
    started_after: Millis = None,
    started_before: Millis = None,
    order_by: str = "started_at",
    order_dir: str = "DESC",
) -> Any:
    """List runs, the newest first.

    `search` is a part of the name, in any case of letters; where no name has it, the beginning of a run or trace id.
    `event_type`: only runs with a step of this type. `run_status` is another name of `status`. `order_by`: started_at,
    completed_at, duration_ms or name; `order_dir`: ASC or DESC.
    """
    if order_dir.upper() not in ("ASC", "DESC"):
        raise invalid(["query", "order_dir"], "must be ASC or DESC")
    filters: Dict[str, Any] = {
        "status": one_of(status, "status", *_STATUSES) or one_of(run_status, "run_status", *_STATUSES),
        "user_id": user_id or None,
        "session_id": session_id or None,
        "started_after": started_after,
        "started_before": started_before,
    }
    held: Dict[str, Any] = {"event_type": event_type} if event_type else {}  # stores of others may not know it

    def ask(store: ReadStore) -> Any:
        page = store.list_runs(
            limit=limit, offset=offset, search=search or None, order_by=order_by, order_dir=order_dir, **filters, **held
        )
        if not page.total and search and not held:
            page = _by_id(store, search, filters, limit, offset) or page
        return {"runs": list(page), "total": page.total, "limit": limit, "offset": offset}

    return remembered(request, ask)


def _by_id(store: ReadStore, prefix: str, filters: Dict[str, Any], limit: int, offset: int) -> Optional[Page]:
    """Return the runs whose own id, or that of their trace, begins so, within the filters."""
    prefix = prefix.strip().lower()
    if len(prefix) < MIN_PREFIX or not prefix.isalnum():
        return None
    ids = islice(store.ids_starting_with(prefix), _MOST_IDS)
    found = {run["id"]: run for run in map(store.get_run, ids) if run is not None}
    kept = [run for run in found.values() if _fits(run, filters)]
    kept.sort(key=lambda run: run["started_at"], reverse=True)
    return Page(kept[offset : offset + limit], len(kept), limit, offset)


def _fits(run: Dict[str, Any], filters: Dict[str, Any]) -> bool:
    after, before = filters["started_after"], filters["started_before"]
    return (
        all(filters[name] in (None, run[name]) for name in ("status", "user_id", "session_id"))
        and (after is None or run["started_at"] >= after)
        and (before is None or run["started_at"] <= before)
    )


@router.get("/{run_id}", response_model=shapes.Run)
def get_run(request: Request, run_id: str) -> Any:
    """Return one run. An id may be given whole, or by six or more characters of its beginning; so everywhere."""
    with reading(request) as store:
        return Answer(_known(store, run_id))


@router.get("/{run_id}/timeline", response_model=shapes.Timeline)
def get_timeline(request: Request, run_id: str, include_data: bool = False) -> Any:
    """Return the events of a run, oldest first."""
    with reading(request) as store:
        run = _known(store, run_id)
        events = store.get_run_timeline(run["id"], include_data=include_data)
        return Answer({"run_id": run["id"], "events": list(events), "total": events.total})


@router.get("/{run_id}/steps", response_model=shapes.Steps)
def get_steps(
    request: Request, run_id: str, limit: AnyLimit = None, offset: Offset = 0, event_type: Text = None
) -> Any:
    """Return the steps of a run with the data of each, oldest first."""
    with reading(request) as store:
        run = _known(store, run_id)
        steps = store.get_run_steps(run["id"], limit=limit, offset=offset, event_type=event_type or None)
        return Answer({"steps": list(steps), "total": steps.total, "limit": limit, "offset": offset})


@router.get("/{run_id}/steps/{step_id}/data", response_model=shapes.StepData)
def get_step_data(request: Request, run_id: str, step_id: str) -> Any:
    """Return the content of one step; null where it cannot be decoded."""
    with reading(request) as store:
        run = _known(store, run_id)
        found = store.get_step_data(run["id"], step_id)
        if found is None:
            raise not_found("Step", step_id)
        return Answer(found)


@router.get("/{run_id}/export", response_model=shapes.Export)
def export_run(request: Request, run_id: str) -> Any:
    """Return a run with its timeline, and the data of every event."""
    with reading(request) as store:
        run = _known(store, run_id)
        return Answer({"run": run, "timeline": list(store.get_run_timeline(run["id"], include_data=True))})


def _known(store: ReadStore, run_id: str) -> Dict[str, Any]:
    run = store.get_run(run_id)
    if run is None:
        raise not_found("Run", run_id)
    return run
