"""Exporters: add your own, and the installed ones by name (``peekr.exporters.JSONLExporter``).

An exporter is any object with ``export_batch(spans)`` or ``export(span)``, and optionally ``flush()`` and
``shutdown()``. One that has ``initialize()`` beside ``export_batch`` is given event dicts instead of spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from peekr.console import ConsoleExporter as ConsoleExporter
from peekr.lifecycle import add_exporter as add_exporter
from peekr.lifecycle import clear_exporters as clear_exporters

if TYPE_CHECKING:
    from peekr_jsonl import JSONLExporter as JSONLExporter
    from peekr_sqlite import SQLiteExporter as SQLiteExporter
else:
    from peekr._facade import resolver

    __getattr__, __dir__ = resolver(__name__, group="peekr.exporters")

__all__: List[Any] = ["ConsoleExporter", "JSONLExporter", "SQLiteExporter", "add_exporter", "clear_exporters"]
