"""What SQLiteExporter writes, and what it survives."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest

import peekr
from peekr.errors import ConfigurationError, StoreError
from peekr.spans import Span
from peekr_sqlite import SQLiteExporter, SQLiteStore, exporter, writing

MakeSpan = Callable[..., Span]
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def rows(path: Path, statement: str, *params: Any) -> List[Any]:
    """Ask as any other SQLite client would."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement, params).fetchall()
    finally:
        connection.close()


def test_a_span_is_a_row(path: Path, span: MakeSpan) -> None:
    """SQLITE-1: the columns, the attributes as JSON text, the payload as JSON bytes, WAL mode."""
    attributes = {"kind": "llm", "run_id": "r", "model": "gpt-4o", "user_id": "alice", "session_id": "s"}
    one = span(1, tenant_id="acme", retention_class="long", attributes=attributes, payload={"request": {"n": 1}})
    SQLiteExporter(path).export_batch([one])
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM spans").fetchone())
    (model,) = connection.execute("SELECT json_extract(attributes, '$.model') FROM spans").fetchone()
    connection.close()
    assert model == "gpt-4o"
    assert json.loads(row.pop("attributes")) == attributes
    assert json.loads(row.pop("payload")) == {"request": {"n": 1}}
    assert row == {
        "trace_id": f"{1:032x}",
        "span_id": f"{1:016x}",
        "parent_id": None,
        "name": "step 1",
        "start_time": 1_700_000_001.0,
        "end_time": 1_700_000_001.5,
        "duration_ms": 500.0,
        "status": "ok",
        "tenant_id": "acme",
        "retention_class": "long",
        "user_id": "alice",
        "session_id": "s",
        "run_id": "r",
        "kind": "llm",
    }


def test_the_journal_is_a_write_ahead_log(path: Path, span: MakeSpan) -> None:
    """SQLITE-1"""
    SQLiteExporter(path).export_batch([span(1)])
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("count", [1, 3, 4, 15, 16, 17, 64, 255, 256, 257, 1000])
def test_every_size_of_batch_is_written_whole(path: Path, span: MakeSpan, count: int) -> None:
    """EXP-4: rows are inserted many at a time, and none is left over."""
    SQLiteExporter(path).export_batch([span(number) for number in range(1, count + 1)])
    assert rows(path, "SELECT COUNT(*), COUNT(DISTINCT span_id) FROM spans") == [(count, count)]


def test_an_open_run_becomes_a_row_and_is_updated_when_it_ends(path: Path, span: MakeSpan) -> None:
    """MODEL-9, SQLITE-6"""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(1, end_time=None, duration_ms=None)])
    assert rows(path, "SELECT status FROM runs") == [("running",)]
    exporter.export_batch([span(1, status="error")])
    assert rows(path, "SELECT status, duration_ms FROM runs") == [("failed", 500.0)]


def test_an_open_run_that_arrives_late_does_not_reopen_it(path: Path, span: MakeSpan) -> None:
    """SQLITE-6: within a batch and between batches."""
    exporter = SQLiteExporter(path)
    opened = span(1, end_time=None, duration_ms=None)
    exporter.export_batch([span(1), opened])
    exporter.export_batch([opened])
    assert rows(path, "SELECT status FROM runs") == [("completed",)]


def test_scores_come_later_and_stay(path: Path, span: MakeSpan) -> None:
    """SQLITE-6, C-39: late scores are added; writing the span again without them keeps them."""
    exporter = SQLiteExporter(path)
    bare, scored = {"kind": "llm", "run_id": "r"}, {"kind": "llm", "run_id": "r", "eval_scores": {"Rubric": 0.92}}
    exporter.export_batch([span(1, attributes=bare)])
    exporter.export_batch([span(1, attributes=scored)])
    exporter.export_batch([span(1, attributes={**bare, "feature": "x"})])
    found = rows(
        path,
        "SELECT json_extract(attributes, '$.eval_scores.Rubric'), json_extract(attributes, '$.feature') FROM spans",
    )
    assert found == [(0.92, "x")]


