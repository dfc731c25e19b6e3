"""Records → named aggregates, in one pass and in any order: what the conditions of rules speak of. Pure.

``frontend/engine.js`` computes the same from the page's records. The names (shares 0 to 1; null of nothing):

- ``spans`` ``traces`` ``calls`` (LLM calls; embeddings and judges are none) ``errors`` ``error_share`` ``errors_all``
- ``reasons``: ``[{reason, count, share}]`` of the failed calls
- ``scored`` ``flagged`` ``evaluator_names``
- ``hallucination.`` ``scored`` ``mean`` ``baseline`` ``current`` ``change`` ``health``
- ``claims.`` ``total`` ``supported`` ``contradicted`` ``unsupported`` ``contradicted_share`` ``unsupported_share``
- ``citations.`` ``total`` ``grounded`` ``invented`` ``invented_share``
- ``judge.`` ``failed`` ``failed_share`` ``reason``
- ``channels``: ``[{dimension, value, calls, flagged, share, share_of_calls, lift}]``
- ``tools``: ``[{tool, reason, calls_total, errors, share, calls}]``
- ``growth``: ``[{root, runs, streak, first_tokens, last_tokens, ratio, calls}]``
- ``memory.recalls`` ``memory.dropped.`` ``count`` ``names`` ``changes`` ``items``, ``memory.at_top``:
  ``[{id, age_s, recalls, top, hits, hit_rate}]``
- ``integrity.`` ``orphans`` ``cycles`` ``skewed`` ``skew_s`` ``future`` ``open`` ``problems``: of a whole store only
- ``examples.`` ``lowest`` ``flagged`` ``contradicted`` ``unsupported`` ``invented`` ``errors`` ``judge`` ``recalls``:
  the worst few spans, ``[{trace_id, span_id, name, model, score, error_reason}]``
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Optional

from peekr import Span
from peekr_dashboard.diagnostics.growth import TraceTally
from peekr_dashboard.diagnostics.history import drift_of
from peekr_dashboard.diagnostics.integrity import IntegrityTally
from peekr_dashboard.diagnostics.memory import MemoryTally
from peekr_dashboard.diagnostics.records import INTERNAL, Record, record_of
from peekr_dashboard.diagnostics.tallies import (
    AnswerTally,
    ChannelTally,
    ToolTally,
    add_counts,
    share,
)
from peekr_dashboard.diagnostics.worst import Worst


class Aggregator:
    """Adds records up.

    :param whole: whether the records are all spans of a store, so that what does not fit together is worth a word.
    :param now: the present, in Unix seconds; by default it is.
    """

    def __init__(self, whole: bool = True, now: float = 0.0) -> None:
        self.spans = self.calls = self.errors = self.errors_all = 0
        self._reasons: Dict[str, int] = {}
        self._failed = Worst()
        self._answers, self._channels, self._tools = AnswerTally(), ChannelTally(), ToolTally()
        self._traces, self._memory = TraceTally(), MemoryTally()
        self._integrity: Optional[IntegrityTally] = IntegrityTally(now) if whole else None

    def add(self, record: Record) -> None:
        """Count one span."""
        kind = record.kind
        if kind == INTERNAL:
            return
        self.spans += 1
        failed = record.status == "error"
        self.errors_all += failed
        trace = self._traces.add(record)
        if self._integrity is not None:
            self._integrity.add(record)
        if kind == "llm":
            self._add_call(record, failed, trace)
        elif kind == "tool":
            self._tools.add(record)
        elif kind == "memory_read":
            self._memory.add(record, trace)

    def _add_call(self, record: Record, failed: bool, trace: str) -> None:
        self.calls += 1
        if failed:
            self.errors += 1
            reason = record.reason or "other"
            self._reasons[reason] = self._reasons.get(reason, 0) + 1
            self._failed.add_newest(record)
        self._channels.add(record, self._answers.add(record, trace))
        if record.hits is not None:
            self._memory.add_hits(record.hits, trace)

    def absorb(self, other: Aggregator) -> None:
        """Add what another has counted, of other spans of the same store: the later ones."""
        for name in ("spans", "calls", "errors", "errors_all"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        add_counts(self._reasons, other._reasons)
        for name in ("_failed", "_answers", "_channels", "_tools", "_traces", "_memory"):
            getattr(self, name).absorb(getattr(other, name))
        if self._integrity is not None and other._integrity is not None:
            self._integrity.absorb(other._integrity)

    def result(self) -> Dict[str, Any]:
        """Return the aggregates; call it once, at the end."""
        answers = self._answers
        history = answers.history
        history.sort()
        memory = self._memory.result(history)
        return {
            "spans": self.spans,
            "traces": self._traces.count,
            "calls": self.calls,
            "errors": self.errors,
            "error_share": share(self.errors, self.calls),
            "errors_all": self.errors_all,
            "reasons": [
                {"reason": reason, "count": count, "share": count / self.errors}
                for reason, count in sorted(self._reasons.items(), key=lambda pair: -pair[1])
            ],
            "main_reason": max(self._reasons, key=lambda reason: self._reasons[reason], default=None),
            **answers.result(self.calls),
            "hallucination": drift_of(history.scores),
            "channels": self._channels.result(self.calls, answers.flagged),
            "tools": self._tools.result(),
            "growth": self._traces.growth(),
            "memory": memory,
            "integrity": None if self._integrity is None else self._integrity.result(),
            "examples": {
                **answers.examples(),
                "errors": self._failed.examples(),
                "recalls": self._memory.examples(),
            },
        }


def aggregates(spans: Iterable[Span], whole: bool = True, now: float = 0.0) -> Dict[str, Any]:
    """Return the aggregates of spans of any store, in one pass; see :class:`Aggregator` for the parameters."""
    return aggregates_of(map(record_of, spans), whole, now)


def aggregates_of(records: Iterable[Record], whole: bool = True, now: float = 0.0) -> Dict[str, Any]:
    """Return the aggregates of records."""
    tally = Aggregator(whole, now)
    add = tally.add
    for record in records:
        add(record)
    return tally.result()
