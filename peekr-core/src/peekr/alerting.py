"""Alerts beside the program: each complete trace goes to every alert, in a thread of their own."""

from __future__ import annotations

import logging
from typing import Any, Sequence

from peekr.errors import ConfigurationError
from peekr.lane import Lane
from peekr.parts import Part
from peekr.spans import Span
from peekr.trace_end import Complete

logger = logging.getLogger("peekr")


def check_alerts(alerts: Sequence[Any]) -> None:
    """Raise unless every alert can be asked.

    :raises ConfigurationError: if one has no ``check(trace)``, or is a class.
    """
    for alert in alerts:
        if isinstance(alert, type):
            raise ConfigurationError(f"alerts has the class {alert.__name__}, not an object.\nGive it as an object")
        if not callable(getattr(alert, "check", None)):
            raise ConfigurationError(
                f"alert {alert!r} has no method check(trace).\n"
                "Subclass peekr.alert.BaseAlert, or use one of peekr-alert"
            )


class Alerting:
    """Hands complete traces to the alerts. A slow alert delays only other alerts (contract ALERT-9).

    :ivar parts: the alerts with their ledgers; one that fails ten times in a row is left out.
    :ivar lane: the thread and bounded queue that they run in.
    """

    def __init__(self, alerts: Sequence[Any]) -> None:
        self._alerts = tuple(alerts)
        self.parts = [Part(_name(alert), "peekr.alerts", alert.check) for alert in alerts]
        self.lane = Lane("alerts", self, self._check)

    def take(self, ended: Complete) -> None:
        """Queue one trace. Called in the worker."""
        self.lane.put(ended[1])

    def _check(self, trace: Sequence[Span]) -> int:
        for part in self.parts:
            part(trace)
        return 0

    def flush(self) -> None:
        """Let alerts with sinks of their own send what waits."""
        self._tell("flush")

    def shutdown(self) -> None:
        """The last call."""
        self._tell("shutdown")

    def _tell(self, method: str) -> None:
        for alert in self._alerts:
            call = getattr(alert, method, None)
            if callable(call):
                try:
                    call()
                except Exception as error:
                    logger.warning("%s() of alert %r failed: %s", method, _name(alert), error)


def _name(alert: Any) -> str:
    return str(getattr(alert, "name", None) or type(alert).__name__)
