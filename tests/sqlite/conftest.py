"""Spans and files for the tests of peekr-sqlite."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from peekr.spans import Span
from peekr_sqlite import SQLiteExporter

START = 1_700_000_000.0


def span_record(number: int, trace: int = 0, **changes: Any) -> Dict[str, Any]:
    """A finished span; each second one starts, the root of a trace has ``parent_id`` None."""
    trace = trace or number
    record = {
        "trace_id": f"{trace:032x}",
        "span_id": f"{number:016x}",
        "parent_id": None,
        "name": f"step {number}",
        "start_time": START + number,
        "end_time": START + number + 0.5,
        "duration_ms": 500.0,
        "status": "ok",
        "tenant_id": None,
        "retention_class": None,
        "user_id": None,
        "session_id": None,
        "attributes": {"kind": "function", "run_id": f"{trace:016x}"},
    }
    return {**record, **changes}


@pytest.fixture
def record() -> Callable[..., Dict[str, Any]]:
    """Make a record: ``record(number, trace=0, **changes)``."""
    return span_record


@pytest.fixture
def span() -> Callable[..., Span]:
    """Make a span: ``span(number, trace=0, **changes)``."""
    return lambda number, trace=0, **changes: Span.from_dict(span_record(number, trace, **changes))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the traces go."""
    return tmp_path / "traces.db"


@pytest.fixture
def write(path: Path) -> Callable[..., Path]:
    """Write records to the database."""

    def write(*records: Dict[str, Any]) -> Path:
        exporter = SQLiteExporter(path)
        exporter.export_batch([Span.from_dict(each) for each in records])
        exporter.shutdown()
        return path

    return write


@pytest.fixture
def old_database(path: Path) -> Path:
    """A database as the original wrote it before its version 0.3: a tool call around two model calls, and one alone."""
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE spans (trace_id TEXT NOT NULL, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT NOT NULL,"
        " start_time REAL NOT NULL, end_time REAL, duration_ms REAL, status TEXT NOT NULL DEFAULT 'ok',"
        " attributes TEXT)"
    )
    model = '{"model": "gpt-4o", "tokens_total": 5, "user_id": "alice", "session_id": "s"}'
    rows = [
        ("t1", "root", None, "app.main", 10.0, 14.0, 4000.0, "ok", "{}"),
        ("t1", "tool", "root", "tool.search", 11.0, 13.0, 2000.0, "error", '{"error": "boom"}'),
        ("t1", "llm", "tool", "openai.chat.completions", 12.0, 12.5, 500.0, "ok", model),
        ("t2", "alone", None, "openai.embeddings", 20.0, 20.5, 500.0, "ok", model),
    ]
    connection.executemany("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return path
