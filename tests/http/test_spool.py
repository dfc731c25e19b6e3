"""The spool: batches on disk while the server cannot be reached (issue 4, item 1)."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import peekr
from peekr import wire
from peekr_http.spool import Spool
from peekr_http.spooled import load

from .conftest import RESET, SILENT, Reply, Server

posix = pytest.mark.skipif(os.name == "nt", reason="file modes and locks of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def waiting(folder: Path) -> List[Path]:
    return sorted(folder.glob("*.json.gz"))


def offline(make: Callable[..., Any], dead_url: str, folder: Path, **options: Any) -> Any:
    """An exporter that cannot reach anybody."""
    return make(dead_url, spool=folder, max_retries=0, **options)


def test_what_cannot_be_sent_is_kept_and_sent_by_the_next_process(
    server: Server, make: Callable[..., Any], dead_url: str, folder: Path, spans: Any
) -> None:
    """It survives a restart."""
    given_spans = spans(7)
    first = offline(make, dead_url, folder, batch_size=3)
    first.export_batch(given_spans)
    first.shutdown()
    assert server.ids == []
    assert first.stats()["spooled"] == 7
    second = make(spool=folder)
    second.flush()
    assert server.ids == [span.span_id for span in given_spans]
    assert waiting(folder) == []


def test_a_flush_is_content_with_the_spool(
    make: Callable[..., Any], dead_url: str, folder: Path, spans: Any, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = offline(make, dead_url, folder)
    exporter.export_batch(spans(3))
    exporter.flush()
    assert len(waiting(folder)) == 1
    assert caplog.text.count("they are kept in") == 1
    assert {key: exporter.stats()[key] for key in ("spooled", "failed", "dropped")} == {
        "spooled": 3, "failed": 0, "dropped": 0,
    }  # fmt: skip


def test_spans_are_sent_in_their_order_when_the_server_is_back(
    server: Server, make: Callable[..., Any], folder: Path, span: Any
) -> None:
    """The last version of a span has to win."""
    server.always = lambda _: Reply(503)
    exporter = make(spool=folder, max_retries=0)
    exporter.export(span(1, end_time=None, duration_ms=None))
    exporter.flush()
    exporter.export(span(2))
    exporter.flush()
    server.always = None
    exporter.export(span(1))
    exporter.flush()
    assert [(each["span_id"], each["end_time"] is None) for each in server.spans] == [
        (span(1).span_id, True),
        (span(2).span_id, False),
        (span(1).span_id, False),
    ]
    assert waiting(folder) == []


def test_a_wrong_key_does_not_empty_the_spool(
    server: Server, make: Callable[..., Any], folder: Path, spans: Any
) -> None:
    server.always = lambda _: Reply(401)
    exporter = make(spool=folder)
    exporter.export_batch(spans(3))
    exporter.flush()
    exporter.shutdown()
    server.always = None
    right = make(spool=folder)
    right.flush()
    assert len(server.ids) == 3


@posix
def test_files_are_for_their_owner_only(make: Callable[..., Any], dead_url: str, folder: Path, spans: Any) -> None:
    exporter = offline(make, dead_url, folder)
    exporter.export_batch(spans(1))
    exporter.flush()
    assert [stat.S_IMODE(path.stat().st_mode) for path in waiting(folder)] == [0o600]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b'{"spans": 3}'),
        gzip.compress(b'{"spans":[]}' * 9)[:-4],
    ],
    ids=["empty", "no gzip", "no json", "no batch", "cut"],
)
def test_a_damaged_file_is_set_aside_and_counted(
    server: Server, make: Callable[..., Any], dead_url: str, folder: Path, spans: Any, content: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    exporter = offline(make, dead_url, folder, batch_size=1)
    exporter.export_batch(spans(3))
    exporter.flush()
    middle = waiting(folder)[1]
    middle.write_bytes(content)
    second = make(spool=folder)
    with pytest.raises(peekr.PeekrError, match="1 span lost"):
        second.flush()
    assert server.ids == [spans(3)[0].span_id, spans(3)[2].span_id]
    assert waiting(folder) == []
    assert [path.name for path in folder.iterdir()] == [middle.name + ".corrupt"]
    assert second.stats()["spool_corrupt"] == second.stats()["failed"] == 1
    assert "is damaged" in caplog.text


def test_a_full_spool_loses_and_counts(
    make: Callable[..., Any], dead_url: str, folder: Path, spans: Any, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = offline(make, dead_url, folder, batch_size=10, spool_max_bytes=3000)
    exporter.export_batch(spans(200))
    with pytest.raises(peekr.PeekrError):
        exporter.flush()
    counts = exporter.stats()
    assert counts["spooled"] + counts["failed"] == 200
    assert 0 < counts["spooled"] < 200
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 3000
    assert "is full" in caplog.text
    assert "lost:" in caplog.text


def test_a_spool_that_vanishes_is_made_anew(make: Callable[..., Any], dead_url: str, folder: Path, spans: Any) -> None:
    exporter = offline(make, dead_url, folder)
    folder.rmdir()
    exporter.export_batch(spans(1))
    exporter.flush()
    assert len(waiting(folder)) == 1


def test_files_of_others_are_left_alone(server: Server, make: Callable[..., Any], folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / ("0" * 20 + "-aa-1-1.json.gz.bak")).write_text("mine")
    make(spool=folder).flush()
    assert len(list(folder.iterdir())) == 2
    assert server.requests == []


@posix
def test_a_file_that_another_process_sends_is_left_to_it(folder: Path, span: Any) -> None:
    folder.mkdir()
    spool = Spool(str(folder), 10**6)
    for number in (1, 2):
        spool.write(json.dumps({"spans": [span(number).to_dict()]}).encode(), 1)
    other = Spool(str(folder), 10**6)
    (first,), (second,) = load(spool, 10), load(other, 10)
    assert first.file is not None
    assert second.file is not None
    assert (first.file.own, second.file.own) == (True, False)
    assert first.file.path < second.file.path
    assert load(other, 10) == []
    spool.release(first.file, done=False)
    assert len(load(other, 10)) == 1


def test_a_batch_from_the_spool_that_is_too_large_is_halved(
    server: Server, make: Callable[..., Any], dead_url: str, folder: Path, spans: Any
) -> None:
    exporter = offline(make, dead_url, folder)
    exporter.export_batch(spans(8))
    exporter.shutdown()
    server.always = lambda body: Reply(413 if len(json.loads(body)["spans"]) > 3 else 200)
    make(spool=folder).flush()
    assert len(server.ids) == 8
    assert waiting(folder) == []


def test_what_the_server_refuses_from_the_spool_is_counted_as_lost_after_all(server: Server, folder: Path) -> None:
    """HTTPX-3"""
    server.script = [RESET]
    server.always = lambda _: Reply(400)
    peekr.instrument(
        console=False, exporter=peekr.HTTPExporter(server.url, "k", spool=folder, max_retries=0, batch_size=1)
    )
    peekr.trace(lambda: None)()
    assert peekr.flush()
    assert peekr.stats()["exporters"]["HTTPExporter"]["exported"] == len(waiting(folder)) == 1
    assert not peekr.flush()
    ours = peekr.stats()["exporters"]["HTTPExporter"]
    assert (ours["exported"], ours["failed"], ours["waiting"]) == (0, 1, 0)
    assert waiting(folder) == []


PROGRAM = """
import sys
import peekr
peekr.instrument(console=False, storage="http", storage_options={"http": {
    "endpoint": sys.argv[1], "api_key": "k", "spool": sys.argv[2], "max_retries": 0}})
