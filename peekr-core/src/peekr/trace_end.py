"""Complete traces for those who ask: the hook ``peekr_trace_end``."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, List, Sequence, Tuple

from peekr.ids import RawId
from peekr.spans import Span

MAX_TRACES = 1000
MAX_SPANS = 10_000


class TraceEnds:
    """Collects spans by trace until the root ends, then calls each listener. Runs in the worker.

    Keeps at most 1000 open traces of 10,000 spans; the oldest trace gives way.
    """

    def __init__(self, listeners: Sequence[Callable[[Any], object]]) -> None:
        self._listeners = tuple(listeners)
        self._open: OrderedDict[RawId, List[Span]] = OrderedDict()

    def take(self, batch: List[Span]) -> None:
        """Add a batch of ended spans."""
        for span in batch:
            if not span.ended:
                continue
            spans = self._open.setdefault(span.trace_id, [])
            if len(spans) < MAX_SPANS or span.parent_id is None:
                spans.append(span)
            if span.parent_id is None:
                ended: Tuple[Span, List[Span]] = (span, self._open.pop(span.trace_id))
                for listener in self._listeners:
                    listener(ended)
            elif len(self._open) > MAX_TRACES:
                self._open.popitem(last=False)
