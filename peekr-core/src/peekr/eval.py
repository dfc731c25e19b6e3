"""Evaluators of the installed plugins, by class name: ``peekr.eval.Rubric`` comes from peekr-eval."""

from __future__ import annotations

from peekr._facade import resolver

__getattr__, __dir__ = resolver(__name__, group="peekr.evaluators")