def test_values_that_sqlite_cannot_hold_are_written_as_text(path: Path, span: MakeSpan) -> None:
    """SPAN-8: one odd value does not cost the batch."""
    odd = span(1)
    odd.name = "lone \ud800"
    odd.attributes.update({"user_id": ["a", "list"], "session_id": 10**30, "nan": float("nan")})
    SQLiteExporter(path).export_batch([odd, span(2)])
    assert rows(path, "SELECT name, user_id, session_id FROM spans ORDER BY span_id") == [
        ("lone \ufffd", "['a', 'list']", str(10**30)),
        ("step 2", None, None),
    ]


def test_query_returns_dicts(path: Path, span: MakeSpan) -> None:
    """SQLITE-10; also before the first span."""
    exporter = SQLiteExporter(path)
    assert exporter.query("SELECT COUNT(*) AS n FROM spans") == [{"n": 0}]
    exporter.export_batch([span(1), span(2)])
    assert exporter.query("SELECT name FROM spans WHERE name = ?", ("step 2",)) == [{"name": "step 2"}]
    with pytest.raises(StoreError, match="readonly"):
        exporter.query("DELETE FROM spans")
    exporter.shutdown()
    assert exporter.query("SELECT COUNT(*) AS n FROM spans") == [{"n": 2}]


def test_both_stores_hold_the_same(tmp_path: Path) -> None:
    """SQLITE-5"""
    db, jsonl = tmp_path / "traces.db", tmp_path / "traces.jsonl"
    peekr.instrument(console=False, storage="both", jsonl_path=str(jsonl), db_path=str(db))
    try:
        with peekr.session(user_id="alice", tenant_id="acme"):
            for number in range(5):
                with peekr.span(f"span {number}") as one:
                    one.attributes["number"] = number
        assert peekr.flush(10)
    finally:
        peekr.uninstrument()
    with peekr.open_store(db) as left, peekr.open_store(jsonl) as right:
        both = [{one.span_id: one.to_dict() for one in store.iter_spans()} for store in (left, right)]
    assert both[0] == both[1] and len(both[0]) == 5


# -- many writers -----------------------------------------------------------------------------------------------------


def _write_many(path: str, writer: int, count: int, start: Any) -> None:
    exporter = SQLiteExporter(path)
    start.wait(30)
    for at in range(0, count, 20):
        exporter.export_batch(
            [
                Span.from_dict(
                    {
                        "trace_id": f"t{writer}",
                        "span_id": f"{writer}-{number}",
                        "name": "n",
                        "start_time": 1.0,
                        "end_time": 2.0,
                    }
                )
                for number in range(at, at + 20)
            ]
        )
    exporter.shutdown()


@pytest.mark.parametrize("count", [200, 2000])
def test_eight_processes_write_at_once(path: Path, count: int) -> None:
    """SQLITE-3: nothing is lost, nobody is told "database is locked"; they even create the file together."""
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [context.Process(target=_write_many, args=(str(path), number, count, start)) for number in range(8)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join(100)
    assert [writer.exitcode for writer in writers] == [0] * 8
    assert rows(path, "SELECT COUNT(*), COUNT(DISTINCT span_id) FROM spans") == [(8 * count, 8 * count)]


def test_asyncio_tasks_write_through_one_exporter(path: Path) -> None:
    """E1-08: 20 tasks x 10 calls are 200 rows."""
    import asyncio

    @peekr.trace
    async def call() -> None:
        await asyncio.sleep(0)

    async def task() -> None:
        for _ in range(10):
            await call()

    async def main() -> None:
        await asyncio.gather(*(task() for _ in range(20)))

    peekr.instrument(console=False, storage="sqlite", db_path=str(path))
    try:
        asyncio.run(main())
        assert peekr.flush(10)
    finally:
        peekr.uninstrument()
    assert rows(path, "SELECT COUNT(*) FROM spans") == [(200,)]


def test_a_locked_database_is_waited_for(path: Path, span: MakeSpan) -> None:
    """SQLITE-3: a batch is tried again until the other writer is done."""
    first = SQLiteExporter(path)
    first.export_batch([span(1)])
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=first.export_batch, args=([span(2)],))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    blocker.execute("COMMIT")
    waiting.join(20)
    blocker.close()
    assert not waiting.is_alive()
    assert rows(path, "SELECT COUNT(*) FROM spans") == [(2,)]


