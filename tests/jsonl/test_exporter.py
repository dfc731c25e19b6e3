"""What JSONLExporter writes, and what it survives."""

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
from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr_jsonl import JSONLExporter, JSONLStore

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def lines(path: Path) -> List[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_the_record_of_the_span(path: Path, span: Callable[..., Span]) -> None:
    """JSONL-1, SPAN-1: one JSON object a line, equal to span.to_dict()."""
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1), span(2)])
    assert lines(path) == [span(1).to_dict(), span(2).to_dict()]


def test_lines_are_visible_when_the_batch_returns(path: Path, span: Callable[..., Span]) -> None:
    """JSONL-1: no flush is needed; `tail -f` sees whole lines."""
    JSONLExporter(path).export_batch([span(1)])
    assert path.read_bytes().endswith(b"}\n")


def test_a_file_is_appended_to(path: Path, span: Callable[..., Span]) -> None:
    """JSONL-1"""
    for number in (1, 2):
        exporter = JSONLExporter(path)
        exporter.export_batch([span(number)])
        exporter.shutdown()
    assert [line["name"] for line in lines(path)] == ["step 1", "step 2"]


def test_no_file_appears_before_the_first_span(path: Path) -> None:
    """A program that traces nothing leaves nothing behind."""
    exporter = JSONLExporter(path)
    exporter.export_batch([])
    exporter.flush()
    exporter.shutdown()
    assert not path.exists()


def test_an_open_run_is_left_out_until_it_ends(path: Path, span: Callable[..., Span]) -> None:
    """MODEL-9: JSONL holds only ended spans."""
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1, end_time=None, duration_ms=None), span(2)])
    exporter.export_batch([span(1)])
    assert [line["span_id"][-1] for line in lines(path)] == ["2", "1"]


def test_a_payload_with_line_breaks_stays_one_line(path: Path, span: Callable[..., Span]) -> None:
    """JSONL-1: a response body is taken over as it came, pretty-printed or not."""
    one = span(1)
    one.payload = b'{\n  "response": {"id": "x"}\n}'
    JSONLExporter(path).export_batch([one])
    assert lines(path)[0]["payload"] == {"response": {"id": "x"}}


def test_unknown_payload_texts_are_kept(path: Path, span: Callable[..., Span]) -> None:
    """PIPE-8: an encrypted payload is a token string, stored as it is."""
    JSONLExporter(path).export_batch([span(1, payload="gAAAAABtoken=="), span(2, payload="another")])
    assert [line["payload"] for line in lines(path)] == ["gAAAAABtoken==", "another"]
    assert [each.payload for each in JSONLStore(str(path)).iter_spans()] == [None, "another"]


# -- others at the same file ------------------------------------------------------------------------------------------


def _write_many(path: str, writer: int, count: int, start: Any) -> None:
    exporter = JSONLExporter(path)
    start.wait(30)
    for at in range(0, count, 10):
        exporter.export_batch(
            [
                Span.from_dict(
                    {
                        "trace_id": "t",
                        "span_id": f"{writer}-{number}",
                        "name": "x" * (number % 700),
                        "start_time": 1.0,
                        "end_time": 2.0,
                    }
                    if number % 700
                    else {
                        "trace_id": "t",
                        "span_id": f"{writer}-{number}",
                        "name": "y",
                        "start_time": 1.0,
                        "end_time": 2,
                    }
                )
                for number in range(at, at + 10)
            ]
        )
    exporter.shutdown()


def test_eight_processes_never_interleave_or_lose_a_line(path: Path) -> None:
    """JSONL-2"""
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [context.Process(target=_write_many, args=(str(path), number, 2000, start)) for number in range(8)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join(100)
    assert [writer.exitcode for writer in writers] == [0] * 8
    assert len({line["span_id"] for line in lines(path)}) == len(lines(path)) == 16_000


def test_threads_share_one_exporter(path: Path, span: Callable[..., Span]) -> None:
    """JSONL-2"""
    exporter = JSONLExporter(path)

    def work(first: int) -> None:
        for number in range(first, first + 100):
            exporter.export_batch([span(number)])

    threads = [threading.Thread(target=work, args=(1 + 100 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({line["span_id"] for line in lines(path)}) == 800


def test_a_half_line_of_a_dead_program_does_not_spoil_the_next(path: Path, span: Callable[..., Span]) -> None:
    """JSONL-2, JSONL-3: a line break goes before the next line, and readers skip the half one."""
    path.write_text('{"trace_id": "dead', encoding="utf-8")
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1)])
    with path.open("a", encoding="utf-8") as other:  # another program dies while this one is running
        other.write('{"trace_id": "dead too')
    exporter.export_batch([span(2)])
    store = JSONLStore(str(path))
    assert [one.name for one in store.iter_spans()] == ["step 1", "step 2"]
    assert store.skipped == 2


@pytest.mark.parametrize("how", ["deleted", "rotated"])
def test_a_file_that_goes_away_is_made_anew(path: Path, span: Callable[..., Span], how: str) -> None:
    """INST-13: rotation and `rm` under a running program lose no later span."""
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1)])
    path.unlink() if how == "deleted" else path.rename(path.with_suffix(".old"))
    exporter.export_batch([span(2)])
    assert [line["name"] for line in lines(path)] == ["step 2"]


