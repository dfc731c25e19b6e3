"""Two traces, step by step: pure functions of their spans."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional, Pattern, Set, Tuple

import attrs

from peekr import Span, wire
from peekr.conversation import answer_of
from peekr.prices import cost_of
from peekr_cli import values
from peekr_cli.diff.align import Pair, aligned
from peekr_cli.diff.model import Figures, Output, Report, Step, Whole
from peekr_cli.tree import TraceTree, tokens_of

#: Milliseconds below which a step does not count as slower or faster, whatever its share.
FLOOR_MS = 5.0
_SCORE = 0.01
_COST = 0.01
_MODEL_KINDS = ("llm", "embedding")
#: In which order outputs are told: what a tool or the outside world returned comes first.
_RANK = {"tool": 0, "retrieval": 1, "memory_read": 1, "http": 1, "function": 2}
_PAYLOAD_OUTPUTS = ("output", "tool_result", "result", "memory_value", "response")


@attrs.frozen
class Rules:
    """What counts as different.

    :ivar slower: share by which a duration may grow, 0.2 for a fifth.
    :ivar ignore: what is taken out of inputs and outputs before they are compared: ids, times.
    """

    slower: float = 0.2
    ignore: Optional[Pattern[str]] = None

    def plain(self, text: Optional[str]) -> Any:
        """Return a captured text in the form that is compared: JSON as data, so that spacing does not matter."""
        if text is None:
            return None
        if self.ignore is not None:
            text = self.ignore.sub("", text)
        if text[:1] in "[{" and len(text) < 1_000_000:
            try:
                return wire.decode(text)
            except Exception:  # no JSON after all, cut, or nested too deep
                pass
        return text

    def same(self, a: Optional[str], b: Optional[str]) -> bool:
        """Whether two captured texts say the same."""
        return a == b or self.plain(a) == self.plain(b)

    def times(self, a: Optional[float], b: Optional[float]) -> List[str]:
        """Return ``["slower"]``, ``["faster"]`` or nothing."""
        if a is None or b is None or abs(b - a) < FLOOR_MS:
            return []
        if b > a * (1 + self.slower):
            return ["slower"]
        return ["faster"] if a > b * (1 + self.slower) else []


def text_of(span: Span, name: str) -> Optional[str]:
    """Return an attribute as text; what is no text as JSON."""
    value = span.attributes.get(name)
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def output_of(span: Span) -> Optional[str]:
    """Return what a step returned, as whole as it was stored."""
    if span.kind == "llm":
        return answer_of(span) or text_of(span, "output")
    shown = text_of(span, "output")
    if shown is not None and shown.endswith("…") and isinstance(span.payload, Mapping):
        whole = next((span.payload[name] for name in _PAYLOAD_OUTPUTS if span.payload.get(name) is not None), shown)
        return whole if isinstance(whole, str) else json.dumps(whole, sort_keys=True, default=str)
    return shown


def compare_traces(a: TraceTree, b: TraceTree, names: Tuple[str, str], labels: Tuple[str, str], rules: Rules) -> Report:
    """Compare two traces.

    :param names: of the traces, for the headline.
    """
    pairs = aligned(a, b)
    own_a, own_b = _own_times(a), _own_times(b)
    steps = [_step(pair, own_a, own_b, rules) for pair in pairs]
    outputs = _outputs(pairs, steps, a, rules)
    wholes = [_whole(tree, name, label) for tree, name, label in zip((a, b), names, labels)]
    return Report("traces", wholes[0], wholes[1], outputs, steps, [])


def _whole(tree: TraceTree, name: str, label: str) -> Whole:
    costs = [cost for cost in map(cost_of, tree.spans) if cost is not None]
    first = tree.root or tree.roots[0]
    title = f"{name}  {first.name}"
    cost = sum(costs) if any(span.kind in _MODEL_KINDS for span in tree.spans) else None
    return Whole(label, title, 1, len(tree.spans), tree.errors, tree.tokens, cost, tree.duration_ms, tree.start_time)


# -- steps -----------------------------------------------------------------------------------------------------------


def _own_times(tree: TraceTree) -> Dict[str, float]:
    """The time that each span was open while none of its children was."""
    out: Dict[str, float] = {}
    for span in tree.spans:
        end = span.end_time or span.start_time
        covered, upto = 0.0, span.start_time
        for child in tree.children.get(span.span_id, ()):
            child_end = min(child.end_time or child.start_time, end)
            covered += max(0.0, child_end - max(child.start_time, upto))
            upto = max(upto, child_end)
        out[span.span_id] = max(0.0, (span.duration_ms or 0.0) - covered * 1000)
    return out


def _figures(span: Optional[Span], own: Dict[str, float]) -> Optional[Figures]:
    if span is None:
        return None
    attributes = span.attributes
    error = attributes.get("error") or attributes.get("error_type")
    model = attributes.get("model")
    return Figures(
        errors=int(span.status == "error"),
        duration_ms=span.duration_ms,
        own_ms=own[span.span_id],
        tokens=tokens_of(span),
        cost_usd=cost_of(span) if span.kind in _MODEL_KINDS else None,
        scores=scores_of(span),
        models=[model] if isinstance(model, str) else [],
        error=str(error)[:500] if span.status == "error" and error else None,
    )


def scores_of(span: Span) -> Dict[str, float]:
    """Return the scores that are numbers."""
    scores = span.attributes.get("eval_scores")
    if not isinstance(scores, Mapping):
        return {}
    return {
        str(name): float(value)
        for name, value in scores.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _step(pair: Pair, own_a: Dict[str, float], own_b: Dict[str, float], rules: Rules) -> Step:
    a, b = _figures(pair.a, own_a), _figures(pair.b, own_b)
    span = pair.any
    if a is None or b is None or pair.a is None or pair.b is None:
        changed = ["added" if a is None else "removed"]
    else:
        changed = [*_contents(pair.a, pair.b, rules), *_numbers(a, b), *rules.times(a.duration_ms, b.duration_ms)]
    ids = [each.span_id if each is not None else None for each in (pair.a, pair.b)]
    return Step(span.name, span.kind, pair.depth, a, b, changed, ids[0], ids[1])


def _contents(a: Span, b: Span, rules: Rules) -> List[str]:
    out = [] if rules.same(output_of(a), output_of(b)) else ["output"]
    out += [] if rules.same(text_of(a, "input"), text_of(b, "input")) else ["input"]
    errors = [rules.plain(text_of(span, "error")) if span.status == "error" else None for span in (a, b)]
    if a.status != b.status or errors[0] != errors[1]:
        out.append("error")
    return out + ([] if a.attributes.get("model") == b.attributes.get("model") else ["model"])


def _numbers(a: Figures, b: Figures) -> List[str]:
    out = [] if a.tokens == b.tokens else ["tokens"]
    if changed_by(a.cost_usd, b.cost_usd, _COST):
        out.append("cost")
    names = {*a.scores, *b.scores}
    if any(abs(a.scores.get(name, -1.0) - b.scores.get(name, -1.0)) >= _SCORE for name in names):
        out.append("scores")
    return out


def changed_by(a: Optional[float], b: Optional[float], share: float) -> bool:
    """Whether two amounts differ by more than a share of the larger one, or only one is known."""
    if a is None or b is None:
        return a is not b
    return abs(a - b) > share * max(abs(a), abs(b))


# -- outputs ---------------------------------------------------------------------------------------------------------


def _outputs(pairs: List[Pair], steps: List[Step], tree: TraceTree, rules: Rules) -> List[Output]:
    different = {
        pair.a.span_id
        for pair, step in zip(pairs, steps)
        if pair.a is not None and {"output", "error"} & {*step.changed}
    }
    around = _around(different, tree)
    out: List[Output] = []
    for pair, step in zip(pairs, steps):
        if pair.a is None or pair.b is None or "output" not in step.changed:
            continue
        same_input, cause = "input" not in step.changed, pair.a.span_id not in around
        given, a, b = text_of(pair.a, "input"), _said(pair.a), _said(pair.b)
        out.append(Output(step.name, step.kind, same_input, cause, given, a, b, 1, pair.a.span_id, pair.b.span_id))
    return sorted(out, key=output_order)


def _said(span: Span) -> str:
    """What a step returned, or how it failed."""
    return output_of(span) or (f"failed: {values.error_text(span.attributes)}" if span.status == "error" else "")


def output_order(output: Output) -> Tuple[bool, bool, int]:
    """Tools before functions before models; where it begins before where it shows."""
    rank = _RANK.get(output.kind, 4 if output.kind in _MODEL_KINDS else 3)
    return not output.cause, not output.same_input, rank


def _around(different: Set[str], tree: TraceTree) -> Set[str]:
    """The spans inside of which one is different."""
    parents = {span.span_id: span.parent_id for span in tree.spans}
    out: Set[str] = set()
    for span_id in different:
        at = parents.get(span_id)
        while at is not None and at not in out:
            out.add(at)
            at = parents.get(at)
    return out


def pattern(texts: Tuple[str, ...]) -> Optional[Pattern[str]]:
    """Return one expression for several; None for none.

    :raises re.error: if one is wrong.
    """
    return re.compile("|".join(f"(?:{text})" for text in texts)) if texts else None
