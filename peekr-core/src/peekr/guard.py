"""Guardrails of the installed plugins, by class name: ``peekr.guard.PIIRedact`` comes from peekr-guard."""

from __future__ import annotations

from peekr._facade import resolver

__getattr__, __dir__ = resolver(__name__, group="peekr.guardrails")
