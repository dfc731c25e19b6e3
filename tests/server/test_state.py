"""``/health``, ``/v1/stats``, and what is said when the store fails: contract API-1, API-10, API-15."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi_offline")
pytest.importorskip("httpx")
pytest.importorskip("peekr_server")
pytest.importorskip("uvicorn")


import peekr
import peekr_server
from peekr import trace
from peekr.errors import ConfigurationError, StoreError


def test_a_store_that_can_be_read_is_healthy(path: Path, record: Any, write: Any, serve: Any) -> None:
    """API-1."""
    answer = serve(write(path, record(1))).json("/health")

    assert answer.pop("status") == "healthy"
    assert abs(answer.pop("timestamp") - time.time() * 1000) < 60_000
    assert set(answer) <= {"queue"}


def test_stats_count_runs_by_outcome(path: Path, record: Any, write: Any, serve: Any) -> None:
    """API-10."""
    recent = time.time() - 1_780_000_000.0
    write(path, record(1), record(2, 1, 1), record(3, status="error"), record(4, at=recent))
    counts = serve(path).json("/v1/stats")

    size = counts.pop("db_size_bytes")
    counts.pop("queue", None)
    assert size >= path.stat().st_size
    assert counts == {
        "total_runs": 3,
        "running_runs": 0,
        "completed_runs": 2,
        "failed_runs": 1,
        "total_steps": 4,
        "recent_runs_24h": 1,
    }


def test_a_process_that_traces_shows_its_queue(tmp_path: Path, serve: Any) -> None:
    """API-1, API-10, QUEUE-5; AGENT-14: the store is then what instrument() writes to."""
    peekr.instrument(console=False, storage="sqlite", db_path=str(tmp_path / "mine.db"))
    try:
        with trace.run("mine"):
            trace.llm(model="m", prompt="p", response="r")
        peekr.flush()
        api = serve()
        queue = api.json("/v1/stats")["queue"]
        assert {"events_queued", "events_dropped", "events_processed", "queue_size", "queue_maxsize"} == set(queue)
        assert api.json("/health")["queue"] == {"worker_alive": True, "queue_size": queue["queue_size"]}
        assert [run["name"] for run in api.json("/v1/runs")["runs"]] == ["mine"]
    finally:
        peekr.uninstrument()


def test_a_store_that_fails_is_not_healthy_and_tells_nothing_of_the_inside(
    tmp_path: Path, record: Any, write: Any, serve: Any, caplog: Any
) -> None:
    """API-1: 503; API-15: 500 with a detail, the reason in the log only."""
    path = write(tmp_path / "secret-name.db", record(1))
    api = serve(path)
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)

    health = api.json("/health", 503)
    assert (health["status"], health["detail"]) == ("unhealthy", "The trace store cannot be read")
    for ask in ("/v1/runs", "/v1/stats", "/v1/traces", "/v1/costs", "/v1/scores", "/v1/runs/000000"):
        answer = api.get(ask)
        assert answer.status_code == 500, ask
        assert set(answer.json()) == {"detail"}
        assert "secret-name" not in answer.text and "sqlite" not in answer.text.lower()
    assert "secret-name.db" in caplog.text


def test_a_missing_table_in_mid_life_is_an_error_not_a_crash(
    tmp_path: Path, record: Any, write: Any, serve: Any
) -> None:
    """API-15."""
    path = write(tmp_path / "traces.db", record(1))
    api = serve(path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE spans RENAME TO other")
    connection.close()

    assert set(api.json("/v1/runs", 500)) == {"detail"}


def test_what_is_no_store_is_refused_at_once(tmp_path: Path, serve: Any) -> None:
    """CLI-4: a mistyped path is said when the server starts, not with each request."""
    (tmp_path / "notes.txt").write_text("no spans\n" * 3)

    for wrong in (tmp_path / "notes.txt", tmp_path):
        with pytest.raises(StoreError):
            serve(wrong)
    with pytest.raises(ConfigurationError, match="directory does not exist"):
        serve(tmp_path / "nowhere" / "traces.db")
    with pytest.raises(ConfigurationError, match="TraceConfig"):
        peekr_server.create_app(config={"api_port": 1})  # type: ignore[arg-type]


def test_without_a_target_the_usual_places_are_served(tmp_path: Path, record: Any, write: Any, serve: Any) -> None:
    """C-14: traces.db of the directory where it has spans, else traces.jsonl; a configured database wins."""
    api = serve()
    assert api.json("/v1/runs")["total"] == 0
    write(tmp_path / "traces.jsonl", record(1))
    assert api.json("/v1/runs")["runs"][0]["name"] == "run.1"
    write(tmp_path / "traces.db", record(2))
    assert api.json("/v1/runs")["runs"][0]["name"] == "run.2"

    write(tmp_path / "other.db", record(3))
    assert serve(db_path=str(tmp_path / "other.db")).json("/v1/runs")["runs"][0]["name"] == "run.3"


def test_the_api_can_be_switched_off(path: Path, serve: Any) -> None:
    """CONF-1: api_enabled."""
    api = serve(path, api_enabled=False)

    for ask in ("/v1/runs", "/v1/stats", "/v1/traces"):
        assert api.get(ask).status_code == 404, ask
    assert api.post("/v1/spans", json={"spans": []}).status_code == 404
    assert api.json("/health")["status"] == "healthy"
