"""Complete traces for those who ask: alerts, and the hook ``peekr_trace_end``."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, List, Optional, Sequence, Tuple

from peekr.spans import Span

MAX_TRACES = 1000
MAX_SPANS = 10_000

#: The root of a trace, and all its spans in the order in which they ended, the root among them.
Complete = Tuple[Span, List[Span]]


class TraceEnds:
    """Collects spans by trace until the root ends, then calls each listener. Runs in the worker.

    Keeps at most 1000 open traces of 10,000 spans; the oldest trace gives way.

    :param is_pending: whether spans of a trace are still being judged: the trace then ends with the last of them.
    """

    def __init__(
        self, listeners: Sequence[Callable[[Any], object]], is_pending: Optional[Callable[[str], bool]] = None
    ) -> None:
        self._listeners = tuple(listeners)
        self._is_pending = is_pending or (lambda trace_id: False)
        self._open: OrderedDict[str, List[Span]] = OrderedDict()
        self._roots: OrderedDict[str, Span] = OrderedDict()

    def take(self, batch: List[Span]) -> None:
        """Add a batch of ended spans."""
        for span in batch:
            if span.ended:
                self._add(span)

    def _add(self, span: Span) -> None:
        trace_id = span.trace_id
        spans = self._open.setdefault(trace_id, [])
        is_root = span.parent_id is None
        if len(spans) < MAX_SPANS or is_root:
            spans.append(span)
        if is_root:
            self._roots[trace_id] = span
        if trace_id in self._roots and not self._is_pending(trace_id):
            self._end(trace_id)
        elif len(self._open) > MAX_TRACES:
            oldest, _ = self._open.popitem(last=False)
            self._roots.pop(oldest, None)

    def _end(self, trace_id: str) -> None:
        ended: Complete = (self._roots.pop(trace_id), self._open.pop(trace_id))
        for listener in self._listeners:
            listener(ended)