def test_a_database_that_stays_locked_is_given_up(path: Path, span: MakeSpan, monkeypatch: pytest.MonkeyPatch) -> None:
    """EXP-6: the batch raises, so that the lane counts it; the next one is written."""
    monkeypatch.setattr(writing, "_ATTEMPT_S", 0.05)
    monkeypatch.setattr(exporter, "PATIENCE_S", 0.2)
    one = SQLiteExporter(path)
    one.export_batch([span(1)])
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        one.export_batch([span(2)])
    blocker.execute("ROLLBACK")
    blocker.close()
    one.export_batch([span(3)])
    assert rows(path, "SELECT name FROM spans") == [("step 1",), ("step 3",)]


@needs_fork
def test_forked_children_have_connections_of_their_own(path: Path) -> None:
    """QUEUE-6: the parent even ends first, which with a shared connection deletes the log under the child."""
    code = f"""
import os, sys, peekr
peekr.instrument(console=False, storage="sqlite", db_path={str(path)!r})
with peekr.span("before"): pass
peekr.flush(10)
reader, writer = os.pipe()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        os.close(writer)
        with peekr.span("child early"): pass
        peekr.flush(10)
        os.read(reader, 1)  # until the parent has ended
        for _ in range(50):
            with peekr.span("child"): pass
        sys.exit(0)
for _ in range(50):
    with peekr.span("parent"): pass
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], timeout=60, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    expected = [("before", 1), ("child", 150), ("child early", 3), ("parent", 50)]
    assert rows(path, "SELECT name, COUNT(*) FROM spans GROUP BY name ORDER BY name") == expected
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@needs_fork
def test_forking_while_a_batch_is_written_loses_nothing(path: Path) -> None:
    """QUEUE-6"""
    code = f"""
import os, sys, peekr
peekr.instrument(console=False, storage="sqlite", db_path={str(path)!r})
for number in range(20):
    for _ in range(200):
        with peekr.span("parent"): pass
    child = os.fork()
    if child == 0:
        with peekr.span("child"): pass
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], check=True, timeout=100)
    assert rows(path, "SELECT name, COUNT(*) FROM spans GROUP BY name") == [("child", 20), ("parent", 4000)]


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_log", [True, False])
def test_a_deleted_database_is_made_anew(path: Path, span: MakeSpan, with_log: bool) -> None:
    """INST-13: `rm` under a running program loses no later span, whether or not the log went with it."""
    one = SQLiteExporter(path)
    one.export_batch([span(1)])
    for name in [path.name, f"{path.name}-wal", f"{path.name}-shm"] if with_log else [path.name]:
        os.unlink(path.with_name(name))
    one.export_batch([span(2)])
    one.export_batch([span(3)])
    assert rows(path, "SELECT name FROM spans") == [("step 2",), ("step 3",)]
    one.shutdown()
    assert rows(path, "SELECT name FROM spans") == [("step 2",), ("step 3",)]


def test_committed_spans_survive_kill_9(path: Path) -> None:
    """JSONL-1's promise for SQLite: what was flushed is with the operating system."""
    code = f"""
import os, signal, peekr
peekr.instrument(console=False, storage="sqlite", db_path={str(path)!r})
for _ in range(100):
    with peekr.span("one"): pass
peekr.flush(10)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], timeout=60)
    assert rows(path, "SELECT COUNT(*) FROM spans") == [(100,)]


@linux_only
def test_a_full_disk_raises_and_leaves_a_sound_database(path: Path) -> None:
    """EXP-6: all of a batch or nothing; what comes when there is room again is written."""
    code = f"""
import resource, signal, sqlite3
from peekr.spans import Span
from peekr_sqlite import SQLiteExporter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def one(n): return {{"trace_id": "t", "span_id": str(n), "name": "n" * 3000, "start_time": 1.0, "end_time": 2.0}}
def batch(first, size): return [Span.from_dict(one(n)) for n in range(first, first + size)]
exporter = SQLiteExporter({str(path)!r})
exporter.export_batch(batch(0, 3))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
try:
    exporter.export_batch(batch(3, 500))
