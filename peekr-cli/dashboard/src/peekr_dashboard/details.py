"""What the listed calls say, and the traces around them: read after :mod:`~peekr_dashboard.collect` chose them."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Sequence, Set

import attrs
import msgspec

from peekr import ReadStore, Span
from peekr.sqlquery import as_store_error, connect, is_sqlite
from peekr_dashboard.collect import Collection, badness
from peekr_dashboard.diagnostics.records import Record
from peekr_dashboard.texts import excerpt, full
from peekr_dashboard.waterfalls import waterfall

#: Characters of the excerpts of a call that is not shown in full.
EXCERPT = 600
#: Spans up to which a database is simply read again.
_SMALL = 20_000
#: Traces without a call that are drawn.
_OTHER_TRACES = 500
_CHUNK = 500


@attrs.define(slots=True)
class Details:
    """:ivar texts: span_id → :func:`~peekr_dashboard.texts.full` or :func:`~peekr_dashboard.texts.excerpt`.

    :ivar traces: trace_id → :func:`~peekr_dashboard.waterfalls.waterfall`.
    """

    texts: Dict[str, Dict[str, Any]]
    traces: Dict[str, Dict[str, Any]]


def choose(calls: Sequence[Record], most: int) -> Set[str]:
    """Return the span ids of the calls to show in full: two thirds the newest, the others the worst."""
    if len(calls) <= most:
        return {record.id for record in calls}
    newest = calls[-(most * 2 // 3) :]
    worst = sorted(calls[: len(calls) - len(newest)], key=lambda record: -badness(record))
    return {record.id for record in [*newest, *worst[: most - len(newest)]]}


def other_traces(found: Collection) -> Set[str]:
    """Return the newest traces of which the page has something else than a call."""
    return {record.trace for record in found.others[-_OTHER_TRACES:]}


def read_details(store: ReadStore, found: Collection, chosen: Set[str]) -> Details:
    """Read the chosen calls in full with their traces, and the beginnings of the other listed ones."""
    traces = {record.trace for record in found.calls if record.id in chosen} | other_traces(found)
    listed = {record.id for record in found.calls} - chosen
    texts: Dict[str, Dict[str, Any]] = {}
    groups: Dict[str, List[Span]] = {}
    if found.counts.spans > _SMALL and is_sqlite(store.target):
        texts.update(_excerpts(store.target, sorted(listed)))
        spans: Iterable[Span] = (span for trace_id in traces for span in store.spans(trace_id=trace_id))
    else:
        spans = store.iter_spans()
    for span in spans:
        if span.trace_id in traces:
            groups.setdefault(span.trace_id, []).append(span)
        if span.span_id in chosen:
            texts[span.span_id] = full(span)
        elif span.span_id in listed and span.span_id not in texts:
            texts[span.span_id] = excerpt(span.attributes, EXCERPT)
    return Details(texts, {trace_id: waterfall(group) for trace_id, group in groups.items()})


def _excerpts(path: str, span_ids: Sequence[str]) -> Iterator[Any]:
    """Of a large database only what is needed is decoded. An encrypted text has no excerpt: that takes its key."""
    connection = connect(path)
    try:
        with as_store_error(path):
            for at in range(0, len(span_ids), _CHUNK):
                some = span_ids[at : at + _CHUNK]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(f"SELECT span_id, attributes FROM spans WHERE span_id IN ({marks})", some)
                for span_id, attributes in rows:
                    yield span_id, excerpt(_decoded(attributes), EXCERPT)
    finally:
        connection.close()


def _decoded(attributes: Any) -> Dict[str, Any]:
    try:
        found = msgspec.json.decode(attributes or "{}")
    except (msgspec.DecodeError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
