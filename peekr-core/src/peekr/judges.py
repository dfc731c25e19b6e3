"""What judges spans in one configuration: guardrails, evaluators, alerts; each checked, named and placed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

import attrs

from peekr.config import Config
from peekr.lane import Lane
from peekr.parts import Part
from peekr.spans import Span

if TYPE_CHECKING:
    from peekr.alerting import Alerting
    from peekr.evaluation import Evaluation
    from peekr.judging import Named


@attrs.define(eq=False, repr=False)
class Judges:
    """The judges of one :func:`peekr.instrument`.

    :ivar workers: guardrails that change spans, for the head of the worker's processors.
    :ivar callers: what is asked in the caller's thread, before or after a call.
    :ivar counters: what counts every span behind all processors, in the worker: budgets.
    :ivar inline: evaluators that the caller waits for (``async_eval=False``).
    """

    workers: List[Part] = attrs.Factory(list)
    callers: Sequence[Any] = ()
    counters: List[Part] = attrs.Factory(list)
    evaluation: Optional[Evaluation] = None
    inline: Named = attrs.Factory(list)
    alerting: Optional[Alerting] = None
    _wanted: Optional[Callable[[Span], bool]] = None
    _captures: bool = True
    _done: List[int] = attrs.field(factory=lambda: [0, 0], init=False)

    @classmethod
    def of(cls, config: Config) -> Judges:
        """Build them.

        :raises ConfigurationError: if one of the objects is not what it is given as.
        """
        judges = cls(wanted=config.evaluate_filter, captures=config.capture_io)
        if config.evaluators:
            judges._add_evaluators(config)
        alerts = [*config.alerts, *([config.budget_alert] if _watches(config) else [])]
        if alerts:
            from peekr.alerting import Alerting, check_alerts

            check_alerts(alerts)
            judges.alerting = Alerting(alerts)
        watching = [*alerts, *([] if config.exporter is None else [config.exporter])]
        judges.counters = [
            Part(str(getattr(each, "name", type(each).__name__)), "peekr.alerts", each.count_span)
            for each in watching
            if callable(getattr(each, "count_span", None))
        ]
        if config.guardrails or config.compliance or any(hasattr(each, "check_input") for each in watching):
            judges._add_guards(config)
        return judges

    def _add_guards(self, config: Config) -> None:
        from peekr.guard_choice import in_callers_thread, in_worker

        self.workers = [Part(name, "peekr.guardrails", guard.run) for name, guard in in_worker(config)]
        self.callers = in_callers_thread(config)

    def _add_evaluators(self, config: Config) -> None:
        from peekr.judging import name_evaluators

        named = name_evaluators(config.evaluators)
        if not config.async_eval:
            self.inline = named
            return
        from peekr.delivery import delivery
        from peekr.evaluation import Evaluation

        self.evaluation = Evaluation(named, config.evaluate_filter, delivery.wake)

    @property
    def head(self) -> List[Part]:
        """What the worker does to a span before all else."""
        if not self.callers:
            return self.workers
        from peekr.guarding import without_originals

        return [Part("originals", "peekr.guardrails", without_originals), *self.workers]

    @property
    def whole_texts(self) -> bool:
        """Whether somebody reads whole texts."""
        return bool(self.workers or self.callers or self.inline or self.evaluation)

    @property
    def lanes(self) -> List[Lane]:
        """Threads beside the exporters'."""
        return [self.alerting.lane] if self.alerting is not None else []

    def stats(self) -> Dict[str, Any]:
        """The ledgers of guardrails and alerts by name."""
        parts = [*self.workers, *(self.alerting.parts if self.alerting is not None else ())]
        return {part.name: part.stats() for part in parts}

    def counts(self) -> Dict[str, int]:
        """Evaluations as :func:`peekr.stats` shows them: spans that wait, scores given, failures."""
        evaluation = self.evaluation
        if evaluation is None:
            return {"pending": 0, "done": self._done[0], "failed": self._done[1]}
        return {"pending": evaluation.waiting, "done": evaluation.done, "failed": evaluation.failed}

    def trace_end(self, hooks: Sequence[Callable[[Any], object]]) -> Optional[Callable[[List[Span]], object]]:
        """Return what collects complete traces for the alerts and for hooks, if there are any."""
        listeners = [*hooks, *([self.alerting.take] if self.alerting is not None else [])]
        if not listeners:
            return None
        from peekr.trace_end import TraceEnds

        return TraceEnds(listeners, self.evaluation.is_pending if self.evaluation is not None else None).take

    def end_hooks(self, clean: Sequence[Part]) -> Tuple[Callable[[Span], object], ...]:
        """Return what is done in the caller's thread when a span ends.

        :param clean: guardrails and redaction, which come before every judge.
        """
        if self.evaluation is not None:
            self.evaluation.cleaning = tuple(clean)
        if not self.inline:
            return ()
        from peekr.judging import judge, readable, unscored, wants
        from peekr.withheld import View, withheld

        def judge_now(span: Span) -> None:
            span.resolve()
            view = withheld.take(span, clean)
            if wants(span if view is None else view.whole, self._wanted):
                if view is None:
                    for part in clean:
                        part.run([span])
                    view = View(span, span)
                wanted = unscored(span, self.inline)
                asked = wanted if view.private or not withheld.on else readable(view.whole, wanted)
                done, failed = judge(view.whole, asked)
                self._done[0] += done
                self._done[1] += failed + len(wanted) - len(asked)
                view.settle()

        return (judge_now,)

    def switch_on(self) -> None:
        """Put them in force, in the place of the ones before."""
        from peekr.fulltext import widen

        widen(self.whole_texts)
        scores = bool(self.inline or self.evaluation)
        if self.callers or scores or "peekr.guarding" in sys.modules:
            from peekr.guard_choice import put_in_force
            from peekr.guarding import guards
            from peekr.withheld import withheld

            put_in_force(self.callers)
            guards.reading = scores and not self._captures
            withheld.switch(not self._captures and bool(scores or self.callers), calls=scores)


def _watches(config: Config) -> bool:
    budget = config.budget_alert
    return budget is not None and not any(budget is alert for alert in config.alerts)
