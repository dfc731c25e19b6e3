"""Which stored spans are to be scored by what, and about what it will take."""

from __future__ import annotations

from copy import copy
from itertools import islice
from time import time
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set

import attrs

from peekr.conversation import answer_of, messages_of
from peekr.judging import Named
from peekr.prices import Usage, cost_usd, price_of
from peekr.runs import is_wrapper
from peekr.spans import Span
from peekr.stores import ReadStore
from peekr.wire import encode
from peekr_eval.judged import JudgedEvaluator
from peekr_eval.judges.function import FunctionJudge

#: Characters of a token, about, in English.
_CHARACTERS = 4
_TEXTS = ("input", "output", "system")


@attrs.define(slots=True)
class Bill:
    """What judges take: estimated before, counted after.

    :ivar cost_usd: None where the price of a judge is not known.
    """

    calls: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_usd: Optional[float] = 0.0

    def add(self, evaluator: JudgedEvaluator, calls: int, tokens_input: int, tokens_output: int) -> None:
        """Add what one evaluator's judge takes."""
        self.calls += calls
        self.tokens_input += tokens_input
        self.tokens_output += tokens_output
        cost = _cost(evaluator, tokens_input, tokens_output) if calls else 0.0
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost


def _cost(evaluator: JudgedEvaluator, tokens_input: int, tokens_output: int) -> Optional[float]:
    judge = evaluator.judge
    if isinstance(judge, FunctionJudge):
        return None
    price = price_of(judge.model, judge.provider) or price_of(judge.model)
    return None if price is None else cost_usd(price, Usage(tokens_input, tokens_output), time())


@attrs.define(slots=True)
class Plan:
    """What is to be done.

    :ivar selected: spans that fit the filters.
    :ivar todo: ids of those among them that lack a score; ``traces`` are theirs, in order.
    """

    named: Named
    force: bool = False
    selected: int = 0
    todo: Set[str] = attrs.Factory(set)
    traces: Dict[str, None] = attrs.Factory(dict)
    estimate: Bill = attrs.Factory(Bill)

    def needed(self, span: Span) -> Named:
        """Return the evaluators that have not scored a span yet; all of them if forced."""
        scores = span.attributes.get("eval_scores")
        known = scores if isinstance(scores, dict) and not self.force else {}
        return [(name, evaluator) for name, evaluator in self.named if name not in known]

    @property
    def judged(self) -> List[JudgedEvaluator]:
        """The evaluators that ask a model."""
        return [evaluator for _, evaluator in self.named if isinstance(evaluator, JudgedEvaluator)]


def make_plan(spans: Iterable[Span], named: Named, force: bool) -> Plan:
    """Look at all spans once."""
    plan = Plan(named, force)
    characters: Dict[int, List[int]] = {id(evaluator): [0, 0, 0] for evaluator in plan.judged}
    for span in spans:
        plan.selected += 1
        needed = plan.needed(span)
        if not needed:
            continue
        plan.todo.add(span.span_id)
        plan.traces[span.trace_id] = None
        asking = [evaluator for _, evaluator in needed if isinstance(evaluator, JudgedEvaluator)]
        whole = widened(span) if asking else span
        for evaluator in asking:
            _estimate(evaluator, whole, characters[id(evaluator)])
    for evaluator in plan.judged:
        calls, given, made = characters[id(evaluator)]
        plan.estimate.add(evaluator, calls, given // _CHARACTERS, made)
    return plan


def _estimate(evaluator: JudgedEvaluator, span: Span, sums: List[int]) -> None:
    try:
        question = evaluator.question(span)
    except Exception:  # an extractor that fails will be reported when the span is scored
        return
    if question is not None:
        sums[0] += 1
        sums[1] += len(question.text)
        sums[2] += question.max_tokens


def widened(span: Span) -> Span:
    """Return a copy with input, output and system in full length, from the payload (EVAL-12)."""
    whole = copy(span)
    whole.attributes = dict(span.attributes)
    if any(str(span.attributes.get(name, "")).endswith("…") for name in _TEXTS):
        messages, answer = messages_of(whole), answer_of(whole)  # of the copy: what is decoded is not written back
        if messages:
            whole.attributes["input"] = encode(messages).decode()
        if answer and str(span.attributes.get("output", "")).endswith("…"):
            whole.attributes["output"] = answer
    return whole


def changes(span: Span, judged: Span) -> Dict[str, Any]:
    """Return the attributes that judging set, and as None those that it took away."""
    before, after = span.attributes, judged.attributes
    out = {name: value for name, value in after.items() if name not in _TEXTS and before.get(name) != value}
    out.update({name: None for name in before if name not in after})
    return out


def selected(store: ReadStore, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
    """Yield the spans that fit, oldest first; with a limit the newest so many, newest first.

    Of a call that a framework and a provider recorded, only the provider's span is judged, as in a running program.
    """
    fitting = store.spans(**filters, newest_first=limit is not None)
    # not span.attributes: a sealed span stays unopened
    return islice((span for span in fitting if span.kind != "llm" or not is_wrapper(span._attributes or {})), limit)
