"""Pruning, vacuum and backup of a database (contract DB-1 to DB-4, DB-6)."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from peekr import open_store
from peekr.errors import StoreError
from peekr.retention import DAY_S, Policy
from peekr.spans import Span
from peekr_sqlite import SQLiteExporter, SQLiteStore

NOW = 1_800_000_000.0


def run_spans(number: int, days: float, spans: int = 3, bulk: int = 0, **changes: Any) -> List[Span]:
    """A run that began so many days ago, with its steps."""
    run_id = f"{number:06x}" + "0" * 10
    found = []
    for place in range(spans):
        start = NOW - days * DAY_S + place
        record: Dict[str, Any] = {
            "trace_id": f"{number:032x}",
            "span_id": run_id if place == 0 else f"{number:06x}{place:010x}",
            "parent_id": None if place == 0 else run_id,
            "name": "agent" if place == 0 else f"tool.{place}",
            "start_time": start,
            "end_time": start + 1,
            "attributes": {"kind": "tool" if place else "run", "run_id": run_id, "output": f"{number}" * bulk},
        }
        record.update(changes)
        found.append(Span.from_dict(record))
    return found


@pytest.fixture
def database(path: Path) -> Callable[..., Path]:
    """Writes runs to the database."""

    def write(*runs: List[Span]) -> Path:
        exporter = SQLiteExporter(path)
        exporter.export_batch([span for run in runs for span in run])
        exporter.shutdown()
        return path

    return write


def names(path: Path) -> List[int]:
    """The numbers of the runs that are left, by start."""
    with open_store(path) as store:
        return [int(each.trace_id, 16) for each in store.traces(newest_first=False)]


def prune(path: Path, policy: Policy, **given: Any) -> Any:
    with SQLiteStore(str(path)) as store:
        return store.prune(policy, now=NOW, **given)


def test_runs_that_began_too_long_ago_go_with_all_their_spans(database: Callable[..., Path]) -> None:
    """DB-1."""
    path = database(run_spans(1, 40), run_spans(2, 31), run_spans(3, 29))
    outcome = prune(path, Policy.of(30))
    assert (outcome.runs, outcome.spans, outcome.classes) == (2, 6, {"default": 2})
    assert names(path) == [3]


def test_nothing_is_deleted_without_days_or_when_it_is_only_tried(database: Callable[..., Path]) -> None:
    """DB-1: N ≤ 0 disables; --dry-run counts."""
    path = database(run_spans(1, 40))
    assert prune(path, Policy.of(0)).runs == 0
    before = path.read_bytes()
    tried = prune(path, Policy.of(30), dry_run=True, vacuum=True)
    assert (tried.runs, tried.spans, tried.dry_run, tried.vacuumed) == (1, 3, True, False)
    assert path.read_bytes() == before


def test_classes_are_kept_as_long_as_they_say(database: Callable[..., Path]) -> None:
    """DB-6."""
    path = database(run_spans(1, 40, retention_class="long"), run_spans(2, 20, retention_class="pii"), run_spans(3, 20))
    outcome = prune(path, Policy.of(30, classes="long=365,pii=7"))
    assert outcome.classes == {"pii": 1}
    assert names(path) == [1, 3]


def test_the_oldest_runs_go_until_the_file_fits(database: Callable[..., Path]) -> None:
    """DB-2: the size is met, and no more than that is deleted."""
    path = database(*(run_spans(number, 100 - number, bulk=900) for number in range(1, 61)))
    with SQLiteStore(str(path)) as store:
        store.vacuum()
    target = os.path.getsize(path) * 2 // 3
    outcome = prune(path, Policy.of(0, target))
    assert os.path.getsize(path) <= target
    assert outcome.by_size == outcome.runs == 60 - len(names(path))
    assert names(path) == list(range(61 - len(names(path)), 61)), "the newest stay"
    assert os.path.getsize(path) > target - 5 * 8192, "it stops as soon as the target is met"


def test_age_comes_before_size(database: Callable[..., Path]) -> None:
    """DB-2: what age deletes may be enough."""
    path = database(*(run_spans(number, 100 - number, bulk=900) for number in range(1, 61)))
    outcome = prune(path, Policy.of(41, os.path.getsize(path) // 2 + 100_000))
    assert outcome.by_age == 58 and outcome.by_size == 0


def test_running_runs_are_kept_however_small_the_file_should_be(database: Callable[..., Path]) -> None:
    """DB-2."""
    path = database(run_spans(1, 40, spans=1, end_time=None), run_spans(2, 30), run_spans(3, 1))
    outcome = prune(path, Policy.of(0, 1))
    assert names(path) == [1]
    assert outcome.by_size == 2


def test_a_trial_by_size_says_about_what_would_happen(database: Callable[..., Path]) -> None:
    """DB-2 with --dry-run."""
    path = database(*(run_spans(number, 100 - number, bulk=900) for number in range(1, 61)))
    target = os.path.getsize(path) * 2 // 3
    tried = prune(path, Policy.of(0, target), dry_run=True)
    done = prune(path, Policy.of(0, target))
    assert abs(tried.by_size - done.by_size) <= 12
    assert tried.size_after <= target


def test_ratings_of_traces_that_are_gone_go_too(database: Callable[..., Path]) -> None:
    """DB-1: a note is content like the trace it is about."""
    path = database(run_spans(1, 40), run_spans(2, 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE feedback (id INTEGER PRIMARY KEY, trace_id TEXT, rating TEXT, note TEXT, created_at REAL)"
        )
        connection.executemany(
            "INSERT INTO feedback (trace_id, rating, note, created_at) VALUES (?, 'bad', 'n', 1)",
            [(f"{number:032x}",) for number in (1, 2)],
        )
    connection.close()
    assert prune(path, Policy.of(30)).ratings == 1
    with SQLiteStore(str(path)) as store:
        assert store.row("SELECT COUNT(*), MIN(trace_id) FROM feedback") == (1, f"{2:032x}")


def test_vacuum_shrinks_the_file_after_deletes(database: Callable[..., Path]) -> None:
    """DB-3."""
    path = database(*(run_spans(number, 40, bulk=900) for number in range(1, 61)), run_spans(99, 1))
    before = os.path.getsize(path)
    prune(path, Policy.of(30))
    assert os.path.getsize(path) == before
    with SQLiteStore(str(path)) as store:
        assert store.vacuum() == os.path.getsize(path) < before / 2


def test_a_backup_is_complete_while_others_write(database: Callable[..., Path], tmp_path: Path) -> None:
    """DB-4: the state of one moment."""
    path = database(*(run_spans(number, 1, bulk=300) for number in range(1, 200)))
    stop, written = threading.Event(), []
    ready = threading.Event()

    def write() -> None:
        exporter = SQLiteExporter(path)
        number = 1000
        while not stop.is_set():
            exporter.export_batch(run_spans(number, 1))
            written.append(number)
            number += 1
            ready.set()
        exporter.shutdown()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert ready.wait(10)
        at_least = len(written)
        with SQLiteStore(str(path)) as store:
            steps: List[Any] = []
            size = store.backup(str(tmp_path / "copy.db"), lambda done, total: steps.append((done, total)))
    finally:
        stop.set()
        writer.join(30)
    assert size == os.path.getsize(tmp_path / "copy.db")
    assert steps and steps[-1][0] == steps[-1][1]
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy, copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = copy.execute("SELECT trace_id, COUNT(*) FROM spans GROUP BY trace_id").fetchall()
    copy.close()
    assert {count for _, count in counts} == {3}, "each batch whole or not at all"
    assert len(counts) >= 199 + at_least
    assert sorted(os.listdir(tmp_path)) and not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_a_backup_replaces_an_older_one_and_nothing_else(database: Callable[..., Path], tmp_path: Path) -> None:
    """DB-4: neither the database itself nor somebody's file is written over."""
    path = database(run_spans(1, 1))
    other = tmp_path / "letter.txt"
    other.write_text("Dear Ann")
    with SQLiteStore(str(path)) as store:
        store.backup(str(tmp_path / "copy.db"))
        assert store.backup(str(tmp_path / "copy.db")) > 0
        for wrong in (path, other, tmp_path, tmp_path / "none" / "copy.db"):
            with pytest.raises(StoreError):
                store.backup(str(wrong))
    assert other.read_text() == "Dear Ann"


