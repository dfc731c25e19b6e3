"""Sums over a stream of records: answers, channels, tools. Each tally takes records in any order."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

import msgspec

from peekr_dashboard.diagnostics.attributes import Citations, Claims
from peekr_dashboard.diagnostics.history import History
from peekr_dashboard.diagnostics.records import Record
from peekr_dashboard.diagnostics.worst import Worst

#: Items of a list aggregate.
ITEMS = 20
#: A call whose score is lower is flagged (contract DASH-7).
FLAGGED_BELOW = 0.5
_DIMENSIONS = ("model", "tenant", "endpoint")
#: In which answers are bad.
_RESPECTS = ("lowest", "contradicted", "unsupported", "invented", "judge")


def share(part: float, whole: float) -> Optional[float]:
    """Return part of whole, None of nothing."""
    return part / whole if whole else None


def add_counts(counts: Dict[str, int], others: Mapping[str, int]) -> None:
    """Add counts; names that are new stand behind those that are known."""
    for name, number in others.items():
        counts[name] = counts.get(name, 0) + number


class AnswerTally:
    """What judges and checks said of the answers."""

    def __init__(self) -> None:
        self.scored = self.flagged = self.judge_failed = 0
        self._evaluators: Set[Tuple[str, ...]] = set()
        self.history = History()
        self.claims, self.citations = Claims(0, 0, 0, 0), Citations(0, 0, 0)
        self.judge_reasons: Dict[str, int] = {}
        self._worst = {name: Worst() for name in _RESPECTS}

    def add(self, record: Record, trace: str) -> bool:
        """Count an LLM call; return whether it is flagged."""
        if record.errs:
            self._judge_failed(record)
        if record.claims is not None:
            self._claims(record, record.claims)
        if record.cites is not None:
            self._citations(record, record.cites)
        scores = record.scores
        if not scores:
            return False
        self.scored += 1
        self._evaluators.add(tuple(scores))
        score = scores.get("Hallucination")
        if score is None:
            score = min(scores.values())
        else:
            self.history.add(record.start, score, trace)
        if score < 1:
            self._worst["lowest"].add(-score, record)
        if score >= FLAGGED_BELOW:
            return False
        self.flagged += 1
        return True

    def _judge_failed(self, record: Record) -> None:
        self.judge_failed += 1
        self._worst["judge"].add_newest(record)
        for reason in record.errs.values():
            self.judge_reasons[reason] = self.judge_reasons.get(reason, 0) + 1

    def _claims(self, record: Record, found: Claims) -> None:
        sums = self.claims
        sums.total += found.total
        sums.supported += found.supported
        if found.contradicted:
            sums.contradicted += found.contradicted
            self._worst["contradicted"].add(found.contradicted, record)
        if found.unsupported:
            sums.unsupported += found.unsupported
            self._worst["unsupported"].add(found.unsupported, record)

    def _citations(self, record: Record, found: Citations) -> None:
        sums = self.citations
        sums.total += found.total
        sums.grounded += found.grounded
        if found.invented:
            sums.invented += found.invented
            self._worst["invented"].add(found.invented, record)

    def absorb(self, other: AnswerTally) -> None:
        """Add what another has counted, of later spans."""
        self.scored += other.scored
        self.flagged += other.flagged
        self.judge_failed += other.judge_failed
        self._evaluators |= other._evaluators
        self.history.absorb(other.history)
        for ours, theirs in ((self.claims, other.claims), (self.citations, other.citations)):
            for name in ours.__struct_fields__:
                setattr(ours, name, getattr(ours, name) + getattr(theirs, name))
        add_counts(self.judge_reasons, other.judge_reasons)
        for name, worst in self._worst.items():
            worst.absorb(other._worst[name])

    def result(self, calls: int) -> Dict[str, Any]:
        """Return the aggregates."""
        claims, cites = self.claims, self.citations
        reasons = _ranked(self.judge_reasons)
        return {
            "scored": self.scored,
            "flagged": self.flagged,
            "evaluator_names": sorted({name for names in self._evaluators for name in names}),
            "claims": {
                **msgspec.structs.asdict(claims),
                "contradicted_share": share(claims.contradicted, claims.total),
                "unsupported_share": share(claims.unsupported, claims.total),
            },
            "citations": {**msgspec.structs.asdict(cites), "invented_share": share(cites.invented, cites.total)},
            "judge": {
                "failed": self.judge_failed,
                "failed_share": share(self.judge_failed, calls),
                "reason": reasons[0][0] if reasons else None,
            },
        }

    def examples(self) -> Dict[str, List[Dict[str, Any]]]:
        """Return the worst calls in each respect."""
        found = {name: worst.examples() for name, worst in self._worst.items()}
        return {**found, "flagged": [each for each in found["lowest"] if each["score"] < FLAGGED_BELOW]}


def _ranked(counts: Dict[str, int]) -> List[Tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])


class ChannelTally:
    """Calls, and flagged calls, of each model, tenant and endpoint."""

    def __init__(self) -> None:
        self._counts: Dict[Tuple[Optional[str], ...], List[int]] = {}  # calls, flagged

    def add(self, record: Record, flagged: bool) -> None:
        """Count an LLM call."""
        key = (record.model, record.user if record.tenant is None else record.tenant, record.endpoint)
        found = self._counts.get(key)
        if found is None:
            found = self._counts[key] = [0, 0]
        found[0] += 1
        found[1] += flagged

    def absorb(self, other: ChannelTally) -> None:
        """Add what another has counted, of later spans."""
        for key, (calls, flagged) in other._counts.items():
            found = self._counts.setdefault(key, [0, 0])
            found[0] += calls
            found[1] += flagged

    def _by_dimension(self) -> Iterator[Tuple[str, str, int, int]]:
        for place, name in enumerate(_DIMENSIONS):
            sums: Dict[str, List[int]] = {}
            for key, (calls, flagged) in self._counts.items():
                value = key[place]
                if value is not None:
                    found = sums.setdefault(value, [0, 0])
                    found[0] += calls
                    found[1] += flagged
            for value, (calls, flagged) in sums.items():
                yield name, value, calls, flagged

    def result(self, calls: int, flagged: int) -> List[Dict[str, Any]]:
        """Return the channels with flagged calls; first the one that has most beyond its share of all calls."""
        items: List[Dict[str, Any]] = [
            {
                "dimension": name,
                "value": value,
                "calls": count,
                "flagged": bad,
                "share": bad / flagged,
                "share_of_calls": count / calls,
                "lift": bad / flagged - count / calls,
            }
            for name, value, count, bad in self._by_dimension()
            if bad
        ]
        return sorted(items, key=lambda item: (-item["lift"], -item["share"]))[:ITEMS]


class _Tool:
    """The calls of one tool.

    :ivar reasons: of those that failed → how many, and the newest.
    """

    __slots__ = ("calls", "reasons")

    def __init__(self) -> None:
        self.calls = 0
        self.reasons: Dict[str, Tuple[int, Worst]] = {}

    def failed(self, reason: str, times: int = 1) -> Worst:
        errors, worst = self.reasons.get(reason) or (0, Worst())
        self.reasons[reason] = errors + times, worst
        return worst


class ToolTally:
    """Calls of each tool, and how many failed for which reason."""

    def __init__(self) -> None:
        self._tools: Dict[str, _Tool] = {}

    def add(self, record: Record) -> None:
        """Count a tool call."""
        name = record.tool or record.name
        found = self._tools.get(name)
        if found is None:
            found = self._tools[name] = _Tool()
        found.calls += 1
        if record.reason is not None:
            found.failed(record.reason).add_newest(record)

    def absorb(self, other: ToolTally) -> None:
        """Add what another has counted, of later spans."""
        for name, theirs in other._tools.items():
            found = self._tools.setdefault(name, _Tool())
            found.calls += theirs.calls
            for reason, (errors, worst) in theirs.reasons.items():
                found.failed(reason, errors).absorb(worst)

    def result(self) -> List[Dict[str, Any]]:
        """Return tool × reason; the tool that fails most often first."""
        items: List[Dict[str, Any]] = [
            {
                "tool": name,
                "reason": reason,
                "calls_total": tool.calls,
                "errors": errors,
                "share": errors / tool.calls,
                "calls": worst.examples(),
            }
            for name, tool in self._tools.items()
            for reason, (errors, worst) in tool.reasons.items()
        ]
        return sorted(items, key=lambda item: (-item["share"], -item["errors"]))[:ITEMS]
