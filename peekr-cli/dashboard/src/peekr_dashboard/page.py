"""The report of a store as one HTML file: what it holds, within a size."""

from __future__ import annotations

import os
import time
from importlib.resources import files
from typing import Any, Dict, List, Set

import attrs

from peekr import ReadStore, __version__
from peekr_cli.targets import counted
from peekr_dashboard import columns
from peekr_dashboard.collect import Collection, Progress, collect
from peekr_dashboard.details import Details, choose, other_traces, read_details
from peekr_dashboard.diagnostics.actions import ACTIONS
from peekr_dashboard.diagnostics.evaluation import evaluate
from peekr_dashboard.diagnostics.records import Record, as_dict
from peekr_dashboard.diagnostics.registry import installed_rules
from peekr_dashboard.embed import packed
from peekr_dashboard.texts import shorter, trimmed

#: Bytes of the file for stores of up to 10,000 spans, and for larger ones.
SMALL_BYTES, LARGE_BYTES = 2_900_000, 11_500_000
_SMALL_SPANS = 10_000
#: Characters of a name (of a tenant, a model, …), and of a sentence of the diagnosis.
_NAME, _SENTENCE = 300, 2_000
_SLOT = b"<!--peekr-data-->"


@attrs.define(slots=True, frozen=True)
class Depth:
    """How much of the calls is shown: so many in full, the rest as excerpts of so many characters."""

    full: int
    excerpt: int


#: Tried in this order until the file is small enough.
DEPTHS = (Depth(6_000, 600), Depth(3_000, 400), Depth(1_500, 300), Depth(800, 160), Depth(300, 80), Depth(100, 30))


@attrs.define(slots=True, frozen=True)
class Page:
    """A finished report.

    :ivar html: the file, UTF-8.
    :ivar facts: ``{"spans", "traces", "calls", "calls_listed", "calls_in_full", "notes"}``.
    """

    html: bytes
    facts: Dict[str, Any]


_FACTS = ("spans", "traces", "calls", "calls_listed", "calls_in_full", "notes")


def build(store: ReadStore, progress: Progress = lambda done: None) -> Page:
    """Return the report of a store: read once, and again for the traces that are shown in full.

    Not thread-safe on one store. A server can serve ``html`` as it is.

    :param progress: called with the number of spans read.
    :raises StoreError: if the store cannot be read.
    """
    found = collect(store, progress)
    limit = SMALL_BYTES if found.counts.spans <= _SMALL_SPANS else LARGE_BYTES
    whole = [depth for depth in DEPTHS if depth.full >= len(found.calls)]  # all alike: everything in full
    depths = DEPTHS[max(0, len(whole) - 1) :]
    details = read_details(store, found, choose(found.calls, depths[0].full))
    cards = diagnosis(store, found)
    for depth in depths:
        data = {**page_data(store, found, details, depth), **cards}
        html = render(data)
        if len(html) <= limit:
            break
    return Page(html, {name: data["meta"][name] for name in _FACTS})


def page_data(store: ReadStore, found: Collection, details: Details, depth: Depth) -> Dict[str, Any]:
    """Return what the page is given, as JSON-ready data; ``frontend/js/data.js`` reads it."""
    chosen = choose(found.calls, depth.full)
    texts = [_text(details, record.id, record.id in chosen, depth) for record in found.calls]
    drawn = {record.trace for record in found.calls if record.id in chosen} | other_traces(found)
    return {
        "version": 1,
        "meta": meta(store, found, sum("f" in each for each in texts)),
        "calls": _table(found.calls),
        "others": _table(found.others),
        "texts": texts,
        "traces": _of(details.traces, drawn),
        "rest": columns.encode(trimmed(found.rest.rows(), _NAME)),
    }


def _table(records: List[Record]) -> Dict[str, Any]:
    return columns.encode([trimmed(as_dict(record), _NAME) for record in records])


def _text(details: Details, span_id: str, in_full: bool, depth: Depth) -> Dict[str, Any]:
    text = details.texts.get(span_id, {})  # none: pruned while the report was made
    return text if in_full else shorter(text, depth.excerpt)


def _of(traces: Dict[str, Any], wanted: Set[str]) -> Dict[str, Any]:
    return {trace_id: drawn for trace_id, drawn in traces.items() if trace_id in wanted}


def diagnosis(store: ReadStore, found: Collection) -> Dict[str, Any]:
    """Return the cards of the whole store, and the rules with which the page judges a selection."""
    rules = installed_rules()
    cards = evaluate(rules.data, found.aggregates, rules.run_code(found.aggregates, store))
    return {
        "cards": [trimmed(card.as_dict(), _SENTENCE) for card in cards],
        "rules": rules.as_dicts(),
        "actions": [rule.as_dict() for rule in ACTIONS],
    }


def meta(store: ReadStore, found: Collection, in_full: int) -> Dict[str, Any]:
    """Return what the page says about the store and about itself."""
    counts = found.counts
    return {
        "source": os.path.basename(store.target) or store.target,
        "made": round(time.time(), 3),
        "version": __version__,
        "spans": counts.spans,
        "traces": len(counts.traces),
        "errors": counts.errors,
        "first": counts.first,
        "last": counts.last,
        "calls": counts.calls,
        "calls_listed": len(found.calls),
        "calls_in_full": in_full,
        "notes": notes(store, found, in_full),
    }


def notes(store: ReadStore, found: Collection, in_full: int) -> List[str]:
    """Return in plain words what was left out or is odd; empty for a store that is shown whole."""
    counts, listed = found.counts, len(found.calls)
    said = []
    if listed < counts.calls:
        said.append(
            f"{listed:,} of {counts.calls:,} calls are listed: the newest, and the worst of the older ones. The other"
            f" {counts.calls - listed:,} are in the sums by day, model, tenant, endpoint and feature."
        )
    if in_full < listed:
        said.append(
            f"{in_full:,} calls are shown in full (the newest and the worst), the other {listed - in_full:,} with the"
            " beginnings of question and answer; the search looks at what is here."
        )
    if counts.left_out:
        said.append(
            f"{counts.left_out:,} older tool calls, recalls and roots are left out of the panels;"
            " the diagnosis of the whole file has them."
        )
    if counts.future:
        begin = counted(counts.future, "span begins", "spans begin")
        said.append(f"{begin} in the future: a clock was wrong. Time filters leave that aside.")
    if counts.open:
        said.append(f"{counted(counts.open, 'span')} had not ended when this report was made.")
    if store.skipped:
        were = counted(store.skipped, "broken or foreign record was", "broken or foreign records were")
        said.append(f"{were} skipped.")
    return said


def render(data: Dict[str, Any]) -> bytes:
    """Return the built page with the data in it."""
    content, encoding = packed(data)
    template = (files("peekr_dashboard") / "static" / "dashboard.html").read_bytes()
    before, slot, after = template.partition(_SLOT)
    if not slot:
        raise RuntimeError("static/dashboard.html has no place for the data.\nBuild it with: python frontend/build.py")
    head = f'<script type="application/json" id="peekr-data" data-encoding="{encoding}">'.encode()
    return b"".join((before, head, content, b"</script>", after))
