"""``/health``: whether the store can be read (contract API-1)."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Dict, Optional

from fastapi import APIRouter, Request

from peekr.terminal import neutral
from peekr_server import shapes
from peekr_server.answers import Answer
from peekr_server.context import reading

logger = logging.getLogger("peekr")

router = APIRouter(tags=["state"])


@router.get("/health", response_model=shapes.Health, response_model_exclude_none=True)
def health(request: Request) -> Any:
    """Tell whether the store can be read: 200, or 503. Asks for no key."""
    answer: Dict[str, Any] = {"status": "healthy", "timestamp": round(time.time() * 1000)}
    queue = queue_of_process()
    if queue is not None:
        answer["queue"] = {"worker_alive": is_alive(), "queue_size": queue["queue_size"]}
    try:
        with reading(request) as store:
            next(store.spans(newest_first=True, limit=1), None)
    except Exception as error:
        logger.error("the trace store cannot be read: %s", neutral(str(error)))
        return Answer({**answer, "status": "unhealthy", "detail": "The trace store cannot be read"}, 503)
    return Answer(answer)


def queue_of_process() -> Optional[Dict[str, Any]]:
    """Return the counts of this process's queue (contract QUEUE-5), None where nothing was ever traced in it."""
    if "peekr.lifecycle" not in sys.modules:  # nobody called instrument() or trace.run()
        return None
    import peekr

    counts: Dict[str, Any] = peekr.stats()["queue"]
    return counts if is_alive() or counts["events_queued"] or counts["events_dropped"] else None


def is_alive() -> bool:
    """Whether the worker of this process runs."""
    import peekr

    return peekr.is_alive()
