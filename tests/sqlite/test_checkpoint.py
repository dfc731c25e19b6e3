"""The log is moved into the database beside the writer (design 7: kill -9 loses the last 200 ms at most)."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from peekr.spans import Span
from peekr_sqlite import SQLiteExporter, checkpoint

MakeSpan = Callable[..., Span]
NAME = "peekr-sqlite-checkpoint"


@pytest.fixture(autouse=True)
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LOG_BYTES", 256 * 1024)
    monkeypatch.setattr(checkpoint, "_PAUSE_S", 0.001)


def moved(exporter: SQLiteExporter) -> None:
    """Wait until the thread that was begun has come to its end."""
    assert exporter._writer is not None
    thread = exporter._writer._checkpoint._thread
    assert thread is not None and thread.name == NAME
    thread.join(10)


def test_a_long_log_begins_anew_and_no_commit_waits_for_that(path: Path, span: MakeSpan) -> None:
    """The writer's own limit is far away: what moved the log was the thread, and at last a little by the writer."""
    exporter = SQLiteExporter(path)
    log, sizes = Path(f"{path}-wal"), []
    for number in range(40):
        exporter.export_batch([span(number * 100 + each + 1, number) for each in range(100)])
        sizes.append(log.stat().st_size)
        if sizes[-1] >= checkpoint.LOG_BYTES:
            moved(exporter)
    assert max(sizes) < 8 * checkpoint.LOG_BYTES
    assert [1 for before, after in zip(sizes, sizes[1:]) if after < before]
    assert exporter.query("SELECT COUNT(*) AS n FROM spans") == [{"n": 4000}]
    exporter.shutdown()
    assert not log.exists() and not [each for each in threading.enumerate() if each.name == NAME]


def test_a_reader_that_stays_holds_up_no_writer(path: Path, span: MakeSpan) -> None:
    """SQLITE-3: the log grows meanwhile, and is moved when the reader has gone."""
    exporter = SQLiteExporter(path)
    exporter.export_batch([span(1)])
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    assert reader.execute("SELECT COUNT(*) FROM spans").fetchone() == (1,)
    for number in range(1, 11):
        exporter.export_batch([span(number * 100 + each + 1, number) for each in range(100)])
    moved(exporter)
    assert reader.execute("SELECT COUNT(*) FROM spans").fetchone() == (1,)
    reader.close()
    log = Path(f"{path}-wal")
    deadline, number = time.monotonic() + 10, 5000
    while log.stat().st_size >= checkpoint.LOG_BYTES:
        assert time.monotonic() < deadline
        number += 1
        exporter.export_batch([span(number)])
    exporter.shutdown()


def test_a_database_that_was_deleted_is_not_made_by_it(path: Path) -> None:
    """What is made anew is made by the writer, with its tables."""
    task = checkpoint.Checkpoint(str(path))
    task._run()
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_the_log_is_moved_harms_neither(path: Path, span: MakeSpan, monkeypatch: Any) -> None:
    """QUEUE-6: the child does not touch what the parent's thread has open."""
    go_on, at_work = threading.Event(), threading.Event()

    def slow(self: checkpoint.Checkpoint, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN").execute("SELECT 1 FROM spans").fetchone()
        at_work.set()
        assert go_on.wait(20)

    monkeypatch.setattr(checkpoint.Checkpoint, "_move", slow)
    monkeypatch.setattr("peekr_sqlite.writing._CHECKPOINT_PATIENCE_S", 0.01)
    exporter = SQLiteExporter(path)
    for number in range(10):
        exporter.export_batch([span(number * 100 + each + 1, number) for each in range(100)])
    assert at_work.wait(10)
    child = os.fork()
    if not child:
        status = 1
        try:
            exporter.export_batch([span(9000)])
            exporter.shutdown()
            status = int(len(checkpoint._abandoned) != 1)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    exporter.export_batch([span(9001)])
    assert exporter.query("SELECT COUNT(*) AS n FROM spans") == [{"n": 1002}]
    exporter.shutdown()
