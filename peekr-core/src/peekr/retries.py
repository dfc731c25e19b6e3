"""A caller who repeats a failed LLM call: the repeats are linked, so that sums can leave them out (LLM-10)."""

from __future__ import annotations

from collections import OrderedDict
from typing import List, Optional, Tuple

from peekr.ids import RawId
from peekr.spans import Span

_REMEMBERED = 1000
_KINDS = frozenset(("llm", "embedding"))

Key = Tuple[RawId, RawId, int]


class RetryLinks:
    """Sets ``retry_of`` and ``attempt`` on an LLM span whose request failed before under the same parent.

    Runs in the worker. Remembers the last 1000 failures.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[Key, Tuple[str, int]] = OrderedDict()

    def wanted(self, spans: List[Span]) -> List[Span]:
        """Return the calls of models among the spans."""
        return [span for span in spans if span._kind in _KINDS]

    def process(self, span: Span) -> None:
        """Look the request up among the failed ones, and note it if it failed itself."""
        if span._kind not in _KINDS or span._parent is None:
            return
        if not self._failed and span.status == "ok":  # as a rule: nothing to link, so no payload to decode
            return
        key = self._key(span)
        if key is None:
            return
        earlier = self._failed.pop(key, None)
        attempt = 1
        if earlier is not None:
            span_id, attempts = earlier
            attempt = attempts + 1
            span.attributes["retry_of"] = span_id
            span.attributes["attempt"] = attempt
        if span.status == "error":
            self._failed[key] = (span.span_id, attempt)
            if len(self._failed) > _REMEMBERED:
                self._failed.popitem(last=False)

    @staticmethod
    def _key(span: Span) -> Optional[Key]:
        request = span.attributes.get("input") if span._payload is None else (span.payload or {}).get("request")
        if request is None or span._parent is None:
            return None
        return span._trace, span._parent, hash((span.name, str(request)))
