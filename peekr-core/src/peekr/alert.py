"""Alerts: the base class, and those of the installed plugins by class name: ``peekr.alert.ErrorRate`` and others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, List, Sequence

from peekr.naming import WithName
from peekr.terminal import neutral

if TYPE_CHECKING:  # first-party names, for checkers and editors
    from peekr.spans import Span
    from peekr_alert.budget import BudgetAlert as BudgetAlert
    from peekr_alert.latency import LatencyP95 as LatencyP95
    from peekr_alert.quality import ErrorRate as ErrorRate
    from peekr_alert.quality import ScoreFloor as ScoreFloor
    from peekr_alert.sinks import PagerDutySink as PagerDutySink
    from peekr_alert.sinks import SlackSink as SlackSink
    from peekr_alert.sinks import StderrSink as StderrSink
    from peekr_alert.sinks import WebhookSink as WebhookSink
    from peekr_alert.tokens import CostSpike as CostSpike
    from peekr_alert.tokens import TokenGrowth as TokenGrowth


class BaseAlert(WithName):
    """Looks at each trace when it is complete, and says so when something is wrong with it.

    ::

        class TooManyTools(peekr.alert.BaseAlert):
            def check(self, trace):
                calls = sum(span.kind == "tool" for span in trace)
                if calls > 20:
                    self.on_trigger(f"{calls} tool calls in one trace")

        peekr.instrument(alerts=[TooManyTools()])

    Called in a thread of peekr's own, one trace at a time. What it raises is logged, and the next trace comes all
    the same.
    """

    def check(self, trace: Sequence[Span]) -> None:
        """Look at one complete trace.

        :param trace: all its spans in end order, the root last; with scores, where there are evaluators.
        """
        raise NotImplementedError(f"{type(self).__name__}.check(trace) has to call self.on_trigger(message)")

    def on_trigger(self, message: str) -> None:
        """Tell somebody. Override it; the default prints ``[peekr alert] <message>`` to stderr."""
        print(f"[peekr alert] {neutral(message)}", file=sys.stderr, flush=True)


if not TYPE_CHECKING:
    from peekr._facade import resolver

    _alerts, _alert_names = resolver(__name__, group="peekr.alerts")
    _sinks, _sink_names = resolver(__name__, group="peekr.sinks")

    def __getattr__(name: str) -> Any:
        """Resolve the name of an alert, or of a sink that alerts are sent to: ``peekr.alert.SlackSink``."""
        try:
            return _alerts(name)
        except AttributeError:
            return _sinks(name)

    def __dir__() -> List[str]:
        return sorted({*_alert_names(), *_sink_names()})