traced = peekr.trace(lambda number: number)
for number in range(25):
    traced(number)
"""


def test_a_program_that_ends_without_network_loses_nothing(
    server: Server, make: Callable[..., Any], dead_url: str, folder: Path
) -> None:
    """Several processes share one spool."""
    command = [sys.executable, "-c", PROGRAM, dead_url, str(folder)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert all("they are kept in" in error or not error for error in errors), errors
    exporter = make(spool=folder)
    exporter.flush()
    assert len(set(server.ids)) == len(server.ids) == 50


KILLED = """
import os, sys
import peekr
peekr.instrument(console=False, plugins=[], storage="http", storage_options={"http": {
    "endpoint": sys.argv[1], "api_key": "k", "spool": sys.argv[2], "flush_interval_seconds": 60}})
traced = peekr.trace(lambda number: number)
for number in range(25):
    traced(number)
print("emitted", flush=True)
sys.stdin.read()
"""


@posix
def test_kill_9_loses_nothing_that_waits_to_be_sent(server: Server, make: Callable[..., Any], folder: Path) -> None:
    """design 7: at most what was emitted in the last 200 ms; a second kill, while nobody answers, changes nothing."""
    server.always = lambda _: SILENT
    for _ in range(2):
        command = [sys.executable, "-c", KILLED, server.url, str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"emitted\n"
            wait_until(lambda: journalled(folder) == 25)
            assert server.accepted == []
            process.kill()
    server.always = None
    exporter = make(spool=folder)
    exporter.flush()
    assert len(set(server.ids)) == len(server.ids) == 50
    assert list(folder.iterdir()) == []


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def journalled(folder: Path) -> int:
    """How many spans wait in the journals."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("journal-*"))


