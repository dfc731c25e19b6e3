"""OpenTelemetry: ``from agent_inspector.exporters.otel import OTLPExporter``; it needs the distribution peekr-otlp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

import peekr

if TYPE_CHECKING:
    from peekr import OTLPExporter as OTLPExporter

__all__ = ["OTLPExporter"]


def __getattr__(name: str) -> Any:
    """Return the exporter of peekr, or say what to install for it."""
    if name not in __all__:
        raise AttributeError(f"module 'agent_inspector.exporters.otel' has no attribute {name!r}")
    return getattr(peekr, name)


def __dir__() -> List[str]:
    return __all__
