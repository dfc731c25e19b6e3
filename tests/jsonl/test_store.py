"""How JSONLStore reads: whole, in constant memory, and from the end where the newest are asked for."""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr.errors import StoreError
from peekr.spans import Span
from peekr_jsonl import JSONLExporter, JSONLStore, lines
from peekr_jsonl.lines import backwards, forwards

Record = Callable[..., Dict[str, Any]]
Write = Callable[..., Path]


def names(spans: Any) -> List[str]:
    return [span.name for span in spans]


# -- broken content ---------------------------------------------------------------------------------------------------


def test_broken_and_foreign_lines_are_skipped_with_one_warning(
    write: Write, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """JSONL-3: one warning that names the count."""
    path = write(
        record(1), "not json\n", '{"log": "another program"}\n', "[1]\n", "\n", '{"trace_id": 3}\n', "\x00\n", record(2)
    )
    with caplog.at_level(logging.WARNING, "peekr"):
        store = JSONLStore(str(path))
        assert names(store.iter_spans()) == ["step 1", "step 2"]
        assert names(store.iter_spans()) == ["step 1", "step 2"]
    assert store.skipped == 5
    assert [one.getMessage() for one in caplog.records] == [f"{path}: 5 broken or foreign lines were skipped"]


def test_the_half_written_last_line_is_skipped_quietly(
    write: Write, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """JSONL-5"""
    store = JSONLStore(str(write(record(1), '{"trace_id": "0123", "span')))
    assert names(store.iter_spans()) == names(store.spans(newest_first=True)) == ["step 1"]
    assert store.skipped == 0 and not caplog.records


def test_the_last_line_of_a_span_counts(write: Write, record: Record) -> None:
    """JSONL-3: if a file does hold a span_id twice, the last line wins; whichever way it is read."""
    path = write(record(1, name="old"), record(2), record(1, name="new"), record(3))
    store = JSONLStore(str(path))
    assert names(store.iter_spans()) == ["step 2", "new", "step 3"]
    assert names(store.spans(newest_first=True)) == ["step 3", "new", "step 2"]
    assert store.trace(f"{1:032x}")[0].name == "new"


def test_a_span_id_inside_other_content_is_no_repetition(write: Write, record: Record) -> None:
    """JSONL-3: only a line's own span_id counts."""
    mention = {"kind": "tool", "of": {"span_id": f"{1:016x}"}, "text": f'"span_id": "{1:016x}"'}
    store = JSONLStore(str(write(record(1), record(2, attributes=mention))))
    assert names(store.iter_spans()) == ["step 1", "step 2"]


def test_repeated_spans_are_found_in_a_large_file(path: Path, record: Record) -> None:
    """JSONL-3: also beyond what reading backwards remembers one by one."""
    exporter = JSONLExporter(path)
    exporter.export_batch([Span.from_dict(record(number)) for number in range(1, 5001)])
    exporter.export_batch([Span.from_dict(record(number, name="again")) for number in range(100, 200)])
    for newest_first in (False, True):
        found = list(JSONLStore(str(path)).spans(newest_first=newest_first))
        assert len(found) == 5000 and names(found).count("again") == 100


def test_old_records_are_read(write: Write) -> None:
    """SPAN-5, IFACE-2: ids of any form, no run, no kind, no tenant."""
    old = {"trace_id": "a3f2b1c0-9d", "span_id": "1", "parent_id": None, "name": "openai.chat.completions"}
    old.update(start_time=1.0, end_time=2.5, attributes={"model": "gpt-4o", "tokens_total": 5})
    (span,) = JSONLStore(str(write(old))).iter_spans()
    assert (span.kind, span.run_id, span.tenant_id, span.duration_ms) == ("llm", "1", None, 1500.0)


def test_what_only_pythons_own_json_reads_is_read(write: Write, record: Record) -> None:
    """JSONL-3: json.dumps writes NaN and lone surrogates, editors a byte order mark; both ways of reading."""
    odd = json.dumps(record(2, attributes={"score": float("nan"), "said": "\ud800"})) + "\n"
    path = write("\ufeff" + json.dumps(record(1)) + "\n", odd, record(3))
    store = JSONLStore(str(path))
    assert JSONLStore.recognises(str(path))
    assert names(store.iter_spans()) == ["step 1", "step 2", "step 3"] and store.skipped == 0
    assert names(store.spans(newest_first=True)) == ["step 3", "step 2", "step 1"]
    found = next(span for span in store.iter_spans() if span.name == "step 2")
    assert found.attributes["score"] is None and found.attributes["said"] == "\ufffd"


def test_hostile_content_comes_back_as_it_was(path: Path, span: Callable[..., Span]) -> None:
    """SPAN-8"""
    text = 'bell \x07 escape \x1b[31m quote " newline \n \u2028 </script> \ud7ff \U0001f600'
    JSONLExporter(path).export_batch([span(1, attributes={"kind": "llm", "output": text})])
    assert next(JSONLStore(str(path)).iter_spans()).attributes["output"] == text


# -- which files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("traces.log", b'{"trace_id": "1", "span_id": "2", "name": "x"}\n', True),
        ("traces.log", b'half\n\n{"trace_id": "1", "span_id": "2", "name": "x"}\n', True),
        ("empty", b"", True),
        ("traces.jsonl", b"half a line", True),
        ("notes.txt", b"hello\n", False),
        ("other.json", b'{"a": 1}\n', False),
        ("traces.jsonl", b"SQLite format 3\0 a database", False),
        # what a power cut leaves at the end of a file
        ("traces.jsonl", b'{"trace_id": "1", "span_id": "2", "name": "x"}\n' + bytes(4096), True),
    ],
)
def test_a_file_is_recognised_by_content(tmp_path: Path, name: str, content: bytes, expected: bool) -> None:
    """CLI-VIEW-1, JSONL-3"""
    (tmp_path / name).write_bytes(content)
    assert JSONLStore.recognises(str(tmp_path / name)) is expected


