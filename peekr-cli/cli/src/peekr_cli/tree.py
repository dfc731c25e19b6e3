"""Spans as trees: pure functions, no output. Nothing recurses, so depth is bounded by memory alone."""

from __future__ import annotations

import math
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import attrs

from peekr import Span


@attrs.define(slots=True)
class TraceTree:
    """The spans of one trace, in order.

    :ivar roots: spans without a parent, or whose parent is not among the spans; by start time.
    :ivar children: the spans below each span, by ``span_id``; by start time.
    """

    trace_id: str
    spans: List[Span]
    roots: List[Span]
    children: Dict[str, List[Span]]

    @property
    def start_time(self) -> float:
        """Unix seconds of the first start."""
        return min(span.start_time for span in self.spans)

    @property
    def root(self) -> Optional[Span]:
        """The span that stands for the whole trace: the only one without a parent, if there is just one."""
        true_roots = [span for span in self.roots if span.parent_id is None]
        return true_roots[0] if len(true_roots) == 1 else None

    @property
    def running(self) -> bool:
        """Whether a span of it is still open."""
        return any(not span.ended for span in self.spans)

    @property
    def duration_ms(self) -> float:
        """Milliseconds of the root; without one, from the first start to the last end that is known."""
        root = self.root
        if root is not None and root.duration_ms is not None:
            return root.duration_ms
        last = max(span.end_time if span.end_time is not None else span.start_time for span in self.spans)
        return max(0.0, (last - self.start_time) * 1000)

    @property
    def tokens(self) -> int:
        """Sum of the tokens of every span that was billed."""
        return sum(tokens_of(span) for span in self.spans if span.attributes.get("billed") is not False)

    @property
    def errors(self) -> int:
        """How many spans failed."""
        return sum(span.status == "error" for span in self.spans)

    def walk(self) -> Iterator[Tuple[int, Span]]:
        """Yield depth and span, parents before their children."""
        pending = [(0, span) for span in reversed(self.roots)]
        while pending:
            depth, span = pending.pop()
            yield depth, span
            pending += [(depth + 1, child) for child in reversed(self.children.get(span.span_id, ()))]


def build(spans: Iterable[Span]) -> TraceTree:
    """Return the tree of one trace's spans.

    A span id that comes twice counts once, the last one. Spans whose parents form a ring are shown too: the
    earliest of the ring becomes a root.

    :param spans: at least one, in any order.
    """
    by_id = {span.span_id: span for span in spans}
    ordered = sorted(by_id.values(), key=_order)
    roots: List[Span] = []
    children: Dict[str, List[Span]] = {}
    for span in ordered:
        parent = span.parent_id
        if parent is None or parent not in by_id or parent == span.span_id:
            roots.append(span)
        else:
            children.setdefault(parent, []).append(span)
    tree = TraceTree(ordered[0].trace_id, ordered, roots, children)
    _open_rings(tree, by_id)
    return tree


def _order(span: Span) -> Tuple[float, bool]:
    """Start time; of two that start together, the one without a parent comes first."""
    return span.start_time, span.parent_id is not None


def _open_rings(tree: TraceTree, by_id: Dict[str, Span]) -> None:
    reached = {span.span_id for _, span in tree.walk()}
    for span in tree.spans:
        if len(reached) == len(by_id):
            break
        if span.span_id not in reached:
            if span.parent_id is not None:
                tree.children[span.parent_id].remove(span)
            tree.roots.append(span)
            reached.update(_below(tree, span))
    tree.roots.sort(key=_order)


def _below(tree: TraceTree, top: Span) -> Iterator[str]:
    pending = [top]
    while pending:
        span = pending.pop()
        yield span.span_id
        pending += tree.children.get(span.span_id, ())


def tokens_of(span: Span) -> int:
    """Return the tokens that a span used: its total, else input plus output; 0 where nothing sensible is recorded."""
    attributes = span.attributes
    total = _count(attributes.get("tokens_total"))
    return total or _count(attributes.get("tokens_input")) + _count(attributes.get("tokens_output"))


def _count(value: Any) -> int:
    """Foreign records hold anything."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0
    return max(0, int(value))
