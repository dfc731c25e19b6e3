"""A long database is diagnosed by two processes, each half of the rows (issue 6, figures)."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from tests.dashboard.conftest import START
from tests.dashboard.diagnostic_vectors import random_records, same

from peekr import Span, open_store, secondcore
from peekr_dashboard.diagnostics import counting
from peekr_dashboard.diagnostics.aggregation import Aggregator
from peekr_dashboard.diagnostics.integrity import IntegrityTally
from peekr_dashboard.diagnostics.reading import EVERYTHING, Question
from peekr_dashboard.diagnostics.records import from_dict
from peekr_sqlite import SQLiteExporter

_REASONS = ("timeout", "auth")


def _attributes(rng: random.Random, kind: str) -> Dict[str, Any]:
    if kind == "memory_read":
        memories = [{"id": f"m{rng.randrange(6)}", "rank": place, "age_seconds": 9e6} for place in (1, 2)]
        return {"memories": memories, "recall": True}
    if kind != "llm":
        return {}
    scores = {"Hallucination": rng.randrange(101) / 100} if rng.random() < 0.8 else {"NotEmpty": 1.0}
    return {
        "model": rng.choice("ab"),
        "tokens_total": rng.randrange(900),
        "eval_scores": scores,
        "memory_hits": rng.choice([[], ["m1"]]),
        "hallucination_details": {"total": 3, "supported": 1, "contradicted": 1, "unsupported": rng.randrange(2)},
        "eval_errors": {"Judge": rng.choice(_REASONS)} if rng.random() < 0.1 else None,
    }


def _spans(count: int) -> List[Span]:
    """Spans whose parents lie anywhere: before them, behind them, in the other half, in a circle, nowhere."""
    rng = random.Random(7)
    out = []
    for number in range(count):
        kind = rng.choice(["llm", "llm", "tool", "memory_read", "run"])
        failed = rng.random() < 0.2
        reason = {"error_reason": rng.choice(_REASONS)} if failed else {}
        record = {
            "trace_id": f"{rng.randrange(count // 5):032x}",
            "span_id": f"{number:016x}",
            "parent_id": f"{rng.randrange(count + 20):016x}" if rng.random() < 0.6 else None,
            "name": "tool.search" if kind == "tool" else "agent",
            "start_time": START + rng.randrange(900),
            "end_time": START + 1000,
            "duration_ms": 5.0,
            "status": "error" if failed else "ok",
            "tenant_id": rng.choice(["acme", "globex", None]),
            "attributes": {"kind": kind, **reason, **_attributes(rng, kind)},
        }
        out.append(Span.from_dict(record))
    return out


@pytest.fixture
def database(tmp_path: Path) -> str:
    exporter = SQLiteExporter(tmp_path / "traces.db")
    exporter.export_batch(_spans(600))
    exporter.shutdown()
    return str(tmp_path / "traces.db")


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(secondcore, "WORTH_IT", 2)


def _alone(target: str, question: Question = EVERYTHING) -> Dict[str, Any]:
    with open_store(target) as store:
        return counting._counted(store, question, None).result()


def test_two_processes_find_what_one_finds(database: str, two_cores: None) -> None:
    """issue 6, figures: with a second process the result is the same, to the byte."""
    seen: List[int] = []
    with open_store(database) as store:
        assert counting.middle_of(store, EVERYTHING)[1] == 600
        found = counting.count_store(store, EVERYTHING, seen.append).result()
    assert found == _alone(database)
    assert found["integrity"]["orphans"] and found["integrity"]["skewed"] and found["tools"]
    assert seen


@pytest.mark.parametrize("how", ["fails", "cannot start"])
def test_without_the_second_process_one_does_all(
    database: str, two_cores: None, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """issue 6, figures: nothing depends on a second process."""
    if how == "fails":
        monkeypatch.setattr(secondcore.Worker, "result", secondcore.Worker.give_up)
    else:
        monkeypatch.setattr(sys, "executable", "")
    with open_store(database) as store:
        assert counting.count_store(store, EVERYTHING).result() == _alone(database)


@pytest.mark.parametrize("status", ["ok", "error"])
def test_a_status_is_that_of_whole_traces_in_both(database: str, two_cores: None, status: str) -> None:
    """CLI-13: a trace has failed also where the failed span lies in the other half."""
    from peekr.selection import Selection

    question = Question(Selection(status=status))
    with open_store(database) as store:
        assert counting.count_store(store, question).result() == _alone(database, question)


def test_halves_of_any_records_add_up() -> None:
    """DIAG: aggregates do not depend on how a store is cut."""
    for seed in range(40):
        records = [from_dict(each) for each in random_records(seed)]
        whole, first, second = Aggregator(), Aggregator(), Aggregator()
        for place, record in enumerate(records):
            whole.add(record)
            (first if place < len(records) // 2 else second).add(record)
        first.absorb(_sent(second))
        assert same(first.result(), whole.result()), seed


def _sent(tally: Aggregator) -> Aggregator:
    import pickle

    found: Aggregator = pickle.loads(pickle.dumps(tally))
    return found


def test_a_circle_through_both_halves_is_a_circle() -> None:
    """issue 6, bad input: cycles in parents, orphans, clock skew."""
    first, second = IntegrityTally(), IntegrityTally()
    spans = {"a": "c", "b": "a", "late": "root", "lost": "nowhere"}, {"c": "b", "root": None, "under": "lost"}
    for tally, half in zip((first, second), spans):
        for at, (name, parent) in enumerate(half.items()):
            start = 50.0 if name == "root" else float(at)
            row = {"trace": "t", "id": name, "name": "n", "kind": "run", "start": start}
            tally.add(from_dict({**row, **({"parent": parent} if parent else {})}))
    first.absorb(second)
    assert first.result() == {
        "orphans": 1, "cycles": 3, "skewed": 2, "skew_s": 48.0, "future": 0, "open": 0, "problems": 6,
    }  # fmt: skip
