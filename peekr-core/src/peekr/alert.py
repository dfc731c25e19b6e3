"""Alerts of the installed plugins, by class name: ``peekr.alert.ErrorRate`` comes from peekr-alert."""

from __future__ import annotations

from peekr._facade import resolver

__getattr__, __dir__ = resolver(__name__, group="peekr.alerts")
