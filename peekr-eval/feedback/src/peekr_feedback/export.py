"""Writing rated traces as training data, one JSON object a line."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Callable, Dict, Iterator, List, Optional, Sequence

import peekr
from peekr import ReadStore, Span
from peekr.wire import encode
from peekr_feedback.ratings import RATINGS, Path, Rating, latest_ratings, ratings_path, span_stores, told_apart
from peekr_feedback.training import Record, openai_record, raw_record

logger = logging.getLogger("peekr")

FORMATS: Dict[str, Callable[[Rating, Sequence[Span]], Optional[Record]]] = {
    "openai-ft": lambda rating, spans: openai_record(spans),
    "raw": raw_record,
}


def export_feedback(
    db_path: Optional[Path] = None,
    filter: Optional[str] = None,
    output: Path = "training.jsonl",
    format: str = "openai-ft",
    *,
    jsonl_path: Optional[Path] = None,
) -> int:
    """Write rated traces to a file of JSON lines, in the order of their ratings, and return how many there are.

    :param db_path: database of the ratings and spans; that of :func:`peekr.instrument` by default, else ``traces.db``.
    :param filter: ``"good"`` or ``"bad"``: traces whose latest rating is that; all rated ones by default.
    :param output: file that is written anew.
    :param format: ``"openai-ft"``: ``{"messages": [...]}``, whole texts; or ``"raw"``: trace_id, rating, note, spans.
    :param jsonl_path: file with the spans, if they are neither in the database nor in the file that
        :func:`peekr.instrument` writes.
    :raises ValueError: for an unknown format or filter.
    :raises StoreError: if there is no such database, or it cannot be read.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(map(repr, FORMATS))}, got {format!r}.")
    if filter is not None and filter not in RATINGS:
        raise ValueError(f"filter must be 'good', 'bad' or None, got {filter!r}.")
    db_path, jsonl_path = told_apart(db_path, jsonl_path)
    peekr.flush()
    ratings = latest_ratings(ratings_path(db_path), filter)
    where = span_stores(db_path, jsonl_path)
    written, left = 0, 0
    with open(output, "wb") as file:
        for record in _records(ratings, where, FORMATS[format]) if ratings else ():
            if record is None:
                left += 1
            else:
                file.write(encode(record) + b"\n")
                written += 1
    if left:
        logger.warning("%d of %d rated traces have nothing to train on and were left out", left, len(ratings))
    return written


def _records(
    ratings: List[Rating], where: Sequence[str], make: Callable[[Rating, Sequence[Span]], Optional[Record]]
) -> Iterator[Optional[Record]]:
    """Yield a record for each rating, None where there is none."""
    with ExitStack() as opened:
        stores = [opened.enter_context(peekr.open_store(each)) for each in where]
        for rating in ratings:
            found = _spans(stores, rating.trace_id)
            yield make(rating, found) if found else None


def _spans(stores: Sequence[ReadStore], trace_id: str) -> List[Span]:
    """The spans of a trace, from the first store that has any."""
    return next(filter(None, (list(store.spans(trace_id=trace_id)) for store in stores)), [])
