"""The wall clock jumps while a program runs: suspend, NTP, a wrong time zone (SPAN-3)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import peekr

pytestmark = pytest.mark.journey

#: A clock that can be moved; it is in place before anything asks for the time.
CLOCK = """
import time
_time, _time_ns, shift = time.time, time.time_ns, [0]
time.time = lambda: _time() + shift[0]
time.time_ns = lambda: _time_ns() + shift[0] * 10**9
"""


@pytest.mark.parametrize("jump", [3600, -3600], ids=["an hour ahead", "an hour back"])
def test_durations_are_those_of_a_clock_that_never_jumps(run: Any, jump: int) -> None:
    """Each span ends after it began, none lasts an hour, and the readers have the trace whole."""
    began = peekr.Span("now").start_time
    said = run(
        f"""
        peekr.instrument(console=False, storage="both", jsonl_path="t.jsonl", db_path="t.db", plugins=[])
        with peekr.span("earlier"): pass
        with peekr.trace.run("root"):
            with peekr.span("before"): time.sleep(0.01)
            with peekr.span("during"):
                shift[0] = {jump}
                time.sleep(0.01)
            with peekr.span("after"): time.sleep(0.01)
        for number in range(300):
            with peekr.span("later"): pass
        assert peekr.flush(10)
        """,
        first=CLOCK,
    )
    assert said.err == ""
    names = ["before", "during", "after", "root"]
    for file in ("t.jsonl", "t.db"):
        with peekr.open_store(said.folder / file) as store:
            spans = {span.name: span for span in store.spans()}
            assert list(spans)  # in some order
            for span in spans.values():
                assert span.end_time is not None and span.duration_ms is not None
                assert span.end_time >= span.start_time
                assert (span.end_time - span.start_time) * 1000 == pytest.approx(span.duration_ms, abs=0.01)
                assert 0 <= span.duration_ms < 60_000
            assert all(spans[name].duration_ms >= 10 for name in names)
            assert abs(spans["during"].start_time - began) < 60
            assert abs(spans["after"].start_time - began - jump) < 60
            trace = store.trace(spans["root"].trace_id)
            assert sorted(span.name for span in trace) == sorted(names)
            (summary,) = [each for each in store.traces(limit=None) if each.name == "root"]
            assert (summary.span_count, summary.duration_ms) == (4, spans["root"].duration_ms)
            assert sum(1 for _ in store.traces(limit=None)) == 302


def test_what_waits_does_not_wait_for_the_wall_clock(run: Any) -> None:
    """Flushing, sampling and the end count in monotonic time: an hour back delays nothing."""
    said = run(
        """
        on(sample_rate=0.0, keep_errors=True)
        work()
        shift[0] = -3600
        try:
            with peekr.span("failed"): raise ValueError
        except ValueError: pass
        start = time.monotonic()
        assert peekr.flush(20)
        assert peekr.shutdown()
        say("took", time.monotonic() - start < 15)
        """,
        first=CLOCK,
    )
    assert said.names == ["failed"]
    assert said.lines[-1] == "took True"


def test_the_tree_of_a_trace_that_began_in_the_future_is_drawn(run: Any) -> None:
    """``peekr view``: a child that seems to begin before its parent is still its child."""
    pytest.importorskip("peekr_cli")
    said = run(
        """
        peekr.instrument(console=False, storage="jsonl", jsonl_path="t.jsonl", plugins=[])
        with peekr.span("root"):
            shift[0] = -3600
            with peekr.span("child"): time.sleep(0.01)
        peekr.shutdown()
        import subprocess
        for options in ([], ["--json"]):
            command = [sys.executable, "-m", "peekr", "view", "t.jsonl", *options]
            print(subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout, flush=True)
            say("--")
        """,
        first=CLOCK,
    )
    drawn, shown = "\n".join(said.lines).split("\n--")[:2]
    found = re.findall(r"\b(root|child)\b.*?([\d.]+)(ms|s|m|h)\b", drawn)
    assert [(name, unit) for name, _, unit in found] == [("root", "ms"), ("child", "ms")]
    records = [json.loads(line) for line in shown.splitlines() if line]
    assert sorted(record["name"] for record in records) == ["child", "root"]
