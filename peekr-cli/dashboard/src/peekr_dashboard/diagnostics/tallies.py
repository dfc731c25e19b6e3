"""Sums over a stream of records: answers, channels, tools. Each tally takes records in any order."""

from __future__ import annotations

from bisect import insort
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import msgspec

from peekr_dashboard.diagnostics.attributes import Citations, Claims
from peekr_dashboard.diagnostics.records import Record, score_of

#: Spans kept as examples, and items of a list aggregate.
EXAMPLES, ITEMS = 5, 20
#: A call whose score is lower is flagged (contract DASH-7).
FLAGGED_BELOW = 0.5
_DIMENSIONS = ("model", "tenant", "endpoint")


def share(part: float, whole: float) -> Optional[float]:
    """Return part of whole, None of nothing."""
    return part / whole if whole else None


def example(record: Record) -> Dict[str, Any]:
    """Return how evidence names a span."""
    out: Dict[str, Any] = {"trace_id": record.trace, "span_id": record.id, "name": record.name}
    if record.model is not None:
        out["model"] = record.model
    score = score_of(record)
    if score is not None:
        out["score"] = score
    if record.reason is not None:
        out["error_reason"] = record.reason
    return out


class Worst:
    """The few records of the greatest weight; among equals those offered first."""

    __slots__ = ("_kept", "_least", "_offered")

    def __init__(self) -> None:
        self._kept: List[Tuple[float, int, Record]] = []  # the least first
        self._least = float("-inf")
        self._offered = 0

    def add(self, weight: float, record: Record) -> None:
        """Offer a record."""
        if weight <= self._least:
            return
        self._offered -= 1
        kept = self._kept
        insort(kept, (weight, self._offered, record))
        if len(kept) > EXAMPLES:
            del kept[0]
        if len(kept) == EXAMPLES:
            self._least = kept[0][0]

    def add_newest(self, record: Record) -> None:
        """Offer a record to those of which the newest count."""
        self.add(record.start, record)

    def examples(self) -> List[Dict[str, Any]]:
        """Return them, the first the worst."""
        return [example(entry[2]) for entry in reversed(self._kept)]


class AnswerTally:
    """What judges and checks said of the answers."""

    def __init__(self) -> None:
        self.scored = self.flagged = self.judge_failed = 0
        self._evaluators: Set[Tuple[str, ...]] = set()
        self.history: List[Tuple[float, float, str]] = []
        self.claims, self.citations = Claims(0, 0, 0, 0), Citations(0, 0, 0)
        self.judge_reasons: Dict[str, int] = {}
        self._lowest, self._judge = Worst(), Worst()
        self._contradicted, self._unsupported, self._invented = Worst(), Worst(), Worst()

    def add(self, record: Record) -> bool:
        """Count an LLM call; return whether it is flagged."""
        if record.errs:
            self._judge_failed(record)
        if record.claims is not None:
            self._claims(record, record.claims)
        if record.cites is not None:
            self._citations(record, record.cites)
        if not record.scores:
            return False
        self.scored += 1
        scores = record.scores
        self._evaluators.add(tuple(scores))
        found = scores.get("Hallucination")
        if found is not None:
            self.history.append((record.start, found, record.trace))
        score = min(scores.values()) if found is None else found
        if score < 1:
            self._lowest.add(-score, record)
        if score >= FLAGGED_BELOW:
            return False
        self.flagged += 1
        return True

    def _judge_failed(self, record: Record) -> None:
        self.judge_failed += 1
        self._judge.add_newest(record)
        for reason in record.errs.values():
            self.judge_reasons[reason] = self.judge_reasons.get(reason, 0) + 1

    def _claims(self, record: Record, found: Claims) -> None:
        sums = self.claims
        sums.total += found.total
        sums.supported += found.supported
        if found.contradicted:
            sums.contradicted += found.contradicted
            self._contradicted.add(found.contradicted, record)
        if found.unsupported:
            sums.unsupported += found.unsupported
            self._unsupported.add(found.unsupported, record)

    def _citations(self, record: Record, found: Citations) -> None:
        sums = self.citations
        sums.total += found.total
        sums.grounded += found.grounded
        if found.invented:
            sums.invented += found.invented
            self._invented.add(found.invented, record)

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
        lowest = self._lowest.examples()
        return {
            "lowest": lowest,
            "flagged": [each for each in lowest if each["score"] < FLAGGED_BELOW],
            "contradicted": self._contradicted.examples(),
            "unsupported": self._unsupported.examples(),
            "invented": self._invented.examples(),
            "judge": self._judge.examples(),
        }


def _ranked(counts: Dict[str, int]) -> List[Tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: -pair[1])


def drift_of(history: List[Tuple[float, float, str]]) -> Dict[str, Any]:
    """Return how the Hallucination score moved: oldest third against newest third (contract DASH-7, DIAG-5).

    :param history: start, score and trace of the scored calls, by start.
    """
    count = len(history)
    third = max(count // 3, 1)
    scores = [score for _, score, _ in history]
    current = _mean(scores[-third:])
    baseline = _mean(scores[:third]) if count >= 6 else None
    return {
        "scored": count,
        "mean": _mean(scores),
        "current": current,
        "baseline": baseline,
        # scores have four digits: what lies behind is noise of adding, and -0.1 must not be less than -0.1
        "change": None if baseline is None or current is None else _six_digits(current - baseline),
        "health": None if current is None else 100 * current,
    }


def _mean(values: List[float]) -> Optional[float]:
    total = 0.0
    for value in values:  # sum() of newer Pythons compensates; JavaScript does not
        total += value
    return total / len(values) if values else None


def _six_digits(value: float) -> float:
    rounded = int(abs(value) * 1e6 + 0.5) / 1e6
    return -rounded if value < 0 else rounded


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


class ToolTally:
    """Calls of each tool, and how many failed for which reason."""

    def __init__(self) -> None:
        self._tools: Dict[str, List[Any]] = {}

    def add(self, record: Record) -> None:
        """Count a tool call."""
        name = record.tool or record.name
        found = self._tools.get(name)
        if found is None:
            found = self._tools[name] = [0, {}]
        found[0] += 1
        reason = record.reason
        if reason is not None:
            failed = found[1].get(reason)
            if failed is None:
                failed = found[1][reason] = [0, Worst()]
            failed[0] += 1
            failed[1].add_newest(record)

    def result(self) -> List[Dict[str, Any]]:
        """Return tool × reason; the tool that fails most often first."""
        items = [
            {
                "tool": tool,
                "reason": reason,
                "calls_total": calls,
                "errors": errors,
                "share": errors / calls,
                "calls": worst.examples(),
            }
            for tool, (calls, reasons) in self._tools.items()
            for reason, (errors, worst) in reasons.items()
        ]
        return sorted(items, key=lambda item: (-item["share"], -item["errors"]))[:ITEMS]
