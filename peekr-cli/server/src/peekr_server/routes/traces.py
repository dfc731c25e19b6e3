"""``/v1/traces``: lists of traces, and the spans of one (contract API-16)."""

from __future__ import annotations

from itertools import islice
from typing import Any

import attrs
from fastapi import APIRouter, Depends, Request

from peekr.errors import UnknownId
from peekr.ratings import ratings_of
from peekr.stores import ReadStore
from peekr_server import shapes
from peekr_server.answers import Answer
from peekr_server.context import reader, reading, remembered
from peekr_server.errors import not_found
from peekr_server.params import Filters, Limit, Offset, Text, one_of

router = APIRouter(prefix="/v1/traces", tags=["traces"], dependencies=[Depends(reader)])


@router.get("", response_model=shapes.Traces)
def list_traces(
    request: Request,
    filters: Filters,
    limit: Limit = 100,
    offset: Offset = 0,
    status: Text = None,
) -> Any:
    """List traces, the newest first. `status`: ok or error. Times are Unix seconds."""
    wanted = {**filters, "status": one_of(status, "status", "ok", "error")}

    def ask(store: ReadStore) -> Any:
        found = store.traces(**wanted, limit=offset + limit + 1)
        page = [attrs.asdict(each) for each in islice(found, offset, offset + limit + 1)]
        return {"traces": page[:limit], "limit": limit, "offset": offset, "more": len(page) > limit}

    return remembered(request, ask)


@router.get("/{trace_id}", response_model=shapes.Trace)
def get_trace(request: Request, trace_id: str) -> Any:
    """Return the spans of one trace by their start, as they are stored, and its ratings."""
    with reading(request) as store:
        try:
            spans = store.trace(trace_id)
        except UnknownId:
            raise not_found("Trace", trace_id) from None
        found = spans[0].trace_id
        ratings = ratings_of(store.target, found).get(found, [])
        return Answer({"trace_id": found, "spans": [span.to_dict() for span in spans], "feedback": ratings})
