"""Two trees of spans, laid upon each other: pure functions."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, Hashable, List, Optional, Sequence, Tuple

import attrs

from peekr import Span
from peekr_cli.tree import TraceTree

Key = Callable[[Span], Optional[Hashable]]


@attrs.frozen
class Pair:
    """A step of both traces, or of one of them."""

    a: Optional[Span]
    b: Optional[Span]
    depth: int

    @property
    def any(self) -> Span:
        """A span of it."""
        span = self.a if self.a is not None else self.b
        assert span is not None
        return span


def aligned(a: TraceTree, b: TraceTree) -> List[Pair]:
    """Return the steps of both trees, parents before their children.

    Children of steps that belong together are paired by name, kind and order: those with equal inputs first, so that
    one call more in between shifts nothing; then those whose name without its module is the same; at last calls of
    a model, whose names tell the SDK. What is left has no counterpart. Takes time linear in the number of spans.
    """
    out: List[Pair] = []
    pending = _paired(a.roots, b.roots, 0)[::-1]
    while pending:
        pair = pending.pop()
        out.append(pair)
        below_a = a.children.get(pair.a.span_id, []) if pair.a is not None else []
        below_b = b.children.get(pair.b.span_id, []) if pair.b is not None else []
        pending += _paired(below_a, below_b, pair.depth + 1)[::-1]
    return out


def _exact(span: Span) -> Optional[Hashable]:
    return span.name, span.kind, str(span.attributes.get("input"))


def _named(span: Span) -> Optional[Hashable]:
    return span.name, span.kind


def _bare(span: Span) -> Optional[Hashable]:
    return bare_name(span.name), span.kind


def _model_call(span: Span) -> Optional[Hashable]:
    return span.kind if span.kind in ("llm", "embedding") else None


_KEYS: Tuple[Key, ...] = (_exact, _named, _bare, _model_call)


def bare_name(name: str) -> str:
    """Return a name without its module: ``__main__.fetch`` here is ``shop.stock.fetch`` there."""
    return name.rpartition(".")[2] or name


def _paired(left: Sequence[Span], right: Sequence[Span], depth: int) -> List[Pair]:
    partner: Dict[int, int] = {}
    free = list(range(len(right)))
    for key in _KEYS:
        if len(partner) == len(left) or not free:
            break
        waiting: Dict[Any, Deque[int]] = {}
        for at in free:
            known = key(right[at])
            if known is not None:
                waiting.setdefault(known, deque()).append(at)
        for at, span in enumerate(left):
            queue = waiting.get(key(span)) if at not in partner else None
            if queue:
                partner[at] = queue.popleft()
        taken = set(partner.values())
        free = [at for at in free if at not in taken]
    return _in_order(left, right, partner, free, depth)


def _in_order(
    left: Sequence[Span], right: Sequence[Span], partner: Dict[int, int], free: List[int], depth: int
) -> List[Pair]:
    """The order of the left side; what only the right side has comes behind what it has before it."""
    place_of = {theirs: ours for ours, theirs in partner.items()}
    placed = [
        ((at, 0, 0), Pair(span, right[partner[at]] if at in partner else None, depth)) for at, span in enumerate(left)
    ]
    alone = set(free)
    before = -1
    for at in range(len(right)):
        if at in alone:
            placed.append(((before, 1, at), Pair(None, right[at], depth)))
        else:
            before = place_of[at]
    return [pair for _, pair in sorted(placed, key=lambda each: each[0])]
