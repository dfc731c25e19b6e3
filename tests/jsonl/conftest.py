"""Spans and files for the tests of peekr-jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from peekr.spans import Span

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
    return tmp_path / "traces.jsonl"


@pytest.fixture
def write(path: Path) -> Callable[..., Path]:
    """Write records (dicts) and raw lines (text) to the file."""

    def write(*lines: Any) -> Path:
        texts: List[str] = [line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines]
        path.write_text("".join(texts), encoding="utf-8")
        return path

    return write
