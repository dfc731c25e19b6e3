"""Calls belong to the request around them, and a database says of them what a file says."""

from __future__ import annotations

import pytest

from peekr import Span, open_store
from peekr_dashboard.collect import collect
from peekr_dashboard.diagnostics import requests
from peekr_dashboard.diagnostics.engine import diagnose_store
from peekr_dashboard.diagnostics.records import as_dict
from peekr_sqlite import SQLiteExporter


@pytest.fixture(params=["jsonl", "sqlite"])
def opened(request, write, tmp_path):
    """Opens a store of these records, of either kind."""

    def open_records(records):
        if request.param == "jsonl":
            return open_store(write(records))
        exporter = SQLiteExporter(tmp_path / "traces.db")
        exporter.export_batch([Span.from_dict(each) for each in records])
        exporter.shutdown()
        return open_store(tmp_path / "traces.db")

    return open_records


def request_of(record, number, seconds, **given):
    """A span around calls, that lasts so long."""
    given = {"name": "http.POST", "kind": "http", "model": None, "input": None, "output": None, **given}
    start = record(number, **given)["start_time"]
    return record(number, duration_ms=seconds * 1000.0, end_time=start + seconds, **given)


def calls_of(store):
    with store:
        return {int(each.id, 16): as_dict(each) for each in collect(store).calls}


def test_a_call_has_its_duration_session_and_place(opened, record):
    """DASH-9, DASH-19: the page shows them, whatever the store is."""
    found = calls_of(opened([record(2, parent=1, trace=1, session_id="s-1", duration_ms=12.5), record(1, trace=1)]))
    assert found[2]["ms"] == 12.5 and found[2]["session"] == "s-1" and "root" not in found[2]
    assert found[1]["root"] == "openai.chat.completions"


def test_a_call_has_the_endpoint_and_the_feature_of_the_request_around_it(opened, record):
    """DASH-4, DASH-11; examples E0-35, E1-11: they are set on the root span, and the call is its child."""
    found = calls_of(
        opened([record(3, parent=2, trace=1), request_of(record, 1, 9, trace=1, endpoint="/chat", feature="search")])
    )
    assert found[3]["endpoint"] == "/chat" and found[3]["feature"] == "search"


def test_the_innermost_request_counts_and_what_the_call_says_itself_first(opened, record):
    """SPAN-6: a request may be handled by others, of other services; a value of user code wins (C-38)."""
    found = calls_of(
        opened(
            [
                record(3, parent=2, trace=1),
                record(4, parent=2, trace=1, endpoint="own"),
                request_of(record, 2, 4, trace=1, parent=1, endpoint="/inner"),
                record(7, parent=1, trace=1),
                request_of(record, 1, 20, trace=1, parent=99, endpoint="/outer", feature="faq"),
                record(8, trace=8),
            ]
        )
    )
    assert [found[each].get("endpoint") for each in (3, 4, 7, 8)] == ["/inner", "own", "/outer", None]
    assert [found[each].get("feature") for each in (3, 4, 7, 8)] == ["faq", "faq", "faq", None]


def test_a_request_that_is_still_open_is_around_what_follows(opened, record):
    """MODEL-9: a run is in a database before what happens in it."""
    run = request_of(record, 1, 1, trace=1, kind="run", endpoint="/run")
    run.update(end_time=None, duration_ms=None)
    assert calls_of(opened([run, record(50, parent=1, trace=1)]))[50]["endpoint"] == "/run"


def test_the_diagnosis_blames_the_endpoint_that_the_root_has(opened, record):
    """DIAG-4: flagged calls that share an endpoint, although only their requests bear it."""
    spans = []
    for number in range(10, 400, 10):
        bad = number < 80
        score = {"Hallucination": 0.1 if bad else 0.9}
        spans.append(record(number + 1, parent=number, trace=number, eval_scores=score, tenant_id=f"t{number}"))
        spans.append(request_of(record, number, 5, endpoint="/search" if bad else "/chat"))
    with opened(spans) as store:
        titles = [card.title for card in diagnose_store(store).cards]
    assert any("/search" in title for title in titles), titles


def test_no_call_is_lost_while_it_waits_for_a_root_that_never_comes(opened, record, monkeypatch):
    """JSONL-5: memory does not grow with the file, and nothing is left out."""
    monkeypatch.setattr(requests, "MOST_WAITING", 3)
    monkeypatch.setattr(requests, "MOST_REMEMBERED", 2)
    spans = [record(number, parent=9_999, trace=number) for number in range(1, 20)]
    spans += [request_of(record, number, 5, trace=number, endpoint="/x") for number in range(100, 120)]
    assert set(calls_of(opened(spans))) == set(range(1, 20))
