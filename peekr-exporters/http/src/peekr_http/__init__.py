"""Spans to a server: batched, compressed, tried again, and kept on disk while there is no network.

::

    peekr.instrument(exporter=peekr.HTTPExporter(endpoint="https://traces.example.com", api_key="pk_live_x"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_http.exporter import HTTPExporter as HTTPExporter

__all__ = ["HTTPExporter"]


def __getattr__(name: str) -> Any:
    """Load the exporter on first use: httpx takes a while to import."""
    if name == "HTTPExporter":
        from peekr_http.exporter import HTTPExporter

        return HTTPExporter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
