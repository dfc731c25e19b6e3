"""``peekr.stats()``: exact counts as plain data (IFACE-6)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

import peekr
from peekr.testing import MemoryExporter, record


def spans(count: int) -> None:
    for _ in range(count):
        with peekr.span("s"):
            pass


def test_the_shape() -> None:
    with record(plugins=[]):
        stats = peekr.stats()
    assert set(stats) >= {"spans", "queue", "exporters", "plugins", "evaluations"}
    assert set(stats["spans"]) == {"started", "ended", "exported", "sampled_out", "dropped"}
    assert set(stats["queue"]) == {"events_queued", "events_dropped", "events_processed", "queue_size", "queue_maxsize"}
    assert set(stats["exporters"]["MemoryExporter"]) >= {"exported", "failed", "last_error"}
    for ledger in stats["plugins"].values():
        assert set(ledger) == {"group", "distribution", "errors", "last_error", "disabled", "seconds"}
    assert stats["evaluations"] == {"pending": 0, "done": 0, "failed": 0}
    assert json.loads(json.dumps(stats)) == stats


def test_before_anything_it_answers_too() -> None:
    assert set(peekr.stats()) >= {"spans", "queue", "exporters", "plugins", "evaluations"}


def test_what_was_started_is_ended_and_exported(counts_since: Any) -> None:
    with record(plugins=[]):
        spans(10)
        open_span, token = peekr.start_span("open")
        assert peekr.flush(10)
        assert counts_since() == {"started": 11, "ended": 10, "exported": 10, "sampled_out": 0, "dropped": 0}
        peekr.end_span(open_span, token)
        assert peekr.flush(10)
        assert counts_since()["ended"] == counts_since()["exported"] == 11


def test_reading_changes_nothing(counts_since: Any) -> None:
    with record(plugins=[]):
        spans(3)
        assert peekr.flush(10)
        assert len({json.dumps(counts_since()) for _ in range(20)}) == 1


def test_threads_are_counted_exactly(counts_since: Any) -> None:
    with record(plugins=[]):
        threads = [threading.Thread(target=spans, args=(1000,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert peekr.flush(10)
        assert counts_since() == {"started": 8000, "ended": 8000, "exported": 8000, "sampled_out": 0, "dropped": 0}


def test_a_span_that_several_exporters_took_counts_once(counts_since: Any) -> None:
    with record(plugins=[]):
        peekr.exporters.add_exporter(MemoryExporter())
        spans(10)
        assert peekr.flush(10)
        assert counts_since()["exported"] == 10
        assert [lane["exported"] for lane in peekr.stats()["exporters"].values()] == [10, 10]


def test_a_run_counts_once(counts_since: Any) -> None:
    """MODEL-9: its beginning is no span of its own."""
    with record(plugins=[]):
        with peekr.trace.run("run"):
            assert peekr.flush(10)
        assert peekr.flush(10)
        assert counts_since() == {"started": 1, "ended": 1, "exported": 1, "sampled_out": 0, "dropped": 0}


@pytest.mark.parametrize("again", ["instrument", "uninstrument", "shutdown", "clear_exporters"])
def test_counts_are_those_of_the_process_whatever_is_switched(counts_since: Any, again: str) -> None:
    for _ in range(3):
        peekr.instrument(console=False, exporter=MemoryExporter(), plugins=[])
        peekr.exporters.add_exporter(MemoryExporter())
        spans(10)
        if again != "instrument":
            getattr(peekr, again)()
    assert peekr.flush(10)
    assert counts_since() == {"started": 30, "ended": 30, "exported": 30, "sampled_out": 0, "dropped": 0}


def test_exporters_can_be_looked_at_after_the_end() -> None:
    peekr.instrument(console=False, exporter=MemoryExporter(), plugins=[])
    spans(5)
    peekr.shutdown()
    assert peekr.stats()["exporters"]["MemoryExporter"]["exported"] == 5


def test_spans_of_a_program_that_is_not_traced_are_not_ended(counts_since: Any) -> None:
    """``ended`` counts what was recorded."""
    spans(5)
    assert counts_since() == {"started": 5, "ended": 0, "exported": 0, "sampled_out": 0, "dropped": 0}
