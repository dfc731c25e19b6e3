"""``/v1/scores``: what evaluators thought of calls (contract API-16)."""

from __future__ import annotations

from typing import Annotated, Any, Dict, List, Optional

from fastapi import APIRouter, Depends, Query, Request

from peekr import runs
from peekr.selection import Selection
from peekr.spans import Span
from peekr.stores import ReadStore
from peekr_server import shapes
from peekr_server.context import reader, remembered
from peekr_server.params import Filters, Limit, Offset, Text

router = APIRouter(prefix="/v1/scores", tags=["scores"], dependencies=[Depends(reader)])

Score = Annotated[Optional[float], Query(ge=0, le=1, allow_inf_nan=False)]


@router.get("", response_model=shapes.Scores)
def scores(
    request: Request,
    filters: Filters,
    limit: Limit = 100,
    offset: Offset = 0,
    name: Text = None,
    max_score: Score = None,
) -> Any:
    """List scored spans, the newest first, and each evaluator's count, mean and lowest score.

    `name`: of one evaluator; `max_score`: only spans with such a score or a lower one.
    """
    selection = Selection(**filters)

    def ask(store: ReadStore) -> Any:
        found: List[Dict[str, Any]] = []
        total = 0
        sums: Dict[str, List[float]] = {}
        for span in store.select(selection, True, None):
            fitting = _fitting(span, name or None, max_score)
            if not fitting:
                continue
            if offset <= total < offset + limit:
                found.append(_scored(span, fitting))
            total += 1
            for evaluator, score in fitting.items():
                _add(sums.setdefault(evaluator, [0, 0.0, 1.0]), score)
        return {"scores": found, "total": total, "limit": limit, "offset": offset, "evaluators": _summed(sums)}

    return remembered(request, ask)


def _fitting(span: Span, name: Optional[str], most: Optional[float]) -> Dict[str, float]:
    return {
        each: score
        for each, score in runs.scores_of(span).items()
        if name in (None, each) and (most is None or score <= most)
    }


def _add(sums: List[float], score: float) -> None:
    sums[0] += 1
    sums[1] += score
    sums[2] = min(sums[2], score)


def _summed(sums: Dict[str, List[float]]) -> Dict[str, Any]:
    return {
        name: {"count": int(count), "mean": round(amount / count, 4), "min": lowest}
        for name, (count, amount, lowest) in sorted(sums.items())
    }


def _scored(span: Span, scores: Dict[str, float]) -> Dict[str, Any]:
    return {
        "span_id": span.span_id,
        "trace_id": span.trace_id,
        "run_id": span.run_id,
        "timestamp": runs.milliseconds(span.start_time),
        "name": span.name,
        "model": span.attributes.get("model"),
        "tenant_id": span.tenant_id,
        "user_id": span.user_id,
        "session_id": span.session_id,
        "scores": scores,
    }
