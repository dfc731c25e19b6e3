"""Sums over a stream of spans, of each trace or run: memory grows with their number, not with their size."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

import attrs

from peekr import runs
from peekr.selection import Selection
from peekr.spans import Span


@attrs.define(slots=True, frozen=True)
class TraceSummary:
    """One trace in a list.

    :ivar name: the root's name; of the earliest span where the root is not stored (yet).
    :ivar start_time: Unix seconds.
    :ivar duration_ms: the root's; from first start to last end where the root is not stored.
    :ivar span_count: spans stored.
    :ivar tokens_total: of its LLM calls and embeddings, each counted once (:func:`peekr.runs.is_billed`).
    :ivar cost_usd: likewise; None if no span has a cost.
    :ivar error_count: spans that failed.
    :ivar status: ``error`` if one of its spans failed, else ``ok``.
    :ivar tenant_id: the first one that is set, as with user_id and session_id.
    """

    trace_id: str
    name: str
    start_time: float
    duration_ms: Optional[float]
    span_count: int
    tokens_total: int
    cost_usd: Optional[float]
    error_count: int
    status: str
    tenant_id: Optional[str]
    user_id: Optional[str]
    session_id: Optional[str]


def fits(summary: TraceSummary, wanted: Selection) -> bool:
    """Whether a trace is asked for."""
    for field, value in wanted.given():
        if field == "since":
            if summary.start_time < value:
                return False
        elif field == "until":
            if summary.start_time >= value:
                return False
        elif getattr(summary, field) != value:
            return False
    return True


@attrs.define(slots=True)
class TraceTally:
    """Adds up the spans of one trace, in any order."""

    trace_id: str
    name: str = ""
    start_time: float = float("inf")
    end_time: float = float("-inf")
    rooted: bool = False
    duration_ms: Optional[float] = None
    span_count: int = 0
    tokens_total: int = 0
    cost_usd: Optional[float] = None
    error_count: int = 0
    tenant_id: Optional[str] = None
    user_id: Optional[str] = None
    session_id: Optional[str] = None

    def add(self, span: Span) -> None:
        """Count one span."""
        start = span.start_time
        if span.parent_id is None and not self.rooted:
            self.rooted, self.name, self.duration_ms = True, span.name, span.duration_ms
        elif not self.rooted and start < self.start_time:
            self.name = span.name
        self.start_time = min(self.start_time, start)
        self.end_time = max(self.end_time, span.end_time or start)
        self.span_count += 1
        self.error_count += span.status == "error"
        self.tokens_total += runs.tokens_of(span)
        cost = runs.cost_of(span)
        if cost is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost
        self.tenant_id = self.tenant_id or span.tenant_id
        self.user_id = self.user_id or span.user_id
        self.session_id = self.session_id or span.session_id

    def summary(self) -> TraceSummary:
        """Return the result so far."""
        duration = self.duration_ms if self.rooted else (self.end_time - self.start_time) * 1000
        return TraceSummary(
            trace_id=self.trace_id,
            name=self.name,
            start_time=self.start_time,
            duration_ms=duration,
            span_count=self.span_count,
            tokens_total=self.tokens_total,
            cost_usd=self.cost_usd,
            error_count=self.error_count,
            status="error" if self.error_count else "ok",
            tenant_id=self.tenant_id,
            user_id=self.user_id,
            session_id=self.session_id,
        )


class RunTally:
    """Adds up the spans of one run.

    :ivar types: the types of its steps.
    """

    __slots__ = ("_scores", "cost_usd", "head", "parent_id", "start_time", "step_count", "tokens_total", "types")

    def __init__(self) -> None:
        self.head: Optional[Dict[str, Any]] = None
        self.parent_id: Optional[str] = None
        self.start_time = 0.0
        self.step_count = 0
        self.tokens_total = 0
        self.cost_usd: Optional[float] = None
        self._scores: Dict[str, Tuple[float, int]] = {}
        self.types: Set[str] = set()

    def add(self, span: Span) -> None:
        """Count one span of the run; its first one gives name, times and state."""
        if runs.is_run(span):
            self.head, self.parent_id, self.start_time = runs.run_dict(span), span.parent_id, span.start_time
        self.step_count += 1
        self.types.add(runs.step_type(span))
        self.tokens_total += runs.tokens_of(span)
        cost = runs.cost_of(span)
        if cost is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost
        for name, score in runs.scores_of(span).items():
            total, count = self._scores.get(name, (0.0, 0))
            self._scores[name] = (total + score, count + 1)

    def absorb(self, other: RunTally) -> None:
        """Add the sums of another tally."""
        self.step_count += other.step_count
        self.types |= other.types
        self.tokens_total += other.tokens_total
        if other.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + other.cost_usd
        for name, (total, count) in other._scores.items():
            mine, counted = self._scores.get(name, (0.0, 0))
            self._scores[name] = (mine + total, counted + count)

    def run(self) -> Dict[str, Any]:
        """Return the run as the API shows it; only for a tally that has its first span."""
        scores = {name: round(total / count, 4) for name, (total, count) in sorted(self._scores.items())}
        return {
            **(self.head or {}),
            "step_count": self.step_count,
            "tokens_total": self.tokens_total,
            "cost_usd": self.cost_usd,
            "scores": scores,
        }


class RunTallies:
    """Adds up every run of a stream of spans."""

    def __init__(self) -> None:
        self._by_id: Dict[str, RunTally] = {}
        self._parents: Dict[str, Optional[str]] = {}  # of spans whose record names no run: old files only

    def add(self, span: Span) -> None:
        """Count one span."""
        tally = self._by_id.get(span.run_id)
        if tally is None:
            tally = self._by_id[span.run_id] = RunTally()
        tally.add(span)
        if "run_id" not in span.attributes and span.parent_id is not None and not runs.is_run(span):
            self._parents[span.span_id] = span.parent_id

    def tallies(self) -> Dict[str, RunTally]:
        """Return run_id → tally for every run whose first span is known."""
        for run_id in [key for key, tally in self._by_id.items() if tally.head is None and key in self._parents]:
            at: Optional[str] = run_id
            for _ in range(len(self._parents) + 1):
                at = self._parents.get(at or "", at)
                if at in self._by_id and self._by_id[at].head is not None:
                    self._by_id[at].absorb(self._by_id.pop(run_id))
                    break
        return {key: tally for key, tally in self._by_id.items() if tally.head is not None}


def trace_tallies(spans: Iterable[Span]) -> List[TraceTally]:
    """Return the sums of every trace among the spans."""
    found: Dict[str, TraceTally] = {}
    for span in spans:
        tally = found.get(span.trace_id)
        if tally is None:
            tally = found[span.trace_id] = TraceTally(span.trace_id)
        tally.add(span)
    return list(found.values())


def nested_heads(spans: Iterable[Span], run_of: Dict[str, str], run_id: str) -> Iterator[Span]:
    """Yield the first spans of the runs nested in a run: they show in its timeline too (contract MODEL-6)."""
    for span in spans:
        if span.parent_id is not None and runs.is_run(span) and run_of.get(span.parent_id) == run_id:
            yield span
