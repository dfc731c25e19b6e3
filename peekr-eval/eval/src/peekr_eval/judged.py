"""What evaluators with a judge have in common: choosing it, asking it, remembering what it said, asking again."""

from __future__ import annotations

import threading
from statistics import mean
from typing import Any, Callable, List, Optional, Sequence

import attrs

from peekr.context import untraced
from peekr.errors import ConfigurationError
from peekr.eval import BaseEvaluator
from peekr.spans import Span
from peekr_eval.cache import Verdict, cache_of, key_of
from peekr_eval.judges.base import Answer, Judge
from peekr_eval.judges.choice import check, choose
from peekr_eval.prompts import VERSION, Question

#: What an answer says: the verdict, with its score.
Reader = Callable[[Answer], Verdict]

_adding = threading.Lock()


@attrs.define(slots=True)
class Spent:
    """What the judge of one evaluator took so far: calls, and tokens as far as it counts them."""

    calls: int = 0
    tokens_input: int = 0
    tokens_output: int = 0


class JudgedEvaluator(BaseEvaluator):
    """An evaluator that asks a model.

    :param model: of the judge; by default the judge's own (gpt-4o-mini, claude-haiku, …).
    :param judge_provider: ``"auto"`` (OpenAI, else Anthropic; credentials decide), ``"openai"``, ``"anthropic"``,
        ``"gemini"`` or ``"bedrock"``.
    :param judge: a function that takes the prompt and returns the answer (may be async), or a
        :class:`~peekr_eval.judges.base.Judge`; then the two above do not count.
    :param repeat: how often to ask where the first score lies within ``margin`` of ``threshold``. The score is
        the mean then, and ``attributes.eval_spread[name]`` the distance from the lowest to the highest.
    :param cache: whether to remember verdicts by what was judged; or a path, or a cache of one's own.
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    """

    def __init__(
        self,
        *,
        name: Optional[str] = None,
        model: Optional[str] = None,
        judge_provider: str = "auto",
        judge: Any = None,
        repeat: int = 1,
        threshold: float = 0.5,
        margin: float = 0.2,
        cache: Any = True,
    ) -> None:
        check(judge_provider, judge)
        _check_text("name", name)
        _check_text("model", model)
        if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
            raise ConfigurationError(f"repeat must be a whole number, 1 or more, got {repeat!r}.")
        for label, number in (("threshold", threshold), ("margin", margin)):
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 1:
                raise ConfigurationError(f"{label} must be a number from 0 to 1, got {number!r}.")
        if name:
            self.name = name
        self.model = model
        self.judge_provider = judge_provider
        self.repeat, self.threshold, self.margin = repeat, threshold, margin
        self._given = judge
        self._judge: Optional[Judge] = None
        self._cache = cache_of(cache)
        #: What this evaluator took from its judge.
        self.spent = Spent()

    @property
    def judge(self) -> Judge:
        """The judge, chosen on first use.

        :raises JudgeUnavailable: if there is none.
        """
        if self._judge is None:
            self._judge = choose(self.judge_provider, self.model, self._given)
        return self._judge

    def question(self, span: Span) -> Optional[Question]:
        """Return what the judge would be asked about a span, or None if it needs no judge. For estimates."""
        raise NotImplementedError

    def verdict(self, span: Span, question: Question, content: Sequence[str], read: Reader) -> Verdict:
        """Return what the judge says, now or earlier; count its tokens in ``attributes.eval_tokens`` of the span.

        :param content: everything that the verdict depends on, but for judge and prompt.
        :param read: reads an answer; what it raises is not remembered.
        """
        judge = self.judge
        key = key_of([type(self).__name__, VERSION, judge.provider, judge.model, f"{self.repeat}", *content])
        known = self._cache.get(key) if self._cache is not None else None
        if known is None:
            known = self._asked(span, judge, question, read)
            if self._cache is not None:
                self._cache.put(key, known)
        if "spread" in known:
            given = span.attributes.get("eval_spread")
            spreads = given if isinstance(given, dict) else {}
            span.attributes["eval_spread"] = {**spreads, self.name: known["spread"]}
        return known

    def _ask(self, judge: Judge, question: Question, span: Span) -> Answer:
        """Ask once. The call is neither recorded nor judged (EVAL-5)."""
        with untraced():
            answer = judge.ask(question)
        _count(span, self.spent, answer)
        return answer

    def _asked(self, span: Span, judge: Judge, question: Question, read: Reader) -> Verdict:
        first = read(self._ask(judge, question, span))
        if self.repeat == 1 or abs(_clamped(first) - self.threshold) > self.margin:
            return first
        verdicts: List[Verdict] = [first]
        for _ in range(self.repeat - 1):
            verdicts.append(read(self._ask(judge, question, span)))
        scores = [_clamped(verdict) for verdict in verdicts]
        score = mean(scores)
        nearest = min(verdicts, key=lambda verdict: abs(_clamped(verdict) - score))
        return {**nearest, "score": score, "spread": round(max(scores) - min(scores), 4)}


def _count(span: Span, spent: Spent, answer: Answer) -> None:
    """Add what an answer took to ``attributes.eval_tokens`` of the judged span (C-31)."""
    given, made = answer.tokens_input, answer.tokens_output
    with _adding:
        spent.calls += 1
        spent.tokens_input += given or 0
        spent.tokens_output += made or 0
        if given is not None or made is not None:
            before = span.attributes.get("eval_tokens")
            span.attributes["eval_tokens"] = (before if isinstance(before, int) else 0) + (given or 0) + (made or 0)


def _clamped(verdict: Verdict) -> float:
    return min(max(float(verdict["score"]), 0.0), 1.0)


def _check_text(label: str, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ConfigurationError(f"{label} must be a text, got {value!r}.")
