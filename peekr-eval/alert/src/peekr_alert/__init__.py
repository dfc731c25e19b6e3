"""Alerts on traces, budgets that stop calls, and where the messages go.

::

    import peekr
    from peekr_alert import SlackSink

    peekr.instrument(
        alerts=[peekr.alert.ErrorRate(0.1, cooldown=600).with_sinks(SlackSink(url))],
        budget_alert=peekr.BudgetAlert(limit_usd=10.0),
    )
"""

from __future__ import annotations

from peekr_alert.base import Alert as Alert
from peekr_alert.budget import BudgetAlert as BudgetAlert
from peekr_alert.budget import budget_alert as budget_alert
from peekr_alert.latency import LatencyP95 as LatencyP95
from peekr_alert.quality import ErrorRate as ErrorRate
from peekr_alert.quality import ScoreFloor as ScoreFloor
from peekr_alert.sinks import Notice as Notice
from peekr_alert.sinks import PagerDutySink as PagerDutySink
from peekr_alert.sinks import Sink as Sink
from peekr_alert.sinks import SlackSink as SlackSink
from peekr_alert.sinks import StderrSink as StderrSink
from peekr_alert.sinks import WebhookSink as WebhookSink
from peekr_alert.tokens import CostSpike as CostSpike
from peekr_alert.tokens import TokenGrowth as TokenGrowth

__all__ = [
    "Alert",
    "BudgetAlert",
    "CostSpike",
    "ErrorRate",
    "LatencyP95",
    "Notice",
    "PagerDutySink",
    "ScoreFloor",
    "Sink",
    "SlackSink",
    "StderrSink",
    "TokenGrowth",
    "WebhookSink",
    "budget_alert",
]
