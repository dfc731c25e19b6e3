"""What evaluators say about one span: scores and errors. Pure: used in a running program and over stored files."""

from __future__ import annotations

import inspect
import math
from decimal import Decimal
from numbers import Real
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from peekr.context import untraced
from peekr.errors import ConfigurationError
from peekr.runs import is_wrapper
from peekr.spans import Span

_TEXTS = frozenset(("input", "output"))
_NO_TEXTS = "NotCaptured: neither input nor output of this call was kept (capture_io=False), so nothing can be judged"

#: Evaluators with their names, each of which is once in the list.
Named = List[Tuple[str, Any]]


def name_evaluators(evaluators: Sequence[Any]) -> Named:
    """Return the evaluators with the keys of their scores: a second one of a name gets ``_2`` (EVAL-3).

    :raises ConfigurationError: if one has no ``evaluate(span)``, or is a class.
    """
    named: Named = []
    seen: Dict[str, int] = {}
    for evaluator in evaluators:
        if isinstance(evaluator, type):
            name = evaluator.__name__
            raise ConfigurationError(f"evaluators has the class {name}, not an object.\nGive it as {name}()")
        if not callable(getattr(evaluator, "evaluate", None)):
            raise ConfigurationError(
                f"evaluator {evaluator!r} has no method evaluate(span).\n"
                "Subclass peekr.eval.BaseEvaluator, or use one of peekr-eval: peekr.eval.Rubric, …"
            )
        base = str(getattr(evaluator, "name", None) or type(evaluator).__name__)
        seen[base] = seen.get(base, 0) + 1
        named.append((base if seen[base] == 1 else f"{base}_{seen[base]}", evaluator))
    return named


def judge(span: Span, named: Named) -> Tuple[int, int]:
    """Ask each evaluator; put scores into ``attributes.eval_scores`` and failures into ``attributes.eval_errors``.

    A score is clamped to 0–1 and rounded to four decimals (EVAL-14, C-40). A failure never is a score (EVAL-8).
    Nothing that an evaluator calls is recorded. Never raises.

    :return: how many gave a score, how many failed.
    """
    done = failed = 0
    for name, evaluator in named:
        try:
            with untraced():
                score = _score(evaluator.evaluate(span))
        except (Exception, SystemExit) as error:
            failed += 1
            note_error(span, name, f"{type(error).__name__}: {error}")
        else:
            done += 1
            scores = span.attributes.get("eval_scores")
            span.attributes["eval_scores"] = {**(scores if isinstance(scores, dict) else {}), name: score}
            _forget_error(span, name)
    return done, failed


def readable(span: Span, named: Named) -> Named:
    """Return the evaluators that can be asked about a call, and say of the others why not.

    A call of which nothing was kept (``capture_io=False``) must not be judged as one without any text. One that failed
    may have none.
    """
    if span.status == "error" or span.attributes.keys() & _TEXTS:
        return named
    able = [each for each in named if not getattr(each[1], "reads_texts", True)]
    for each in named:
        if each not in able:
            note_error(span, each[0], _NO_TEXTS)
    return able


def unscored(span: Span, named: Named) -> Named:
    """Return the evaluators that a guardrail has not asked already, in the caller's thread (GUARD-8)."""
    scores = span.attributes.get("eval_scores")
    return [each for each in named if each[0] not in scores] if isinstance(scores, dict) else named


def wants(span: Span, wanted: Optional[Callable[[Span], bool]]) -> bool:
    """Whether a span is judged: an ended LLM call (EVAL-15) that no guardrail stopped and the filter lets through.

    Of a call that a framework and a provider record, only the provider's span is: a judge is paid once.

    :raises Exception: what the filter raises.
    """
    if not span.ended or span.kind != "llm" or is_wrapper(span.attributes) or span.attributes.get("blocked"):
        return False
    return wanted is None or bool(wanted(span))


def note_error(span: Span, name: str, reason: str) -> None:
    """Say in the span why it has no score of this name."""
    errors = span.attributes.get("eval_errors")
    span.attributes["eval_errors"] = {**(errors if isinstance(errors, dict) else {}), name: reason[:500]}


def _forget_error(span: Span, name: str) -> None:
    """An earlier attempt's error is answered by a score."""
    errors = span.attributes.get("eval_errors")
    if isinstance(errors, dict) and name in errors:
        left = {other: reason for other, reason in errors.items() if other != name}
        if left:
            span.attributes["eval_errors"] = left
        else:
            del span.attributes["eval_errors"]


def _score(value: Any) -> float:
    """:raises TypeError, ValueError: if it is no number."""
    if isinstance(value, bool):
        return float(value)
    if inspect.iscoroutine(value):
        value.close()  # else Python complains later that nobody awaited it
        raise TypeError("evaluate() is a coroutine function; it has to return a number from 0.0 to 1.0 itself")
    if not isinstance(value, (Real, Decimal)):
        raise TypeError(f"evaluate() returned {value!r:.80}, not a number from 0.0 to 1.0")
    number = float(value)
    if math.isnan(number):
        raise ValueError("evaluate() returned NaN, not a number from 0.0 to 1.0")
    return round(min(max(number, 0.0), 1.0), 4)
