"""Which store is read, and that it is only read (CLI-14)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from peekr.errors import StoreError
from peekr_mcp import queries
from peekr_mcp.source import Source


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRACE_DB_PATH", raising=False)


def names(source: Source) -> list[str]:
    with source.reading() as store:
        return [trace["name"] for trace in queries.recent_traces(store)["traces"]]


def test_a_file_that_is_not_there_yet_is_read_as_soon_as_it_is(write: Any, record: Any, tmp_path: Path) -> None:
    """CLI-14; looking for it does not make it."""
    source = Source(str(tmp_path / "traces.db"))
    with pytest.raises(StoreError, match=r"traces\.db does not exist \(yet\)"):
        names(source)
    assert list(tmp_path.iterdir()) == []
    write([record(1, name="first")], "traces.db")
    assert names(source) == ["first"]


@pytest.mark.parametrize("name", ["traces.db", "traces.jsonl"])
def test_each_call_sees_the_present_state(write: Any, record: Any, name: str) -> None:
    """CLI-14"""
    source = Source(str(write([record(1, name="first")], name)))
    assert names(source) == ["first"]
    write([record(1, name="first"), record(2, name="second")], name)
    assert names(source) == ["second", "first"]


def test_without_a_path_the_store_of_the_directory_is_read(write: Any, record: Any, monkeypatch: Any) -> None:
    """CLI-14, CLI-VIEW-8: traces.db if present, else traces.jsonl; looked up at each call."""
    write([record(1, name="lines")], "traces.jsonl")
    assert names(Source()) == ["lines"]
    write([record(1, name="database")], "traces.db")
    assert names(Source()) == ["database"]
    other = write([record(1, name="configured")], "other.db")
    monkeypatch.setenv("TRACE_DB_PATH", str(other))
    assert names(Source()) == ["configured"]


def test_the_home_directory_may_be_written_as_a_tilde(write: Any, record: Any, monkeypatch: Any) -> None:
    """The configuration of a client is read by no shell."""
    path = write([record(1, name="at home")])
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))
    assert names(Source(f"~/{path.name}")) == ["at home"]


@pytest.mark.parametrize("name", ["traces.db", "traces.jsonl"])
def test_reading_changes_nothing(write: Any, record: Any, tmp_path: Path, name: str) -> None:
    """CLI-14"""
    path = write([record(1, name="first", status="error", eval_scores={"Hallucination": 0})], name)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with Source(str(path)).reading() as store:
        queries.recent_traces(store)
        queries.get_trace(store, "0" * 31 + "1")
        queries.worst_hallucinations(store)
        queries.token_usage_by_model(store)
        queries.error_spans(store)
        queries.search_spans(store, "first")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    beside = {each.name: each.stat().st_size for each in tmp_path.iterdir() if each != path}
    assert set(beside) <= {"traces.db-shm", "traces.db-wal"}  # SQLite's own, for readers of a file with a log
    assert beside.get("traces.db-wal", 0) == 0


def test_a_file_that_is_no_store_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 200)
    with pytest.raises(StoreError, match=r"notes\.db"):
        names(Source(str(path)))