def test_what_is_no_file_is_not_recognised(tmp_path: Path) -> None:
    """IFACE-2: and looking never raises."""
    for target in (str(tmp_path), str(tmp_path / "missing.jsonl"), "https://example.org/x.jsonl", "a\0b"):
        assert JSONLStore.recognises(target) is False


def test_a_file_that_vanishes_is_a_store_error(write: Write, record: Record) -> None:
    """IFACE-2"""
    store = JSONLStore(str(write(record(1))))
    os.unlink(store.target)
    with pytest.raises(StoreError, match="cannot be read"):
        list(store.iter_spans())


# -- size -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 MB: 25,000 traces of two spans, a second apart."""
    path = tmp_path_factory.mktemp("large") / "traces.jsonl"
    line = (
        '{{"trace_id":"{trace:032x}","span_id":"{span:016x}","parent_id":{parent},"name":"{name}",'
        '"start_time":{start},"end_time":{end},"duration_ms":500.0,"status":"ok",'
        '"attributes":{{"kind":"function","run_id":"{run:016x}","input":"{text}"}}}}\n'
    )
    with path.open("w") as file:
        for trace in range(1, 25_001):
            start, run, text = 1.7e9 + trace, 2 * trace, "x" * 700
            child = line.format(
                trace=trace,
                span=run + 1,
                parent=f'"{run:016x}"',
                name="child",
                start=start,
                end=start + 0.4,
                run=run,
                text=text,
            )
            root = line.format(
                trace=trace, span=run, parent="null", name="root", start=start, end=start + 0.5, run=run, text=text
            )
            file.write(child + root)
    return path


def read_bytes() -> int:
    """What this process has read so far, from /proc/self/io."""
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts bytes with /proc/self/io")


@needs_proc
@pytest.mark.parametrize(
    "ask",
    [
        lambda store: (
            [one.trace_id for one in store.traces(limit=20)] == [f"{n:032x}" for n in range(25_000, 24_980, -1)]
        ),
        lambda store: len(list(store.spans(newest_first=True, limit=10))) == 10,
        lambda store: len(list(store.traces(since=1.7e9 + 24_900))) == 101,
        lambda store: len(list(store.spans(since=1.7e9 + 24_900, newest_first=True))) == 202,
        lambda store: [one.name for one in store.trace(f"{24_990:032x}")] == ["child", "root"],
        lambda store: len(list(store.search("xxx", limit=5))) == 5,
    ],
    ids=["traces", "newest spans", "traces since", "spans since", "a late trace", "search"],
)
def test_a_large_file_is_read_from_its_tail(large: Path, ask: Callable[[JSONLStore], bool]) -> None:
    """JSONL-5: measured in bytes, not in time; a twentieth of the file at most."""
    store = JSONLStore(str(large))
    before = read_bytes()
    assert ask(store)
    assert read_bytes() - before < large.stat().st_size / 20


def test_memory_does_not_grow_with_the_file(large: Path) -> None:
    """JSONL-5: 50 MB are read within a few."""
    store = JSONLStore(str(large))
    next(store.iter_spans())  # imports and caches
    tracemalloc.start()
    try:
        assert sum(1 for _ in store.iter_spans()) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_what_is_far_from_the_end_is_found(large: Path) -> None:
    """MODEL-5: reading from the tail is a matter of speed only."""
    store = JSONLStore(str(large))
    assert names(store.trace(f"{3:032x}")) == ["child", "root"]
    assert names(store.spans(run_id=f"{6:016x}")) == ["child", "root"]


