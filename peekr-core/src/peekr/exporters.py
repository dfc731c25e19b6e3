"""Exporters: add your own, and the installed ones by name (``peekr.exporters.JSONLExporter``).

An exporter is any object with ``export_batch(spans)`` or ``export(span)``, and optionally ``flush()`` and
``shutdown()``. One that has ``initialize()`` beside ``export_batch`` is given event dicts instead of spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from peekr.attaching import add_exporter as add_exporter
from peekr.attaching import clear_exporters as clear_exporters
from peekr.console import ConsoleExporter as ConsoleExporter

if TYPE_CHECKING:
    from peekr_http import HTTPExporter as HTTPExporter
    from peekr_jsonl import JSONLExporter as JSONLExporter
    from peekr_otlp import OTelExporter as OTelExporter
    from peekr_otlp import OTLPExporter as OTLPExporter
    from peekr_sqlite import SQLiteExporter as SQLiteExporter
else:
    from peekr._facade import resolver

    __getattr__, __dir__ = resolver(__name__, group="peekr.exporters")

#: Without those of plugins: a selection need not have them, and ``import *`` would fail.
__all__: List[Any] = ["ConsoleExporter", "add_exporter", "clear_exporters"]