def test_a_file_that_is_truncated_goes_on(path: Path, span: Callable[..., Span]) -> None:
    """`> traces.jsonl` while the program runs."""
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1)])
    os.truncate(path, 0)
    exporter.export_batch([span(2)])
    assert [line["name"] for line in lines(path)] == ["step 2"]


@needs_fork
def test_a_forked_child_writes_to_the_same_file(path: Path) -> None:
    """QUEUE-6: parent and child both write, each on its own descriptor and lock."""
    code = f"""
import os, peekr
peekr.instrument(console=False, storage="jsonl", jsonl_path={str(path)!r})
with peekr.span("parent before"): pass
peekr.flush(10)
child = os.fork()
for number in range(200):
    with peekr.span("child" if child == 0 else "parent"): pass
    if number % 20 == 0: peekr.flush(10)
if child: assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], check=True, timeout=60)
    names = [line["name"] for line in lines(path)]
    assert (names.count("parent before"), names.count("child"), names.count("parent")) == (1, 200, 200)


# -- disks ------------------------------------------------------------------------------------------------------------


@linux_only
def test_a_full_disk_never_leaves_a_broken_line(path: Path) -> None:
    """INST-13, EXP-6: a batch that does not fit is taken back whole, raises, and is counted; later ones are written."""
    code = f"""
import resource, signal
from peekr.spans import Span
from peekr_jsonl import JSONLExporter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def one(n): return {{"trace_id": "t", "span_id": str(n), "name": "n" * 300, "start_time": 1.0, "end_time": 2.0}}
def batch(first, size): return [Span.from_dict(one(n)) for n in range(first, first + size)]
exporter = JSONLExporter({str(path)!r})
exporter.export_batch(batch(0, 3))
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
try:
    exporter.export_batch(batch(3, 50))
except OSError as error:
    print("refused", error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
exporter.export_batch(batch(53, 2))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("refused")
    assert [line["span_id"] for line in lines(path)] == ["0", "1", "2", "53", "54"]


@linux_only
def test_a_device_without_room_raises_each_time(span: Callable[..., Span]) -> None:
    """EXP-6: the lane counts what the exporter refuses."""
    exporter = JSONLExporter("/dev/full")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            exporter.export_batch([span(1)])
    exporter.shutdown()


def test_spans_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    """IFACE-6: nothing is lost silently, and the program goes on."""
    folder = tmp_path / "gone"
    folder.mkdir()
    peekr.instrument(console=False, storage="jsonl", jsonl_path=str(folder / "traces.jsonl"))
    folder.rmdir()
    try:
        with peekr.span("lost"):
            pass
        peekr.flush(10)
        counts = peekr.stats()["exporters"]["jsonl"]
        assert (counts["exported"], counts["failed"]) == (0, 1)
        assert "No such file" in counts["last_error"]
    finally:
        peekr.uninstrument()


# -- settings ---------------------------------------------------------------------------------------------------------


def test_a_missing_directory_says_how_to_create_it(tmp_path: Path) -> None:
    """INST-13: misconfiguration raises at instrument(), in one sentence."""
    with pytest.raises(ConfigurationError, match=r"no directory .*\nCreate it with: mkdir -p"):
        JSONLExporter(tmp_path / "missing" / "traces.jsonl")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """INST-13"""
    with pytest.raises(ConfigurationError, match=r"is a directory\.\nGive a file in it"):
        JSONLExporter(tmp_path)


@pytest.mark.parametrize("path", ["", None, 3, "a\0b", b"bytes"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    """INST-13"""
    with pytest.raises(ConfigurationError, match="must be the path of a file"):
        JSONLExporter(path)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """INST-13"""
    with pytest.raises(ConfigurationError, match=r"cannot be written: File name too long\.\nGive another path"):
        JSONLExporter(tmp_path / ("x" * 300))


def test_a_database_is_refused_before_a_line_damages_it(tmp_path: Path) -> None:
    """INST-13: jsonl_path="traces.db" """
    database = sqlite3.connect(tmp_path / "traces.db")
    with database:
        database.execute("CREATE TABLE mine (a)")
    database.close()
    before = (tmp_path / "traces.db").read_bytes()
    with pytest.raises(ConfigurationError, match="is an SQLite database"):
        JSONLExporter(tmp_path / "traces.db")
    assert (tmp_path / "traces.db").read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_refused(path: Path) -> None:
    """INST-13"""
    path.touch(0o444)
    with pytest.raises(ConfigurationError, match="cannot be written by this user"):
        JSONLExporter(path)


def test_the_path_stays_where_it_was_when_the_program_changes_directory(
    tmp_path: Path, span: Callable[..., Span], monkeypatch: pytest.MonkeyPatch
) -> None:
    """INST-4: the working directory of instrument(), not that of the moment."""
    monkeypatch.chdir(tmp_path)
    exporter = JSONLExporter("traces.jsonl")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    exporter.export_batch([span(1)])
    assert (tmp_path / "traces.jsonl").exists()


def test_spans_after_shutdown_are_refused(path: Path, span: Callable[..., Span]) -> None:
    """EXP-6: counted as failed by the lane, not lost silently."""
    exporter = JSONLExporter(path)
    exporter.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        exporter.export_batch([span(1)])