def test_a_trace_is_whole_though_its_first_span_ended_long_before(write: Write, record: Record) -> None:
    """JSONL-5: reading back stops at the root's start, not at a number of lines."""
    root = f"{1:016x}"
    early = record(2, 1, parent_id=root, end_time=1_700_000_003.0)
    fill = [record(number) for number in range(10, 3000)]
    late = record(1, end_time=1_700_009_000.0, duration_ms=9e6)
    (summary, *_) = JSONLStore(str(write(early, *fill, late))).traces(limit=2990)
    store = JSONLStore(str(write(early, *fill, late)))
    assert len(store.trace(f"{1:032x}")) == 2
    found = {one.trace_id: one.span_count for one in store.traces(limit=2991)}
    assert found[f"{1:032x}"] == 2 and summary.span_count == 1


@pytest.mark.parametrize("block", [1, 2, 7, 64, 100_000])
def test_backwards_gives_the_lines_of_forwards(tmp_path: Path, block: int) -> None:
    """JSONL-5: whatever falls on the border of a block."""
    chosen = random.Random(block)
    for _ in range(20):
        content = b"\n".join(b"x" * chosen.choice([0, 1, 5, 63, 64, 300]) for _ in range(chosen.randrange(12)))
        content += chosen.choice([b"", b"\n"])
        path = tmp_path / "lines"
        path.write_bytes(content)
        with path.open("rb") as file:
            there = list(forwards(file))
            assert list(backwards(file, len(content), block)) == there[::-1]
        assert [line for _, line in there] == content.splitlines(keepends=True)


def test_an_endless_line_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: Record) -> None:
    """JSONL-5: a file without line breaks does not fill the memory."""
    import json

    monkeypatch.setattr(lines, "MAX_LINE", 2000)
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(record(1)) + "\n" + "x" * 10_000 + "\n" + json.dumps(record(2)) + "\n")
    store = JSONLStore(str(path))
    assert names(store.iter_spans()) == ["step 1", "step 2"] and store.skipped == 1
    assert names(store.spans(newest_first=True)) == ["step 2", "step 1"]
    with path.open("rb") as file:
        assert max(len(line) for _, line in backwards(file, path.stat().st_size, 100)) < 2000


# -- following --------------------------------------------------------------------------------------------------------


def test_follow_gives_new_spans_only(path: Path, span: Callable[..., Span]) -> None:
    """CLI-VIEW-7"""
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1)])
    follower = JSONLStore(str(path)).follow(idle_s=0)
    exporter.export_batch([span(2), span(3)])
    assert names(follower) == ["step 2", "step 3"]


def test_follow_can_begin_at_the_start(path: Path, span: Callable[..., Span]) -> None:
    """CLI-VIEW-7"""
    JSONLExporter(path).export_batch([span(1)])
    assert names(JSONLStore(str(path)).follow(from_start=True, idle_s=0)) == ["step 1"]


def test_follow_waits_for_the_rest_of_a_line(path: Path, record: Record) -> None:
    """JSONL-5: a span comes when its line is complete."""
    import json

    line = json.dumps(record(1)) + "\n"
    path.write_text(line[:50])
    follower = JSONLStore(str(path)).follow(poll_s=0.01)
    with path.open("a") as file:
        file.write(line[50:])
    assert next(follower).name == "step 1"


@pytest.mark.parametrize("how", ["truncated", "deleted", "rotated"])
def test_follow_goes_on_in_a_new_file(path: Path, span: Callable[..., Span], how: str) -> None:
    """CLI-VIEW-7"""
    exporter = JSONLExporter(path)
    exporter.export_batch([span(1), span(2)])
    follower = JSONLStore(str(path)).follow(from_start=True, poll_s=0.01)
    assert [next(follower).name, next(follower).name] == ["step 1", "step 2"]
    if how == "truncated":
        os.truncate(path, 0)
    elif how == "deleted":
        path.unlink()
    else:
        path.rename(path.with_suffix(".1"))
    exporter.export_batch([span(3)])
    assert next(follower).name == "step 3"


def test_follow_ends_when_it_is_told_to(path: Path, span: Callable[..., Span]) -> None:
    """CLI-VIEW-7"""
    JSONLExporter(path).export_batch([span(1)])
    stop = threading.Event()
    found: List[str] = []
    thread = threading.Thread(target=lambda: found.extend(names(JSONLStore(str(path)).follow(stop=stop, poll_s=0.01))))
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive() and found == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
def test_a_path_like_target_is_accepted(path: Path, span: Callable[..., Span]) -> None:
    """IFACE-2"""
    JSONLExporter(path).export_batch([span(1)])
    with peekr.open_store(path) as store:
        assert isinstance(store, JSONLStore)


def test_runs_of_one_millisecond_come_newest_first_too(write: Write, record: Record) -> None:
    """API-2: a run's start is shown in milliseconds, and there may be many in one."""
    starts = [1_700_000_000.0001 + at * 0.00001 for at in range(5)]
    path = write(*(record(number + 1, start_time=start) for number, start in enumerate(starts)))
    with JSONLStore(str(path)) as store:
        assert [run["name"] for run in store.list_runs()] == ["step 5", "step 4", "step 3", "step 2", "step 1"]
        assert [run["name"] for run in store.list_runs(order_dir="ASC", limit=2)] == ["step 1", "step 2"]
