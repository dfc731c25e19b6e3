"""Which store a command reads that is given none (contract CLI-VIEW-8)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")
pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")

#: Commands that read, and what of the one trace they show.
READING = [
    (["view"], "abababab"),
    (["traces", "--list"], "abababab"),
    (["stats", "--json"], '"total_steps": 1'),
    (["export", "abababab"], "abababab"),
    (["memory"], "traces.jsonl has no recall"),
]


@pytest.fixture
def lines(write: Any, record: Any, invoke: Any) -> Path:
    """A file of lines with one trace, in the working directory."""
    return write([record("1" * 16, name="step")])  # type: ignore[no-any-return]


def show(invoke: Any) -> None:
    for command, expected in READING:
        assert expected in invoke(*command).stdout, command


def test_a_database_made_by_init_gives_way_to_the_lines(lines: Path, invoke: Any) -> None:
    """CLI-3: a program that then writes lines is seen."""
    from peekr.storage import open_database
    from peekr.traceconfig import TraceConfig

    exporter = open_database(TraceConfig(db_path="traces.db"))
    exporter.query("SELECT 1")
    exporter.shutdown()
    show(invoke)
    assert "0 runs deleted" in invoke("prune").stdout  # what changes a database is meant for it
    assert "now." in invoke("vacuum").stdout
    assert "copied" in invoke("backup", "copy.db").stdout


def test_a_database_of_ratings_gives_way_to_the_lines(lines: Path, invoke: Any) -> None:
    """FEED-6: rating a trace of a file of lines hides no trace from any command; the rating shows with it."""
    ratings = pytest.importorskip("peekr_feedback", reason="peekr-feedback is not installed")
    ratings.feedback("abababab", "bad", "made up", "traces.db", jsonl_path="traces.jsonl")
    assert Path("traces.db").exists()
    show(invoke)
    assert "has no spans yet" in invoke("view", "traces.db").stdout
    exported = json.loads(invoke("export", "abababab").stdout)
    assert [each["note"] for each in exported["feedback"]] == ["made up"]  # DB-5


def test_a_database_with_spans_comes_first(lines: Path, invoke: Any) -> None:
    """CLI-VIEW-8: traces.db if present."""
    invoke("import", "traces.jsonl", "--db", "traces.db")
    with open(lines, "w"):
        pass
    assert "abababab" in invoke("view").stdout
