"""Complete traces for those who ask: alerts, and the hook ``peekr_trace_end``."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from peekr.scope import Remote
from peekr.spans import Span

MAX_TRACES = 1000
MAX_SPANS = 10_000

#: The root of a trace, and all its spans in the order in which they ended, the root among them.
Complete = Tuple[Span, List[Span]]
#: What is complete when its root ends: a trace, by its id, or the part of one that a remote caller asked for.
Part = Union[str, Remote]


class TraceEnds:
    """Collects spans by trace until the root ends, then calls each listener. Runs in the worker.

    Of a trace that a remote caller began, what ran here on his behalf is complete when its first span ends.
    Keeps at most 1000 open traces of 10,000 spans; the oldest trace gives way.

    :param is_pending: whether spans of a trace are still being judged: the trace then ends with the last of them.
    """

    def __init__(
        self, listeners: Sequence[Callable[[Any], object]], is_pending: Optional[Callable[[str], bool]] = None
    ) -> None:
        self._listeners = tuple(listeners)
        self._is_pending = is_pending or (lambda trace_id: False)
        self._open: OrderedDict[Part, List[Span]] = OrderedDict()
        self._roots: Dict[Part, Span] = {}

    def take(self, batch: List[Span]) -> None:
        """Add a batch of ended spans."""
        for span in batch:
            if span.ended:
                self._add(span)

    def _add(self, span: Span) -> None:
        remote = span.scope.remote
        part = remote or span.trace_id
        spans = self._open.setdefault(part, [])
        is_root = span.parent_id is None or (remote is not None and span.parent_id == remote.span_id)
        if len(spans) < MAX_SPANS or is_root:
            spans.append(span)
        if is_root:
            self._roots[part] = span
        if part in self._roots and not self._is_pending(span.trace_id):
            self._end(part)
        elif len(self._open) > MAX_TRACES:
            oldest, _ = self._open.popitem(last=False)
            self._roots.pop(oldest, None)

    def _end(self, part: Part) -> None:
        ended: Complete = (self._roots.pop(part), self._open.pop(part))
        for listener in self._listeners:
            listener(ended)
