"""Tokens of each trace: the runs of one root name, in order, and whether they grow."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Tuple

from peekr_dashboard.diagnostics.records import Record
from peekr_dashboard.diagnostics.tallies import ITEMS
from peekr_dashboard.diagnostics.worst import EXAMPLES


class TraceTally:
    """Start, tokens and root of each trace: the runs of one root name, in order."""

    __slots__ = ("_traces",)

    def __init__(self) -> None:
        #: trace_id → itself, start, tokens, root name, root id.
        self._traces: Dict[str, List[Any]] = {}

    def add(self, record: Record) -> str:
        """Count any span; return its trace id, the same object for all spans of the trace."""
        trace = self._traces.get(record.trace)
        if trace is None:
            trace = self._traces[record.trace] = [record.trace, record.start, 0, None, None]
        elif record.start < trace[1]:
            trace[1] = record.start
        if record.tok:
            trace[2] += record.tok
        if record.root is not None and trace[3] is None:
            trace[3], trace[4] = record.root, record.id if record.parent is None else None
        return trace[0]  # type: ignore[no-any-return]

    def absorb(self, other: TraceTally) -> None:
        """Add what another has counted, of later spans."""
        for trace_id, theirs in other._traces.items():
            trace = self._traces.get(trace_id)
            if trace is None:
                self._traces[trace_id] = theirs
                continue
            trace[1] = min(trace[1], theirs[1])
            trace[2] += theirs[2]
            if trace[3] is None:
                trace[3:] = theirs[3:]

    @property
    def count(self) -> int:
        """Traces seen."""
        return len(self._traces)

    def growth(self) -> List[Dict[str, Any]]:
        """Return the root names whose latest runs each took more tokens than the one before (contract DIAG-12)."""
        runs: Dict[str, List[Tuple[float, float, str, Optional[str]]]] = {}
        for trace_id, start, tokens, root, root_id in self._traces.values():
            if root is not None and tokens:
                runs.setdefault(root, []).append((start, tokens, trace_id, root_id))
        items = [item for name, found in runs.items() for item in _grown(name, found)]
        return sorted(items, key=lambda item: (-item["ratio"], -item["streak"]))[:ITEMS]


def _grown(name: str, runs: List[Tuple[float, float, str, Optional[str]]]) -> Iterable[Dict[str, Any]]:
    if len(runs) < 2:
        return
    runs.sort(key=lambda run: run[0])
    first = len(runs) - 1
    while first and runs[first - 1][1] < runs[first][1]:
        first -= 1
    if first == len(runs) - 1:
        return
    streak = runs[first:]
    yield {
        "root": name,
        "runs": len(runs),
        "streak": len(streak),
        "first_tokens": streak[0][1],
        "last_tokens": streak[-1][1],
        "ratio": streak[-1][1] / streak[0][1],
        "calls": [
            {"trace_id": trace, "span_id": span, "name": name, "tokens_total": tokens}
            for _, tokens, trace, span in streak[-EXAMPLES:]
        ],
    }
