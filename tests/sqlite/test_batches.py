"""Spans that wait for a slow disk are written together (``max_batch``)."""

from __future__ import annotations

import threading
from typing import Any, Callable, List, Sequence

import pytest

from peekr.lane import Lane
from peekr.pipeline import FlushTicket
from peekr.spans import Span
from peekr_jsonl import JSONLExporter
from peekr_sqlite import SQLiteExporter

MakeSpan = Callable[..., Span]


class SlowExporter:
    """Holds the first batch until it is let go."""

    max_batch = 10

    def __init__(self) -> None:
        self.batches: List[int] = []
        self.at_work, self.go_on = threading.Event(), threading.Event()

    def export_batch(self, spans: Sequence[Span]) -> int:
        self.batches.append(len(spans))
        self.at_work.set()
        assert self.go_on.wait(10)
        return 0


def batches_of(exporter: Any, sizes: Sequence[int], span: MakeSpan) -> List[int]:
    """The batches that an exporter is given when they come while it is busy with the first."""
    lane = Lane("slow", exporter, exporter.export_batch)
    shared = [[span(number + 1) for number in range(size)] for size in sizes]
    for batch in shared:
        lane.put(batch)
        assert exporter.at_work.wait(10)
    ticket = FlushTicket()
    ticket.expect(1)
    lane.put_ticket(ticket)
    exporter.go_on.set()
    ticket._done.wait(10)
    lane.stop()
    assert [len(batch) for batch in shared] == list(sizes), "another lane's batches were changed"
    assert lane.stats()["exported"] == sum(sizes)
    return exporter.batches


def test_what_waits_is_joined_up_to_max_batch(span: MakeSpan) -> None:
    """EXP-4: one transaction for many spans when the disk is behind."""
    assert batches_of(SlowExporter(), [1, 4, 4, 4, 4], span) == [1, 12, 4]


def test_an_exporter_without_max_batch_gets_the_batches_as_they_come(
    span: MakeSpan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXP-4"""
    monkeypatch.delattr(SlowExporter, "max_batch")
    assert batches_of(SlowExporter(), [1, 4, 4], span) == [1, 4, 4]


def test_both_file_exporters_take_many_spans_at_once() -> None:
    """EXP-4"""
    assert min(SQLiteExporter.max_batch, JSONLExporter.max_batch) >= 4096
