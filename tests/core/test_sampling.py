"""Sampling: one decision per trace, by its id."""

from __future__ import annotations

import random
from typing import Any, Set

import pytest

import peekr
from peekr.sampling import trace_is_sampled
from peekr.testing import record


def traces(count: int) -> None:
    """Traces of a root, a child, a run in it and a step of that."""
    for _ in range(count):
        with peekr.span("root"), peekr.span("child"), peekr.trace.run("run") as run:
            run.tool(tool_name="t")


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_the_share_is_within_two_points_of_the_rate(rate: float) -> None:
    """SAMP-2: over 10,000 ids."""
    ids = [f"{random.Random(number).getrandbits(128):032x}" for number in range(10_000)]
    share = sum(trace_is_sampled(each, rate) for each in ids) / 10_000
    assert abs(share - rate) < 0.02


def test_the_share_of_stored_traces_is_within_two_points_of_the_rate() -> None:
    """SAMP-2"""
    with record(plugins=[], sample_rate=0.3) as recording:
        for _ in range(10_000):
            with peekr.span("s"):
                pass
        assert abs(len(recording.spans) / 10_000 - 0.3) < 0.02


def test_the_same_id_has_the_same_answer_and_a_higher_rate_keeps_what_a_lower_one_did() -> None:
    """SAMP-2"""
    kept: Set[int] = set()
    for rate in (0, 0.25, 0.5, 0.75, 1):
        now = {n for n in range(2000) if trace_is_sampled(f"{random.Random(n).getrandbits(128):032x}", rate)}
        assert now >= kept
        kept = now
    assert len(kept) == 2000


def test_a_trace_is_stored_whole_or_not_at_all() -> None:
    """SAMP-6: never a partial trace."""
    with record(plugins=[], sample_rate=0.5) as recording:
        traces(200)
        by_trace: Any = {}
        for span in recording.spans:
            by_trace.setdefault(span.trace_id, []).append(span.name)
    assert 50 < len(by_trace) < 150
    assert all(sorted(names) == ["child", "root", "run", "tool.t"] for names in by_trace.values())


@pytest.mark.parametrize(("rate", "stored"), [(0, 0), (0.0, 0), (1, 40), (1.0, 40), (None, 40)])
def test_none_and_all(rate: Any, stored: int) -> None:
    """SAMP-1, C-21"""
    with record(plugins=[], sample_rate=rate) as recording:
        traces(10)
        assert len(recording.spans) == stored


def test_errors_of_dropped_traces_may_be_kept() -> None:
    """SAMP-6"""
    with record(plugins=[], sample_rate=0, keep_errors=True) as recording:
        for fail in (True, False):
            try:
                with peekr.span("root"), peekr.span("child"):
                    if fail:
                        raise ValueError("boom")
            except ValueError:
                pass
        assert [(span.name, span.status) for span in recording.spans] == [("child", "error"), ("root", "error")]


def test_what_is_not_stored_is_counted(counts_since: Any) -> None:
    """IFACE-6"""
    with record(plugins=[], sample_rate=0):
        traces(10)
        assert peekr.flush(10)
    assert counts_since() == {"started": 30, "ended": 30, "exported": 0, "sampled_out": 30, "dropped": 0}


def test_an_id_of_other_origin_is_decided_alike_in_every_process(python: Any) -> None:
    """SAMP-2: same id, same answer; hash() of a text differs from process to process."""
    said = {
        python(
            "from peekr.sampling import trace_is_sampled",
            "print([trace_is_sampled(f'order-{n}', 0.5) for n in range(50)])",
            PYTHONHASHSEED=seed,
        )
        for seed in ("1", "2")
    }
    assert len(said) == 1 and "True" in said.pop()
