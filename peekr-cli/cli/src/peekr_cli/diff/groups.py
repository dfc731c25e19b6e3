"""Many traces with many others: sums by the names of steps, outputs by input; in memory that does not grow."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import Any, Dict, List, Optional, Set, Tuple

import attrs

from peekr import Span
from peekr.prices import cost_of
from peekr.runs import is_run
from peekr_cli import values
from peekr_cli.diff.align import bare_name
from peekr_cli.diff.compare import Rules, changed_by, output_of, output_order, scores_of, text_of
from peekr_cli.diff.model import Figures, Output, Report, Step, Whole
from peekr_cli.tree import tokens_of

#: Names of steps, and inputs with their outputs, that are kept of one side.
_MOST_NAMES, _MOST_INPUTS = 2_000, 50_000
#: Shares by which averages may differ.
_SHARE = 0.05
_ERRORS = 0.05
_SCORE = 0.05
_CALLS = 0.1
_MOST_MODELS = 8
_MODEL_KINDS = ("llm", "embedding")

Name = Tuple[str, str]


class Durations:
    """Durations and their quantiles (nearest rank): exact up to a thousand of them, within 1 % of more.

    Then they are counted in buckets each 2 % wider than the one before: Masson, Rim and Lee, "DDSketch" (2019).
    """

    _GROWTH = math.log(1.02)
    _EXACT = 1000

    def __init__(self) -> None:
        self._values: List[float] = []
        self._buckets: Dict[int, int] = {}
        self._count = 0

    def add(self, milliseconds: float) -> None:
        """Count one."""
        self._count += 1
        if self._count <= self._EXACT:
            self._values.append(milliseconds)
            return
        for value in (*self._values, milliseconds):
            at = round(math.log(max(value, 1e-6)) / self._GROWTH)
            self._buckets[at] = self._buckets.get(at, 0) + 1
        self._values = []

    def quantile(self, share: float) -> Optional[float]:
        """Return the duration that this share of them does not exceed; None of none."""
        wanted, seen = max(1, math.ceil(share * self._count)), 0
        if self._values:
            return sorted(self._values)[wanted - 1]
        for at in sorted(self._buckets):
            seen += self._buckets[at]
            if seen >= wanted:
                return math.exp(at * self._GROWTH)
        return None


@attrs.define
class Tally:
    """The spans of one name."""

    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost: float = 0.0
    priced: int = 0
    durations: Durations = attrs.field(factory=Durations)
    scores: Dict[str, Tuple[float, int]] = attrs.field(factory=dict)
    models: List[str] = attrs.field(factory=list)
    error: Optional[str] = None
    traced: int = 0

    def add(self, span: Span) -> None:
        """Count one span."""
        self.calls += 1
        if span.duration_ms is not None:
            self.durations.add(span.duration_ms)
        if span.status == "error":
            self.errors += 1
            self.error = self.error or values.error_text(span.attributes)
        self.tokens += tokens_of(span)
        for name, score in scores_of(span).items():
            total, count = self.scores.get(name, (0.0, 0))
            self.scores[name] = (total + score, count + 1)
        if span.kind in _MODEL_KINDS:
            self._add_call(span)

    def _add_call(self, span: Span) -> None:
        cost = cost_of(span)
        if cost is not None:
            self.cost, self.priced = self.cost + cost, self.priced + 1
        model = span.attributes.get("model")
        if isinstance(model, str) and model not in self.models and len(self.models) < _MOST_MODELS:
            self.models.append(model)

    def figures(self, traces: int) -> Figures:
        """Return the averages."""
        return Figures(
            calls=self.calls,
            errors=self.errors,
            duration_ms=self.durations.quantile(0.5),
            p95_ms=self.durations.quantile(0.95),
            tokens=round(self.tokens / self.calls, 2),
            cost_usd=self.cost / self.priced if self.priced else None,
            scores={name: round(total / count, 4) for name, (total, count) in self.scores.items()},
            models=sorted(self.models),
            error=self.error,
            per_trace=round(self.calls / max(traces, 1), 3),
        )


@attrs.define
class _Returned:
    """What a step returned for one input.

    :ivar outputs: digests of at most eight outputs: more tell nothing.
    """

    input: str
    output: str
    outputs: Set[bytes]
    span_id: str


class Group:
    """One side: adds up spans."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.tallies: Dict[Name, Tally] = {}
        self.returned: Dict[Tuple[Name, bytes], _Returned] = {}
        self.traces = self.spans = self.left_out = self.inputs_left_out = 0
        self.start: Optional[float] = None
        self._durations = Durations()

    def add(self, span: Span) -> None:
        """Count one span."""
        self.spans += 1
        self.start = span.start_time if self.start is None else min(self.start, span.start_time)
        if span.parent_id is None and is_run(span):
            self.traces += 1
            if span.duration_ms is not None:
                self._durations.add(span.duration_ms)
        name = (span.name, span.kind)
        tally = self.tallies.get(name)
        if tally is None:
            if len(self.tallies) >= _MOST_NAMES:
                self.left_out += 1
                return
            tally = self.tallies[name] = Tally()
        tally.add(span)
        if span.kind not in _MODEL_KINDS and span.status == "ok" and span.attributes.get("output") is not None:
            self._note(name, span)

    def _note(self, name: Name, span: Span) -> None:
        given, output = text_of(span, "input") or "", output_of(span) or ""
        key = (name, self._digest(given))
        known = self.returned.get(key)
        if known is None:
            if len(self.returned) >= _MOST_INPUTS:
                self.inputs_left_out += 1
                return
            self.returned[key] = _Returned(given[:500], output[:500], {self._digest(output)}, span.span_id)
        elif len(known.outputs) < 8:
            known.outputs.add(self._digest(output))

    def _digest(self, text: str) -> bytes:
        return blake2b(repr(self._rules.plain(text)).encode("utf-8", "replace"), digest_size=12).digest()

    def whole(self, label: str, title: str) -> Whole:
        """Return the sums of all."""
        tallies = self.tallies.values()
        priced = [tally for tally in tallies if tally.priced]
        return Whole(
            label,
            title,
            self.traces,
            self.spans,
            sum(tally.errors for tally in tallies),
            sum(tally.tokens for (_, kind), tally in self.tallies.items() if kind in _MODEL_KINDS),
            sum(tally.cost for tally in priced) if priced else None,
            self._durations.quantile(0.5),
            self.start,
        )


