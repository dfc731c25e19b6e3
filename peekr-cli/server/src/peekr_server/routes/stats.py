"""``/v1/stats``: how much is in the store (contract API-10)."""

from __future__ import annotations

from typing import Any, Dict

from fastapi import APIRouter, Depends, Request

from peekr_server import shapes
from peekr_server.answers import Answer
from peekr_server.context import context, reader, reading
from peekr_server.routes.health import queue_of_process

router = APIRouter(prefix="/v1/stats", tags=["state"], dependencies=[Depends(reader)])


@router.get("", response_model=shapes.Stats)
def stats(request: Request) -> Any:
    """Count the runs by outcome, and all spans."""

    def make() -> Dict[str, Any]:
        with reading(request) as store:
            return store.get_stats()

    answer = context(request).memory.get("stats", make)
    queue = queue_of_process()
    return Answer(answer if queue is None else {**answer, "queue": queue})
