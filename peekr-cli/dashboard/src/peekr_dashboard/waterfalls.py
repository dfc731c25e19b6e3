"""Traces as the rows of a waterfall: the tree in depth-first order, with a word on what is odd about a span. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Set

from peekr import Span
from peekr.runs import step_name, tokens_of
from peekr_dashboard.texts import cut

#: Spans of one trace that are drawn; the page says how many are left out.
MOST = 300
#: Seconds that a child may begin before its parent before the clocks are said to differ.
_SKEW_S = 0.05


def waterfall(spans: Iterable[Span]) -> Dict[str, Any]:
    """Return ``{"s": start, "n": spans in all, "r": rows}`` of the spans of one trace.

    A row is ``[id, depth, name, kind, offset ms, duration ms or null (open), error 0/1, tokens, mark]``; the mark is
    "orphan" (the parent is not in the store), "cycle" (it is its own ancestor), "skew" (it began before its parent:
    the clocks differ) or "".
    """
    found = sorted(spans, key=lambda span: span.start_time)
    if not found:
        return {"s": 0, "n": 0, "r": []}
    known = {span.span_id: span for span in found}
    children: Dict[Any, List[Span]] = {}
    for span in found:
        parent = span.parent_id if span.parent_id in known else None
        children.setdefault(parent, []).append(span)
    rows: List[List[Any]] = []
    seen: Set[str] = set()
    base = found[0].start_time
    for top in [*children.get(None, ()), *found]:  # what is in a cycle hangs from no root
        if top.span_id not in seen:
            _walk(top, known, children, seen, base, rows)
    return {"s": round(base, 3), "n": len(found), "r": rows[:MOST]}


def _walk(
    top: Span, known: Dict[str, Span], children: Dict[Any, List[Span]], seen: Set[str], base: float, rows: List[Any]
) -> None:
    stack = [(top, 0)]
    while stack:
        span, depth = stack.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        rows.append(_row(span, depth, known, base))
        stack.extend((child, depth + 1) for child in reversed(children.get(span.span_id, ())))


def _row(span: Span, depth: int, known: Dict[str, Span], base: float) -> List[Any]:
    parent = known.get(span.parent_id or "")
    if parent is None:
        mark = "orphan" if span.parent_id else ""
    elif depth == 0:
        mark = "cycle"
    else:
        mark = "skew" if span.start_time < parent.start_time - _SKEW_S else ""
    label = step_name(span)
    name = span.name if label == span.name else f"{span.name} [{label}]" if span.kind == "llm" else label
    return [
        span.span_id,
        min(depth, 30),
        cut(name, 120),
        cut(span.kind, 40),
        round((span.start_time - base) * 1000, 1),
        None if not span.ended else round(max(0.0, span.duration_ms or 0.0), 1),
        int(span.status == "error"),
        tokens_of(span),
        mark,
    ]