@posix
def test_what_has_arrived_is_not_kept_any_longer(
    server: Server, make: Callable[..., Any], folder: Path, spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is as long as what waits, however many spans pass by; its owner's is left alone by others."""
    monkeypatch.setattr("peekr_http.journal._PART_BYTES", 1000)
    exporter, other = make(spool=folder, flush_interval_seconds=60), make(spool=folder)
    for _ in range(3):
        exporter.export_batch(spans(20))
        assert journalled(folder) == 20
        other.flush()
        assert journalled(folder) == 20
        exporter.flush()
        assert journalled(folder) == 0
    exporter.shutdown()
    other.shutdown()
    assert len(server.ids) == 60
    assert list(folder.iterdir()) == []


@posix
def test_a_journal_cut_by_a_full_disk_gives_what_is_whole(server: Server, make: Any, folder: Path, span: Any) -> None:
    """Lines that break are no JSON, and no reason to lose the others; an open run does not count."""
    folder.mkdir()
    lines = [wire.encode(wire.record(each)) for each in (span(1), span(2, end_time=None, duration_ms=None), span(3))]
    (folder / "journal-abc-1.jsonl").write_bytes(b"\n".join([lines[0], b'{"half', *lines[1:]])[:-9])
    exporter = make(spool=folder)
    exporter.flush()
    assert server.ids == [span(1).span_id, span(2).span_id]
    assert list(folder.iterdir()) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.integers(1, 5), min_size=1, max_size=6), cut=st.integers(0, 200), which=st.integers(0, 5))
def test_whatever_one_file_suffers_the_others_are_read_in_order(
    tmp_path_factory: Any, bodies: List[int], cut: int, which: int
) -> None:
    folder = str(tmp_path_factory.mktemp("spool"))
    spool = Spool(folder, 10**6)
    for number, size in enumerate(bodies):
        spool.write(json.dumps({"spans": [{"name": f"{number}"}] * size}).encode(), size)
    damaged = which % len(bodies)
    path = os.path.join(folder, spool.names()[damaged])
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[:cut])
    seen = []
    while True:
        batches = load(spool, 3)
        if not batches:
            break
        assert max(len(batch.items) for batch in batches) <= 3
        seen.append(json.loads(batches[0].items[0].body)["name"])
        assert batches[0].file is not None
        assert batches[0].file.parts == len(batches)
        spool.release(batches[0].file, done=True)
    intact = cut >= len(whole)
    assert seen == [f"{number}" for number in range(len(bodies)) if intact or number != damaged]
    assert spool.corrupt == (0 if intact else 1)
