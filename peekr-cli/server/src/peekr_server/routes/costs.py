"""``/v1/costs``: what the model calls cost (contract API-16, COST-2)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from peekr.selection import Selection
from peekr.spending import DIMENSIONS
from peekr.stores import ReadStore
from peekr_cost.report import report
from peekr_server import shapes
from peekr_server.context import reader, remembered
from peekr_server.params import Filters, one_of

router = APIRouter(prefix="/v1/costs", tags=["costs"], dependencies=[Depends(reader)])


@router.get("", response_model=shapes.Costs)
def costs(
    request: Request,
    filters: Filters,
    group_by: str = "model",
) -> Any:
    """Sum up tokens and US dollars, the dearest group first.

    `group_by`: model, tenant, user, session, provider, feature, day or operation. Models without a known price are
    listed in `unknown_models` and add nothing.
    """
    by = one_of(group_by, "group_by", *DIMENSIONS) or "model"
    selection = Selection(**filters)

    def ask(store: ReadStore) -> Any:
        found = report(store, (by,), selection, 0).as_dict()
        for name in ("by", "hottest", "slowest"):
            del found[name]
        return {"group_by": by, **found}

    return remembered(request, ask)
