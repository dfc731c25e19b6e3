"""Spans in an SQLite database: many processes write to it at once, and SQL reads it.

::

    peekr.instrument(storage="sqlite", db_path="traces.db")

    peekr.query("traces.db", "SELECT tenant_id, SUM(tokens_total * price) FROM span_costs GROUP BY tenant_id")
"""

from __future__ import annotations

from peekr_sqlite.exporter import SQLiteExporter as SQLiteExporter
from peekr_sqlite.store import SQLiteStore as SQLiteStore

__all__ = ["SQLiteExporter", "SQLiteStore"]
