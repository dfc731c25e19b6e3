"""What a run of ``peekr eval`` did, as data and as text."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import attrs

from peekr.judging import Named
from peekr.terminal import neutral
from peekr_eval.offline.plan import Bill, Plan
from peekr_eval.offline.scoring import Scored


@attrs.define(slots=True)
class Tally:
    """Scores and errors of one run by evaluator."""

    named: Named
    spans: int = 0
    scores: Dict[str, List[float]] = attrs.Factory(dict)
    errors: Dict[str, Dict[str, int]] = attrs.Factory(dict)

    def add(self, each: Scored, plan: Plan) -> None:
        """Count one span."""
        self.spans += 1
        now = {**each.span.attributes, **each.changes}
        given, wrong = now.get("eval_scores") or {}, now.get("eval_errors") or {}
        for name, _ in plan.needed(each.span):
            if name in wrong:
                kind = str(wrong[name]).partition(":")[0]
                kinds = self.errors.setdefault(name, {})
                kinds[kind] = kinds.get(kind, 0) + 1
            elif isinstance(given.get(name), (int, float)):
                self.scores.setdefault(name, []).append(float(given[name]))

    @property
    def failed(self) -> int:
        """Evaluations that gave no score."""
        return sum(sum(kinds.values()) for kinds in self.errors.values())


def bill(plan: Plan) -> Bill:
    """Return what the judges took in this run."""
    out = Bill()
    for evaluator in plan.judged:
        spent = evaluator.spent
        if spent.calls:
            out.add(evaluator, spent.calls, spent.tokens_input, spent.tokens_output)
    return out


def document(store: str, where: str, plan: Plan, tally: Tally, dry_run: bool) -> Dict[str, Any]:
    """Return the summary for ``--json``."""
    return {
        "schema": 1,
        "store": store,
        "output": where,
        "dry_run": dry_run,
        "selected": plan.selected,
        "skipped": plan.selected - len(plan.todo),
        "evaluated": tally.spans,
        "failed": tally.failed,
        "evaluators": {name: _evaluator(name, tally) for name, _ in plan.named},
        "estimate": attrs.asdict(plan.estimate),
        "judge": None if dry_run else attrs.asdict(bill(plan)),
    }


def _evaluator(name: str, tally: Tally) -> Dict[str, Any]:
    scores = tally.scores.get(name, [])
    return {
        "scored": len(scores),
        "mean": round(sum(scores) / len(scores), 4) if scores else None,
        "lowest": min(scores) if scores else None,
        "highest": max(scores) if scores else None,
        "errors": tally.errors.get(name, {}),
    }


def lines(where: str, plan: Plan, tally: Tally, written: bool = False) -> List[str]:
    """Return the summary for a person.

    :param written: whether something was written, though nothing was scored.
    """
    out = [
        f"{tally.spans} of {plan.selected} spans evaluated, {plan.selected - len(plan.todo)} had their scores already."
    ]
    for name, _ in plan.named:
        each = _evaluator(name, tally)
        if each["scored"]:
            out.append(
                f"  {name}: mean {each['mean']:.2f}, lowest {each['lowest']:.2f}, highest {each['highest']:.2f} "
                f"({each['scored']} spans)"
            )
        for kind, count in sorted(each["errors"].items()):
            out.append(f"  {name}: {count} × no score, {kind}")
    took = bill(plan)
    if took.calls:
        out.append("Judge: " + bill_line(took) + ".")
    if tally.spans or written:
        out.append(f"Written to {where}.")
    return [neutral(line) for line in out]


def bill_line(of: Bill, about: str = "") -> str:
    """Return calls, tokens and cost of judges in words."""
    tokens = of.tokens_input + of.tokens_output
    calls = "1 call" if of.calls == 1 else f"{of.calls:,} calls"
    return f"{calls}, {about}{tokens:,} tokens{_cost(of.cost_usd, about)}"


def _cost(cost: Optional[float], about: str) -> str:
    return ", price not known" if cost is None else f", {about}${cost:.4f}"
