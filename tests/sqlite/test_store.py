"""How SQLiteStore reads: beside writers, old files and odd ones."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr.errors import StoreError
from peekr.spans import Span
from peekr_sqlite import SQLiteExporter, SQLiteStore

Record = Callable[..., Dict[str, Any]]
Write = Callable[..., Path]
MakeSpan = Callable[..., Span]


def names(spans: Any) -> List[str]:
    return [span.name for span in spans]


def test_a_database_is_recognised_by_content(write: Write, record: Record, tmp_path: Path) -> None:
    """CLI-VIEW-1: whatever it is called."""
    path = write(record(1)).rename(tmp_path / "traces.jsonl")
    assert SQLiteStore.recognises(str(path))
    with peekr.open_store(path) as store:
        assert isinstance(store, SQLiteStore)
    for target in (str(tmp_path), str(tmp_path / "missing.db"), "https://example.org/x.db", "a\0b"):
        assert SQLiteStore.recognises(target) is False


def test_a_look_at_a_database_keeps_the_locks_that_its_writer_holds(tmp_path: Path, span: MakeSpan) -> None:
    """SQLITE-3: a process that closes a file loses its locks on it; another one then deletes the log in use."""
    path = tmp_path / "traces.db"
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(1)])
    with peekr.open_store(path) as store:
        assert names(store.iter_spans()) == ["step 1"]
    other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE t (x)'); c.close()"
    subprocess.run([sys.executable, "-c", other, str(path)], check=True, timeout=30)
    assert (tmp_path / "traces.db-wal").exists()
    exporter.export_batch([span(2)])
    with peekr.open_store(path) as store:
        assert names(store.iter_spans()) == ["step 1", "step 2"]
    exporter.shutdown()


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "#1.db", "žluť.db", "ro&immutable=1.db"])
def test_any_file_name_will_do(tmp_path: Path, span: MakeSpan, name: str) -> None:
    """The path goes into an SQLite URI."""
    SQLiteExporter(tmp_path / name).export_batch([span(1)])
    with SQLiteStore(str(tmp_path / name)) as store:
        assert names(store.iter_spans()) == ["step 1"]


def test_reading_and_writing_do_not_wait_for_each_other(path: Path, span: MakeSpan) -> None:
    """SQLITE-3: a reader in the middle of the table, a writer in the middle of a transaction."""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(number) for number in range(1, 1001)])
    with SQLiteStore(str(path)) as store:
        reading = store.iter_spans()
        assert next(reading).name == "step 1"
        exporter.export_batch([span(2000)])
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        assert len(list(reading)) == 999
        assert len(list(store.iter_spans())) == 1001
        blocker.close()


def test_a_store_never_writes(write: Write, record: Record) -> None:
    """IFACE-2"""
    path = write(record(1))
    before = path.read_bytes()
    with SQLiteStore(str(path)) as store:
        with pytest.raises(StoreError, match="readonly"):
            list(store.rows("DELETE FROM spans"))
        store.stats()
    assert path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_will_do(write: Write, record: Record) -> None:
    """A file of traces on a read-only disk."""
    path = write(record(1))
    path.parent.chmod(0o555)
    try:
        with SQLiteStore(str(path)) as store:
            assert names(store.iter_spans()) == ["step 1"]
    finally:
        path.parent.chmod(0o755)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"SQLite format 3\0" + b"\xff" * 5000, "is damaged"), (b"SQLite format 3\0", "is damaged|no table 'spans'")],
)
def test_a_damaged_database_is_a_sentence(path: Path, content: bytes, message: str) -> None:
    """CLI-11: StoreError, no traceback of sqlite3."""
    path.write_bytes(content)
    with pytest.raises(StoreError, match=message):
        peekr.open_store(path)


def test_damage_met_while_reading_is_a_sentence(path: Path, span: MakeSpan) -> None:
    """CLI-11"""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(number) for number in range(1, 2000)])
    exporter.shutdown()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4)
        file.write(b"\xff" * (path.stat().st_size // 2))
    with pytest.raises(StoreError, match="is damaged"), SQLiteStore(str(path)) as store:
        list(store.iter_spans())


def test_a_locked_database_is_a_sentence(write: Write, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLI-11"""
    from peekr import sqlquery

    monkeypatch.setattr(sqlquery, "BUSY_S", 0.05)
    path = write(record(1))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("PRAGMA locking_mode = EXCLUSIVE")
    blocker.execute("PRAGMA journal_mode = DELETE")
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=r"is locked by another program .*\nTry again"):
        SQLiteStore(str(path))
    blocker.close()


def test_a_database_without_spans_is_a_sentence(path: Path) -> None:
    """CLI-11"""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (x)")
    connection.close()
    with pytest.raises(StoreError, match="has no table 'spans'"):
        peekr.open_store(path)


