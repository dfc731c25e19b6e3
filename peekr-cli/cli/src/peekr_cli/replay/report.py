"""Old calls beside the new ones: as text and as JSON."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Sequence

from peekr import Span
from peekr.conversation import answer_of
from peekr.prices import cost_of
from peekr.replay import Outcome, Plan
from peekr.terminal import neutral
from peekr_cli import values
from peekr_cli.terminal import Screen, neutral_lines
from peekr_cli.texts import compared
from peekr_cli.tree import tokens_of

#: Version of the shape of ``--json``; additive changes keep it.
SCHEMA = 1


def said(span: Span) -> str:
    """Return what a call answered, in full; what it asked tools for, where it said nothing."""
    output = span.attributes.get("output")
    return answer_of(span) or (output if isinstance(output, str) else "")


def replayed_lines(todo: Plan, outcomes: Sequence[Outcome], screen: Screen) -> Iterator[str]:
    """Yield ``Replayed trace 3f2a91bc → new trace 9c22d0aa`` with sums, then each call, old and new."""
    yield "  ".join([_title(todo.trace_id, outcomes, screen), *_sums(outcomes)])
    for number, outcome in enumerate(outcomes, 1):
        yield from _call(number, outcome, screen)
    for span, reason in todo.left_out:
        yield screen.paint(f"Not sent: {neutral(span.name)}. {' '.join(neutral_lines(reason).split())}", "warning")


def _title(trace_id: str, outcomes: Sequence[Outcome], screen: Screen) -> str:
    new = outcomes[0].new.trace_id
    paint = screen.paint
    return f"Replayed trace {paint(neutral(trace_id[:8]), 'heading')} → new trace {paint(new[:8], 'heading')}"


def _sums(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if len(outcomes) < 2:
        return
    yield f"{len(outcomes):,} calls"
    yield from _numbers([outcome.old for outcome in outcomes], [outcome.new for outcome in outcomes])


def _numbers(old: Sequence[Span], new: Sequence[Span]) -> Iterator[str]:
    yield f"tokens {sum(map(tokens_of, old)):,} → {sum(map(tokens_of, new)):,}"
    before, after = (sum(span.duration_ms or 0.0 for span in spans) for spans in (old, new))
    yield f"duration {values.milliseconds(before)} → {values.milliseconds(after)}"
    costs = [[cost_of(span) for span in spans] for spans in (old, new)]
    if all(cost is not None for each in costs for cost in each):
        yield "cost " + " → ".join(dollars(sum(filter(None, each))) for each in costs)


def dollars(amount: float) -> str:
    """Return ``$1.23``, or as many digits as a small amount needs."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.{6 if amount >= 1e-5 else 9}f}".rstrip("0").rstrip(".")


def _call(number: int, outcome: Outcome, screen: Screen) -> Iterator[str]:
    old, new = outcome.old, outcome.new
    before, after = (neutral(str(span.attributes.get("model") or "")) for span in (old, new))
    model = before if before == after or not after else f"{before} → {after}"
    head = f"{number}. {screen.paint(neutral(old.name), 'llm')}" + (
        screen.paint(f" [{model}]", "quiet") if model else ""
    )
    yield "  ".join([head, *_numbers([old], [new])])
    was = values.error_text(old.attributes) if old.status == "error" else said(old)
    if outcome.error is not None:
        yield f"   {screen.paint('old:', 'quiet')} {neutral(was)[:500]}"
        yield f"   {screen.paint('new:', 'quiet')} {screen.paint(neutral(outcome.error)[:500], 'error')}"
        return
    if was or said(new):
        yield from compared(was, said(new), screen)


def plan_lines(plans: Sequence[Plan], cost: Optional[float], unknown: int) -> str:
    """Return what is about to be sent: ``34 calls in 20 traces, about $0.12``."""
    calls = sum(len(plan.steps) for plan in plans)
    text = f"{count(calls, 'call')} in {count(len(plans), 'trace')}"
    if cost is not None:
        text += f", about {dollars(cost)}"
        if unknown:
            text += f" and {count(unknown, 'call')} whose price is not known"
    elif unknown:
        text += ", at a price that is not known"
    return text


def count(number: int, what: str) -> str:
    """Return ``1 call`` or ``34 calls``."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def replay_data(todo: Plan, outcomes: Sequence[Outcome]) -> Dict[str, Any]:
    """Return one replay as JSON data."""
    return {
        "trace_id": todo.trace_id,
        "new_trace_id": outcomes[0].new.trace_id if outcomes else None,
        "changed": todo.changes.names(),
        "calls": [_call_data(outcome) for outcome in outcomes],
        "left_out": [
            {"span_id": span.span_id, "name": span.name, "reason": " ".join(reason.split())}
            for span, reason in todo.left_out
        ],
        "error": None,
    }


def _call_data(outcome: Outcome) -> Dict[str, Any]:
    old, new = _span_data(outcome.old), _span_data(outcome.new)
    return {
        "name": outcome.old.name,
        "old": old,
        "new": new,
        "error": outcome.error,
        "same": old["output"] == new["output"],
    }


def _span_data(span: Span) -> Dict[str, Any]:
    return {
        "span_id": span.span_id,
        "model": span.attributes.get("model"),
        "status": span.status,
        "output": said(span) or None,
        "tokens": tokens_of(span) or None,
        "duration_ms": span.duration_ms,
        "cost_usd": cost_of(span),
        "error": span.attributes.get("error"),
    }


def failed_data(trace_id: str, reason: str) -> Dict[str, Any]:
    """Return a replay that did not take place as JSON data."""
    empty: List[Any] = []
    return {
        "trace_id": trace_id,
        "new_trace_id": None,
        "changed": empty,
        "calls": empty,
        "left_out": empty,
        "error": reason,
    }
