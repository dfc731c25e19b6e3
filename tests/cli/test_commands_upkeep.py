"""``peekr stats``, ``prune``, ``vacuum`` and ``backup`` (contract CLI-5 to CLI-7, DB-1 to DB-6, API-10)."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")

from peekr import Span, open_store
from peekr_sqlite import SQLiteExporter

Invoke = Callable[..., Any]


def run_of(number: int, days: float, status: str = "ok", ended: bool = True, **changes: Any) -> List[Span]:
    """A run that began so many days ago, and a step of it."""
    start = time.time() - days * 86_400
    run_id = f"{number:016x}"
    run: Dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "span_id": run_id,
        "name": f"run {number}",
        "start_time": start,
        "end_time": start + 1 if ended else None,
        "status": status,
        "attributes": {"kind": "run", "run_id": run_id, "output": "x" * changes.pop("bulk", 0)},
        **changes,
    }
    step = {**run, "span_id": f"{number:015x}f", "parent_id": run_id, "name": "tool.step", "end_time": start + 0.5}
    step["attributes"] = {"kind": "tool", "run_id": run_id}
    return [Span.from_dict(run), Span.from_dict(step)]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Runs of every state; the first is 40 days old."""
    path = tmp_path / "traces.db"
    exporter = SQLiteExporter(path)
    runs = [run_of(1, 40), run_of(2, 2), run_of(3, 0.1, "error"), run_of(4, 0.01, ended=False)]
    exporter.export_batch([span for run in runs for span in run])
    exporter.shutdown()
    return path


def test_stats_counts_runs_and_steps(database: Path, invoke: Invoke) -> None:
    """CLI-5, API-10: the names of the API, for machines."""
    counts = json.loads(invoke("stats", "--json").stdout)
    assert counts == {
        "total_runs": 4,
        "running_runs": 1,
        "completed_runs": 2,
        "failed_runs": 1,
        "total_steps": 8,
        "db_size_bytes": os.path.getsize(database),
        "recent_runs_24h": 2,
        "store": "traces.db",
    }


def test_stats_reads_like_a_sentence_a_line(database: Path, invoke: Invoke) -> None:
    """CLI-5."""
    lines = dict(line.split(":") for line in invoke("stats", database).stdout.splitlines()[1:])
    shown = {name.strip(): value.strip() for name, value in lines.items()}
    assert (shown["Total runs"], shown["Running"], shown["Completed"], shown["Failed"]) == ("4", "1", "2", "1")
    assert (shown["Total steps"], shown["Runs in the last 24 h"]) == ("8", "2")
    assert shown["Database size"].endswith("kB")


def test_stats_of_lines_are_the_same(database: Path, invoke: Invoke, tmp_path: Path) -> None:
    """CLI-5, API-15: any store."""
    pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")
    invoke("import", database, "--jsonl", "traces.jsonl")
    counts = json.loads(invoke("stats", "traces.jsonl", "--json").stdout)
    assert (counts["total_runs"], counts["failed_runs"], counts["running_runs"]) == (3, 1, 0)


def test_the_configured_database_is_the_default(database: Path, invoke: Invoke, monkeypatch: Any) -> None:
    """CLI-5, CONF-2: TRACE_DB_PATH."""
    database.rename("elsewhere.db")
    monkeypatch.setenv("TRACE_DB_PATH", "elsewhere.db")
    assert json.loads(invoke("stats", "--json").stdout)["store"] == "elsewhere.db"


@pytest.mark.parametrize("command", [["stats"], ["prune"], ["vacuum"], ["backup", "copy.db"], ["memory"], ["traces"]])
def test_without_a_store_there_is_a_sentence_and_exit_code_1(invoke: Invoke, command: List[str]) -> None:
    """CLI-7, CLI-11."""
    assert "traces.jsonl does not exist, and neither does traces.db" in invoke(*command, code=1).stderr


def test_prune_deletes_what_is_too_old(database: Path, invoke: Invoke) -> None:
    """CLI-6, DB-1, example E4-18: the old run is gone, newer ones remain."""
    said = invoke("prune", "--retention-days", "30", "--vacuum").stdout
    assert "1 run deleted, 2 spans" in said
    with open_store(database) as store:
        assert {each.name for each in store.traces()} == {"run 2", "run 3", "run 4"}