def test_a_database_whose_program_was_killed_before_its_first_table_is_empty(path: Path, span: MakeSpan) -> None:
    """Issue 4: no file is ever unreadable; what is written into it later is seen."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert peekr.query(path, "SELECT COUNT(*) AS count FROM spans") == [{"count": 0}]
    with peekr.open_store(path) as store:
        assert (list(store.spans()), list(store.traces()), store.stats()["spans"]) == ([], [], 0)
        news = store.follow(from_start=True, idle_s=5)
        exporter = SQLiteExporter(path)
        exporter.export_batch([span(1)])
        exporter.shutdown()
        assert [each.name for each in store.spans()] == [next(news).name] == ["step 1"]
        news.close()


def test_rows_of_another_program_are_skipped_and_counted(
    write: Write, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """JSONL-3 for tables"""
    path = write(record(1), record(2))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE spans SET attributes = 'no json' WHERE name = 'step 1'")
    connection.execute("INSERT INTO spans (trace_id, span_id, name, start_time) VALUES ('', 'x', 'y', 1.0)")
    connection.commit()
    connection.close()
    with SQLiteStore(str(path)) as store:
        assert names(store.iter_spans()) == ["step 2"] and store.skipped == 2
    assert len(caplog.records) == 1


def test_values_are_bound_never_pasted(write: Write, record: Record) -> None:
    """design.md section 9: what a trace contains is hostile."""
    text = "x' OR '1'='1'; DROP TABLE spans; --"
    path = write(record(1, tenant_id=text, name=text), record(2))
    with SQLiteStore(str(path)) as store:
        assert names(store.spans(tenant_id=text)) == names(store.spans(name=text)) == [text]
        assert names(store.search(text)) == [text]
        assert [run["name"] for run in store.list_runs(search=text)] == [text]
        assert list(store.spans(run_id=text)) == [] and store.get_run(text) is None


@pytest.mark.parametrize(
    "text", ["100%", "under_score", "tilde~", 'quo"te', "back\\slash", "new\nline", "ÉTÉ", "Mixed"]
)
def test_search_takes_every_character_as_it_is(write: Write, record: Record, text: str) -> None:
    """DASH: wildcards of LIKE mean themselves; letters of every alphabet fold."""
    attributes = {"kind": "llm", "run_id": "r", "output": f"before {text} after", "nested": {"list": [1, "z"]}}
    path = write(
        record(1, attributes=attributes), record(2, attributes={"kind": "llm", "run_id": "r", "output": "100 under"})
    )
    with SQLiteStore(str(path)) as store:
        assert names(store.search(text)) == names(store.search(text.lower())) == ["step 1"]


def test_a_list_of_runs_does_not_read_every_span(path: Path, span: MakeSpan) -> None:
    """PERF-2: the index of runs is used."""
    SQLiteExporter(path).export_batch([span(number) for number in range(1, 100)])
    with SQLiteStore(str(path)) as store:
        plan = store.rows(
            "EXPLAIN QUERY PLAN SELECT span_id FROM spans WHERE run_id = span_id ORDER BY start_time DESC LIMIT 9"
        )
        assert "USING INDEX spans_runs" in next(plan)[3]


# -- following --------------------------------------------------------------------------------------------------------


def test_follow_gives_new_spans_and_runs_that_end(path: Path, span: MakeSpan) -> None:
    """CLI-VIEW-7: an open run comes once, when it has ended."""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(1), span(2, end_time=None, duration_ms=None)])
    with SQLiteStore(str(path)) as store:
        follower = store.follow(idle_s=0)
        exporter.export_batch([span(3), span(4, end_time=None, duration_ms=None)])
        exporter.export_batch([span(2)])
        assert names(follower) == ["step 2", "step 3"]
        assert sorted(names(store.follow(from_start=True, idle_s=0))) == ["step 1", "step 2", "step 3"]


def test_follow_gives_a_nested_end_to_a_waiting_reader(path: Path, span: MakeSpan) -> None:
    """CLI-VIEW-7: late scores do not show a span again."""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(1, end_time=None, duration_ms=None)])
    with SQLiteStore(str(path)) as store:
        follower = store.follow(poll_s=0.01)
        exporter.export_batch([span(1)])
        assert next(follower).name == "step 1"
        exporter.export_batch([span(1)])
        exporter.export_batch([span(2)])
        assert next(follower).name == "step 2"


def test_follow_goes_on_in_a_new_database(path: Path, span: MakeSpan) -> None:
    """CLI-VIEW-7"""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(number) for number in range(1, 10)])
    follower = SQLiteStore(str(path)).follow(poll_s=0.01)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        os.unlink(path.with_name(name))
    exporter.export_batch([span(20)])
    assert next(follower).name == "step 20"


def test_follow_ends_when_it_is_told_to(path: Path, span: MakeSpan) -> None:
    """CLI-VIEW-7"""
    SQLiteExporter(path).export_batch([span(1)])
    stop = threading.Event()
    found: List[str] = []
    thread = threading.Thread(target=lambda: found.extend(names(SQLiteStore(str(path)).follow(stop=stop, poll_s=0.01))))
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive() and found == []


def test_a_broken_row_in_an_old_file_is_skipped_and_the_rest_is_read(tmp_path: Path) -> None:
    """SQLITE-4, DIAG: a database of 0.9.3 whose attributes are no JSON in one row."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE spans (trace_id TEXT NOT NULL, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT NOT NULL,"
            " start_time REAL NOT NULL, end_time REAL, duration_ms REAL, status TEXT NOT NULL, attributes TEXT)"
        )
        rows = [("t1", "s1", '{"model": "m"}'), ("t2", "s2", "{broken")]
        connection.executemany("INSERT INTO spans VALUES (?, ?, NULL, 'x', 1.0, 2.0, 1000.0, 'ok', ?)", rows)
    with peekr.open_store(path) as store:
        assert [span.kind for span in store.spans()] == ["llm"]
        assert store.stats()["skipped"] == 1
    assert [row["kind"] for row in peekr.query(path, "SELECT kind FROM spans ORDER BY span_id")] == ["llm", "function"]
