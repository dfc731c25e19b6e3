"""``/v1/diagnose``: what is likely wrong, why, and what to do (contract API-16)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from peekr.errors import UnknownId
from peekr.selection import Selection
from peekr.stores import ReadStore
from peekr_dashboard.diagnostics.engine import diagnose_store
from peekr_dashboard.diagnostics.reading import Question
from peekr_server import shapes
from peekr_server.context import reader, remembered
from peekr_server.errors import not_found
from peekr_server.params import Filters, Text, one_of

router = APIRouter(prefix="/v1/diagnose", tags=["diagnosis"], dependencies=[Depends(reader)])


@router.get("", response_model=shapes.Diagnosis)
def diagnose(
    request: Request,
    filters: Filters,
    trace: Text = None,
    status: Text = None,
) -> Any:
    """Return the cards of `peekr diagnose`, the worst first. `trace`: of one trace or run; `status`: ok or error."""
    wanted = {**filters, "status": one_of(status, "status", "ok", "error")}
    question = Question(Selection(**wanted), trace or None)
    given = {name: value for name, value in {**wanted, "trace": question.trace}.items() if value is not None}

    def ask(store: ReadStore) -> Any:
        try:
            found = diagnose_store(store, question)
        except UnknownId:
            raise not_found("Trace", trace or "") from None
        return {"schema": 1, "filters": given, "cards": [card.as_dict() for card in found.cards]}

    return remembered(request, ask)