def test_prune_follows_the_configuration(database: Path, invoke: Invoke, monkeypatch: Any) -> None:
    """CONF-1: retention_days is 30 by default; 0 keeps everything."""
    monkeypatch.setenv("TRACE_RETENTION_DAYS", "0")
    assert json.loads(invoke("prune", "--json").stdout)["deleted_runs"] == 0
    monkeypatch.delenv("TRACE_RETENTION_DAYS")
    assert json.loads(invoke("prune", "--json").stdout)["deleted_runs"] == 1


def test_prune_meets_a_size_and_the_newest_run_survives(invoke: Invoke, tmp_path: Path) -> None:
    """CLI-6, DB-2, example E4-18."""
    exporter = SQLiteExporter(tmp_path / "traces.db")
    exporter.export_batch([span for number in range(1, 200) for span in run_of(number, 20 - number / 10, bulk=3000)])
    exporter.shutdown()
    assert os.path.getsize("traces.db") > 400_000
    said = json.loads(
        invoke("prune", "--retention-days", "30", "--retention-max-bytes", "200000", "--vacuum", "--json").stdout
    )
    assert os.path.getsize("traces.db") <= 200_000
    assert said["by_age"] == 0 and said["by_size"] == said["deleted_runs"] > 0
    with open_store("traces.db") as store:
        assert next(store.traces()).name == "run 199"


def test_prune_knows_classes(database: Path, invoke: Invoke, monkeypatch: Any) -> None:
    """DB-6: from the environment, or given."""
    exporter = SQLiteExporter(database)
    exporter.export_batch([*run_of(7, 20, retention_class="pii"), *run_of(8, 300, retention_class="long")])
    exporter.shutdown()
    monkeypatch.setenv("TRACE_RETENTION_CLASSES", "short=7,default=30,long=365,pii=7")
    said = json.loads(invoke("prune", "--dry-run", "--json").stdout)
    assert said["classes"] == {"default": 1, "pii": 1}
    assert "TRACE_RETENTION_CLASSES cannot be read" in invoke("prune", "--classes", "week", code=1).stderr
    assert json.loads(invoke("prune", "--json").stdout)["deleted_runs"] == 2
    assert json.loads(invoke("stats", "--json").stdout)["total_runs"] == 4


def test_a_trial_deletes_nothing(database: Path, invoke: Invoke) -> None:
    """CLI-6: --dry-run."""
    assert "1 run would be deleted" in invoke("prune", "--dry-run").stdout
    assert json.loads(invoke("stats", "--json").stdout)["total_runs"] == 4


def test_what_is_no_database_is_not_pruned(invoke: Invoke, write: Any, record: Any) -> None:
    """CLI-6: the sentence says what to do."""
    write([record("1")])
    for command in ("prune", "vacuum"):
        assert "peekr import traces.jsonl" in invoke(command, "traces.jsonl", code=1).stderr


def test_vacuum_gives_room_back(database: Path, invoke: Invoke) -> None:
    """CLI-7, DB-3."""
    exporter = SQLiteExporter(database)
    exporter.export_batch([span for number in range(10, 200) for span in run_of(number, 40, bulk=3000)])
    exporter.shutdown()
    invoke("prune", "--retention-days", "30")
    sizes = json.loads(invoke("vacuum", "--json").stdout)
    assert sizes["size_after"] == os.path.getsize(database) < sizes["size_before"] / 2
    assert "now." in invoke("vacuum", database).stdout


def test_backup_makes_a_copy_that_opens_with_equal_counts(database: Path, invoke: Invoke) -> None:
    """CLI-7, DB-4, example E4-18."""
    assert "copied to copy.db" in invoke("backup", "copy.db").stdout
    first, second = (json.loads(invoke("stats", path, "--json").stdout) for path in ("traces.db", "copy.db"))
    assert first["total_steps"] == second["total_steps"] == 8
    with closing(sqlite3.connect("copy.db")) as copy, copy:
        assert copy.execute("SELECT COUNT(*) FROM runs").fetchone() == (4,)
    copy.close()
    assert "database itself" in invoke("backup", "traces.db", code=1).stderr
    assert "no directory" in invoke("backup", "none/copy.db", code=1).stderr


def test_two_stores_in_one_command_are_a_wrong_command_line(invoke: Invoke) -> None:
    """CLI-11: exit code 2."""
    invoke("stats", "a.db", "--db", "b.db", code=2)
    invoke("prune", "--retention-days", "many", code=2)
