"""``/v1/feedback``: people's ratings of traces (contract API-16, FEED-8)."""

from __future__ import annotations

import os
from typing import Any, Dict

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from peekr.errors import UnknownId
from peekr.ratings import DEFAULT_DB, ratings_of
from peekr_feedback import feedback as rate
from peekr_server import shapes
from peekr_server.answers import Answer
from peekr_server.bodies import decoded, read_body
from peekr_server.context import Context, context, reader, writer
from peekr_server.errors import invalid, not_found
from peekr_server.params import Text
from peekr_server.source import holds_lines

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])

RATINGS = ("good", "bad")
#: Of a note; more than anybody writes by hand.
_NOTE = 10_000
_MOST_BYTES = 64 * 1024


@router.get("", response_model=shapes.Ratings, dependencies=[Depends(reader)])
def get_feedback(request: Request, trace_id: Text = None) -> Any:
    """List the ratings, the oldest first; of one trace, if `trace_id` (the whole of it) is given."""
    found = ratings_of(context(request).source.target, trace_id or None)
    return Answer({"feedback": sorted((row for rows in found.values() for row in rows), key=_when)})


def _when(row: Dict[str, Any]) -> float:
    return float(row["created_at"])


@router.post(
    "",
    response_model=shapes.Rated,
    dependencies=[Depends(writer)],
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": shapes.RATING}}}},
)
async def post_feedback(request: Request) -> Any:
    """Rate a trace, named by the id of it or of a run in it, or by the beginning of one; the latest rating counts."""
    here = context(request)
    body = await read_body(request, _MOST_BYTES)
    return Answer(await run_in_threadpool(_rated, here, body, request.headers.get("content-encoding", "")))


def _rated(here: Context, body: bytes, encoding: str) -> Dict[str, Any]:
    given = _checked(decoded(body, encoding, _MOST_BYTES))
    try:
        whole = rate(given["trace_id"], given["rating"], given["note"], **_where(here.source.target))
    except UnknownId:
        raise not_found("Trace", given["trace_id"]) from None
    return {**given, "trace_id": whole}


def _checked(body: Any) -> Dict[str, str]:
    if not isinstance(body, dict):
        raise invalid(["body"], 'must be an object: {"trace_id": "…", "rating": "good", "note": ""}')
    trace_id, rating, note = body.get("trace_id", body.get("run_id")), body.get("rating"), body.get("note")
    if not isinstance(trace_id, str) or not trace_id.strip() or len(trace_id) > 200:
        raise invalid(["body", "trace_id"], "must be the id of a trace")
    if rating not in RATINGS:
        raise invalid(["body", "rating"], "must be good or bad")
    if note is not None and (not isinstance(note, str) or len(note) > _NOTE):
        raise invalid(["body", "note"], f"must be a text of up to {_NOTE} characters")
    return {"trace_id": trace_id.strip(), "rating": rating, "note": note or ""}


def _where(target: str) -> Dict[str, str]:
    """A file of lines holds no ratings: those of its traces are in the database beside it."""
    if not holds_lines(target):
        return {"db_path": target}
    return {"db_path": os.path.join(os.path.dirname(target), DEFAULT_DB), "jsonl_path": target}