@pytest.mark.parametrize("version", [None, "0.9.3"])
def test_a_database_of_an_older_version_can_be_pruned(tmp_path: Path, version: Optional[str]) -> None:
    """DB-1 with SQLITE-4: old rows name no run; what belongs together goes together."""
    path = tmp_path / "old.db"
    tenant = ", tenant_id TEXT, retention_class TEXT" if version else ""
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "CREATE TABLE spans (trace_id TEXT, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT, start_time REAL,"
            f" end_time REAL, duration_ms REAL, status TEXT, attributes TEXT{tenant})"
        )
        for trace, days in (("old", 40), ("new", 1)):
            for span, parent in (("root", None), ("child", f"{trace}-root")):
                start = NOW - days * DAY_S
                old.execute(
                    "INSERT INTO spans (trace_id, span_id, parent_id, name, start_time, end_time, status, attributes)"
                    " VALUES (?, ?, ?, 'step', ?, ?, 'ok', '{}')",
                    (trace, f"{trace}-{span}", parent, start, start + 1),
                )
    old.close()
    assert prune(path, Policy.of(30), dry_run=True).spans == 2
    assert prune(path, Policy.of(30)).spans == 2
    with open_store(path) as store:
        assert {span.trace_id for span in store.iter_spans()} == {"new"}


def test_a_file_that_may_not_be_changed_is_left_alone(database: Callable[..., Path]) -> None:
    """DB-1: a sentence, not an error of SQLite."""
    path = database(run_spans(1, 40))
    if os.geteuid() == 0:
        pytest.skip("root may change every file")
    path.chmod(0o400)
    with pytest.raises(StoreError, match="may not be changed"):
        prune(path, Policy.of(30))


def test_a_file_is_not_larger_for_what_was_deleted(database: Callable[..., Path]) -> None:
    """DB-1: the log of the deletions is moved into the file, also while others have it open."""
    path = database(*(run_spans(number, days=number) for number in range(1, 40)))
    before = path.stat().st_size
    with open_store(path) as reader:
        assert len(list(reader.iter_spans())) == 117
        outcome = prune(path, Policy(days=30))
    assert outcome.by_age == 9
    assert outcome.size_after == before == path.stat().st_size
