"""Spans by OTLP to an OpenTelemetry Collector, Jaeger, Tempo, Phoenix, MLflow or any other receiver.

::

    peekr.instrument(storage=["jsonl", "otlp"], storage_options={"otlp": {"endpoint": "http://localhost:4318"}})

Start reading at ``exporter.py``; ``conventions.py`` is the table of attribute names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_otlp.exporter import OTLPExporter as OTLPExporter
    from peekr_otlp.otel import OTelExporter as OTelExporter

__all__ = ["OTLPExporter", "OTelExporter"]


def __getattr__(name: str) -> Any:
    """Load each on first use."""
    if name == "OTLPExporter":
        from peekr_otlp.exporter import OTLPExporter

        return OTLPExporter
    if name == "OTelExporter":
        from peekr_otlp.otel import OTelExporter

        return OTelExporter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