except sqlite3.Error as error:
    print("refused", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
exporter.export_batch(batch(503, 2))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("refused")
    assert rows(path, "SELECT span_id FROM spans") == [("0",), ("1",), ("2",), ("503",), ("504",)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_file_that_is_no_database_is_never_written_over(path: Path) -> None:
    """INST-13"""
    path.write_text("important notes")
    with pytest.raises(ConfigurationError, match="is no SQLite database"):
        SQLiteExporter(path)
    assert path.read_text() == "important notes"


def test_a_damaged_database_is_refused_in_a_sentence(path: Path, span: MakeSpan) -> None:
    """INST-13"""
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(ConfigurationError, match="is damaged"):
        SQLiteExporter(path)


def test_the_table_of_another_program_is_refused(path: Path) -> None:
    """INST-13"""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE spans (x INTEGER)")
    connection.close()
    with pytest.raises(ConfigurationError, match="without 'trace_id'"):
        SQLiteExporter(path)


def test_a_database_of_another_program_takes_the_table_in(path: Path, span: MakeSpan) -> None:
    """A traces table may live beside others."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (x INTEGER)")
    connection.close()
    SQLiteExporter(path).export_batch([span(1)])
    assert rows(path, "SELECT COUNT(*) FROM spans, (SELECT COUNT(*) FROM customers)") == [(1,)]


@pytest.mark.parametrize(("name", "message"), [("", "is a directory"), ("no/traces.db", "Create it with: mkdir -p")])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, name: str, message: str) -> None:
    """INST-13"""
    with pytest.raises(ConfigurationError, match=message):
        SQLiteExporter(tmp_path / name)


def test_a_database_in_memory_is_refused() -> None:
    """INST-13: no reader could open it."""
    with pytest.raises(ConfigurationError, match="Give the path of a file"):
        SQLiteExporter(":memory:")


def test_spans_after_shutdown_are_refused(path: Path, span: MakeSpan) -> None:
    """EXP-6"""
    one = SQLiteExporter(path)
    one.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        one.export_batch([span(1)])


def test_the_log_is_gone_after_shutdown(path: Path, span: MakeSpan) -> None:
    """One file remains, to be copied anywhere."""
    one = SQLiteExporter(path)
    one.export_batch([span(1)])
    one.shutdown()
    assert [each.name for each in path.parent.iterdir()] == ["traces.db"]
    with SQLiteStore(str(path)) as store:
        assert len(list(store.iter_spans())) == 1


@pytest.mark.parametrize("end", ["flush", "shutdown"])
def test_a_program_without_spans_leaves_a_database_that_can_be_asked(path: Path, end: str) -> None:
    """SAMP-5: no row in any store, rather than no table."""
    one = SQLiteExporter(path)
    assert not path.exists()
    getattr(one, end)()
    assert rows(path, "SELECT COUNT(*) FROM spans") == [(0,)]


def test_a_database_in_a_directory_that_is_gone_is_not_made(tmp_path: Path) -> None:
    """EXP-6: nothing was to be written, so nothing is said."""
    folder = tmp_path / "gone"
    folder.mkdir()
    one = SQLiteExporter(folder / "traces.db")
    folder.rmdir()
    one.flush()
    one.shutdown()
    assert not folder.exists()


def test_a_database_that_is_locked_as_the_program_starts_is_waited_for_later(path: Path, span: MakeSpan) -> None:
    """design 8: another program's turn is no mistake of this one; the first batch waits."""
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("CREATE TABLE other (a)")
    blocker.execute("BEGIN EXCLUSIVE")
    one = SQLiteExporter(path)
    blocker.execute("ROLLBACK")
    blocker.close()
    one.export_batch([span(1)])
    assert rows(path, "SELECT COUNT(*) FROM spans") == [(1,)]


def test_what_a_span_does_not_have_is_null(path: Path) -> None:
    """SQLITE-1: not NaN, as which it is bound (:data:`peekr.sql.NULL`)."""
    record = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "open", "start_time": 1.0}
    SQLiteExporter(path).export_batch([Span.from_dict(record)])
    absent = "parent_id, end_time, duration_ms, tenant_id, retention_class, user_id, session_id, payload"
    assert rows(path, f"SELECT {absent} FROM spans") == [(None,) * 8]
