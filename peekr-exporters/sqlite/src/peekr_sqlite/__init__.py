"""Spans in an SQLite database: many processes write to it at once, and SQL reads it.

::

    peekr.instrument(storage="sqlite", db_path="traces.db")

    peekr.query("traces.db", "SELECT tenant_id, SUM(tokens_total * price) FROM span_costs GROUP BY tenant_id")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_sqlite.exporter import SQLiteExporter as SQLiteExporter
    from peekr_sqlite.store import SQLiteStore as SQLiteStore

__all__ = ["SQLiteExporter", "SQLiteStore"]


def __getattr__(name: str) -> Any:
    """Load each on first use: a program that writes needs no reader."""
    if name == "SQLiteExporter":
        from peekr_sqlite.exporter import SQLiteExporter

        return SQLiteExporter
    if name == "SQLiteStore":
        from peekr_sqlite.store import SQLiteStore

        return SQLiteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