def compare_groups(a: Group, b: Group, titles: Tuple[str, str], labels: Tuple[str, str], rules: Rules) -> Report:
    """Compare two sides."""
    whole_a, whole_b = a.whole(labels[0], titles[0]), b.whole(labels[1], titles[1])
    same = _same_names(a, b)
    pairs = [(name, tally, b.tallies.get(same.get(name, ("", "")))) for name, tally in a.tallies.items()]
    matched = set(same.values())
    alone = [(name, None, tally) for name, tally in b.tallies.items() if name not in matched]
    steps = [_step(name, ours, theirs, a.traces, b.traces, rules) for name, ours, theirs in [*pairs, *alone]]
    outputs = _outputs(a, b, same)
    other = {(output.name, output.kind) for output in outputs}
    marked = [
        attrs.evolve(step, changed=["output", *step.changed]) if (step.name, step.kind) in other else step
        for step in steps
    ]
    return Report("groups", whole_a, whole_b, outputs, marked, _left_out(a, b))


def _same_names(a: Group, b: Group) -> Dict[Name, Name]:
    """A's name → B's: the same one, or the only one that is the same without its module."""
    out = {name: name for name in a.tallies if name in b.tallies}
    bare: Dict[Name, List[Name]] = {}
    for name in b.tallies:
        if name not in out:
            bare.setdefault((bare_name(name[0]), name[1]), []).append(name)
    for name in a.tallies:
        fitting = bare.get((bare_name(name[0]), name[1]), [])
        if name not in out and len(fitting) == 1:
            out[name] = fitting.pop()
    return out


def _step(name: Name, a: Optional[Tally], b: Optional[Tally], in_a: int, in_b: int, rules: Rules) -> Step:
    ours = a.figures(in_a) if a is not None else None
    theirs = b.figures(in_b) if b is not None else None
    if ours is None or theirs is None:
        return Step(name[0], name[1], 0, ours, theirs, ["added" if ours is None else "removed"])
    changed = _changes(ours, theirs) + rules.times(ours.duration_ms, theirs.duration_ms)
    return Step(name[0], name[1], 0, ours, theirs, changed)


def _changes(a: Figures, b: Figures) -> List[str]:
    out = []
    rates = a.errors / a.calls, b.errors / b.calls
    if abs(rates[0] - rates[1]) >= _ERRORS or bool(a.errors) != bool(b.errors):
        out.append("error")
    out += [] if a.models == b.models else ["model"]
    out += ["tokens"] if changed_by(a.tokens, b.tokens, _SHARE) else []
    out += ["cost"] if changed_by(a.cost_usd, b.cost_usd, _SHARE) else []
    names = {*a.scores, *b.scores}
    if any(abs(a.scores.get(name, -1.0) - b.scores.get(name, -1.0)) >= _SCORE for name in names):
        out.append("scores")
    return out + (["calls"] if changed_by(a.per_trace, b.per_trace, _CALLS) else [])


def _outputs(a: Group, b: Group, same: Dict[Name, Name]) -> List[Output]:
    """One entry for each step that never returned for an input what it returned for it on the other side."""
    found: Dict[Name, Tuple[_Returned, _Returned, int]] = {}
    for (name, given), ours in a.returned.items():
        theirs = b.returned.get((same[name], given)) if name in same else None
        if theirs is not None and not ours.outputs & theirs.outputs:
            first = found.get(name)
            found[name] = (ours, theirs, 1) if first is None else (first[0], first[1], first[2] + 1)
    out = []
    for name, (ours, theirs, times) in found.items():
        ids: Tuple[Any, Any] = (ours.span_id, theirs.span_id)
        out.append(Output(name[0], name[1], True, True, ours.input, ours.output, theirs.output, times, *ids))
    shorter = {name: a.tallies[name].durations.quantile(0.5) or 0.0 for name in found}
    return sorted(out, key=lambda output: (output_order(output), shorter[output.name, output.kind]))


def _left_out(a: Group, b: Group) -> List[str]:
    out = []
    if a.left_out or b.left_out:
        out.append(f"{a.left_out + b.left_out:,} spans of more than {_MOST_NAMES:,} names were not compared.")
    if a.inputs_left_out or b.inputs_left_out:
        what = f"{a.inputs_left_out + b.inputs_left_out:,} outputs"
        out.append(f"{what} for more than {_MOST_INPUTS:,} inputs were not compared.")
    return out
