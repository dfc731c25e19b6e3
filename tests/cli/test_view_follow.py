"""``peekr view --follow`` (contract CLI-VIEW-7)."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from contextlib import contextmanager

import pytest

WAIT_S = 20


@contextmanager
def following(peekr, *arguments):
    """Run the command in the background; yields it and a function that waits for a line containing a text."""
    process = subprocess.Popen(
        peekr.command("view", "--follow", *arguments),
        cwd=peekr.directory,
        env=peekr.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    lines = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    reader.start()

    def line_with(text):
        while True:
            line = lines.get(timeout=WAIT_S)
            if text in line:
                return line

    try:
        yield process, line_with
    finally:
        process.kill()
        process.wait(WAIT_S)
        reader.join(WAIT_S)
        process.stdout.close()
        process.stderr.close()


def test_spans_are_printed_as_they_arrive(peekr, write, record):
    """CLI-VIEW-7: first what is there, then what comes, with its input and output."""
    path = write([record("a", None, "before")])
    with following(peekr, "--io", path) as (_, line_with):
        line_with("before")
        line_with("Waiting")
        write([record("b", None, "after", trace_id="cd" * 16, model="gpt-4o", tokens_total=7, output="hello")])
        assert "cdcdcdcd  after [gpt-4o]  10ms  7tok" in line_with("after")
        assert line_with("out:").strip() == 'out: "hello"'


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_end_of_a_run_that_was_open_is_printed(peekr, record, form):
    """CLI-VIEW-7, MODEL-9: it is in the database from its beginning, and was shown as running."""
    pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
    from peekr import Span
    from peekr_sqlite import SQLiteExporter

    run = record("a", None, "long job", kind="run", output="done")
    exporter = SQLiteExporter(peekr.directory / "traces.db")
    exporter.export_batch([Span.from_dict({**run, "end_time": None, "duration_ms": None})])
    with following(peekr, "traces.db", *form) as (_, line_with):
        line_with('"end_time":null' if form else "long job  running")
        exporter.export_batch([Span.from_dict(run)])
        assert ('"duration_ms":10.0' if form else "10ms") in line_with("long job")
    exporter.shutdown()


def test_what_arrives_can_be_json(peekr, write, record):
    """CLI-VIEW-7, CLI-VIEW-9: to be piped into another program; filters hold."""
    path = write([record("a", None, "before")])
    with following(peekr, path, "--json", "--status", "error") as (_, line_with):
        write([record("b", None, "fine")])
        write([record("c", None, "broken", status="error")])
        assert json.loads(line_with("name"))["name"] == "broken"


def test_a_file_that_is_not_there_yet_is_waited_for(peekr, write, record):
    """CLI-VIEW-7: the watcher may be started before the program that it watches."""
    with following(peekr, "traces.jsonl") as (process, line_with):
        assert "waiting" in process.stderr.readline()
        write([record("a", None, "first")])
        line_with("first")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal there")
def interrupt(process):
    """Press Ctrl-C until the program ends; once may fall into a moment in which Python drops it."""
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(WAIT_S / 4)
        except subprocess.TimeoutExpired:
            pass
    raise AssertionError(f"still running after {WAIT_S} s of interrupts")


def test_ctrl_c_ends_it_quietly(peekr, write, record):
    """CLI-11."""
    with following(peekr, write([record("a")])) as (process, line_with):
        line_with("Waiting")
        assert interrupt(process) == 130
        assert process.stderr.read().strip() == ""
