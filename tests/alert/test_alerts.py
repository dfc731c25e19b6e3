"""When each alert fires, and when not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List

import pytest

import peekr
from peekr.alert import BaseAlert, CostSpike, ErrorRate, LatencyP95, ScoreFloor, TokenGrowth
from peekr.spans import Span

MakeSpan = Callable[..., Span]


def heard(cls: Any, *args: Any, **options: Any) -> Any:
    """An alert of this class, and the list of its messages."""
    messages: List[str] = []

    class Heard(cls):  # type: ignore[misc]
        def on_trigger(self, message: str) -> None:
            messages.append(message)

    return Heard(*args, name=cls.__name__, **options), messages


def test_error_rate_fires_above_the_threshold_and_not_at_it(span: MakeSpan) -> None:
    """ALERT-2: errored traces / last N traces > threshold, strict."""
    alert, messages = heard(ErrorRate, threshold=0.25, window=4)
    for status in ("ok", "ok", "ok", "error"):
        alert.check([span(status=status)])
    assert messages == []
    alert.check([span(), span(status="error")])
    assert messages == ["ErrorRate: 50.0% of the last 4 traces failed, more than 25.0%"]


def test_error_rate_forgets_what_left_its_window(span: MakeSpan) -> None:
    """ALERT-2"""
    alert, messages = heard(ErrorRate, threshold=0.4, window=2)
    alert.check([span(status="error")])
    alert.check([span()])
    alert.check([span()])
    assert len(messages) == 2


def test_cost_spike_compares_with_the_mean_before(span: MakeSpan) -> None:
    """ALERT-3: > multiplier × mean of the earlier traces; the first trace never fires."""
    alert, messages = heard(CostSpike, multiplier=2.0)
    alert.check([span(1_000_000)])
    alert, messages = heard(CostSpike, multiplier=2.0)
    for tokens in (10, 20, 30):
        alert.check([span(tokens)])
    assert messages == []
    alert.check([span(20), span(20)])
    assert messages == []
    alert.check([span(51)])
    assert messages == ["CostSpike: a trace took 51 tokens, 2.0 times the mean of 25 of the 4 before it"]


def test_a_wrapper_of_a_billed_call_does_not_count_twice(span: MakeSpan) -> None:
    """ALERT-3, design 5"""
    alert, messages = heard(CostSpike)
    alert.check([span(10)])
    alert.check([span(20), span(20, billed=False)])
    assert messages == []


def test_traces_without_tokens_neither_spike_nor_break_growth(span: MakeSpan) -> None:
    """ALERT-3, ALERT-5"""
    growth, grown = heard(TokenGrowth, runs=3)
    spike, spiked = heard(CostSpike)
    for tokens in (10, None, 11, None, 12):
        growth.check([span(tokens)])
        spike.check([span(tokens)])
    assert (len(grown), spiked) == (1, [])


def test_latency_is_the_nearest_rank_of_the_spans(span: MakeSpan) -> None:
    """ALERT-4: p95 of a trace's span durations > ms."""
    alert, messages = heard(LatencyP95, 100)
    alert.check([span(ms=100.0)] * 20 + [span(ms=9000.0)])
    assert messages == []
    alert.check([span(ms=100.0)] * 18 + [span(ms=101.0), span(ms=9000.0)])
    assert messages == ["LatencyP95: the p95 of 20 spans of a trace is 101 ms, more than 100 ms"]
    assert LatencyP95().ms == 5000


def test_tokens_must_grow_strictly_over_so_many_totals(span: MakeSpan) -> None:
    """ALERT-5, D-3: `runs` totals, not runs + 1."""
    alert, messages = heard(TokenGrowth, runs=3)
    for tokens in (1, 2, 2, 3):
        alert.check([span(tokens)])
    assert messages == []
    alert.check([span(4)])
    assert messages == ["TokenGrowth: tokens grew over the last 3 traces, from 2 to 4"]


def test_scores_below_the_floor(span: MakeSpan) -> None:
    """ALERT-7: mean of the last scored spans < threshold, from min_samples on."""
    alert, messages = heard(ScoreFloor, 0.5, window=4, min_samples=3)
    for score in (0.5, 0.4):
        alert.check([span(eval_scores={"Hallucination": score})])
    alert.check([span(eval_scores={"Rubric": 0.0})])
    assert messages == []
    alert.check([span(eval_scores={"Hallucination": 0.3}), span()])
    assert messages == ["ScoreFloor: mean Hallucination of the last 3 scored calls is 0.40, below 0.50"]
    alert.check([span(eval_scores={"Hallucination": 1.0}), span(eval_scores={"Hallucination": 1.0})])
    assert len(messages) == 1


def test_the_default_prints_one_harmless_line(span: MakeSpan, capsys: Any) -> None:
    """ALERT-6: `[peekr alert] <message>` on stderr, with nothing in it that moves a cursor."""
    alert = ErrorRate(0.0, name="bad\x1b[31m\nname")
    alert.check([span(status="error")])
    error = capsys.readouterr().err
    assert error == "[peekr alert] bad\\x1b[31m\\nname: 100.0% of the last 1 traces failed, more than 0.0%\n"


def test_a_failing_on_trigger_is_logged_and_the_window_goes_on(span: MakeSpan, caplog: Any) -> None:
    """ALERT-9"""

    class Broken(ErrorRate):
        def on_trigger(self, message: str) -> None:
            raise RuntimeError("no pager")

    alert = Broken(0.4, window=2)
    alert.check([span(status="error")])
    alert.check([span()])
    assert "on_trigger() of alert 'Broken' failed: RuntimeError('no pager')" in caplog.text


def test_a_cooldown_holds_messages_back(span: MakeSpan, monkeypatch: Any) -> None:
    """IFACE-11: none unless cooldown= is given."""
    now = [1_790_000_000.0]
    monkeypatch.setattr("peekr_alert.base.time.time", lambda: now[0])
    alert, messages = heard(ErrorRate, 0.0, cooldown=60)
    eager, all_messages = heard(ErrorRate, 0.0)
    for seconds in (0, 30, 29, 2):
        now[0] += seconds
        alert.check([span(status="error")])
        eager.check([span(status="error")])
    assert (len(messages), len(all_messages)) == (2, 4)


def test_state_survives_a_restart_and_is_shared(span: MakeSpan, tmp_path: Path) -> None:
    """issue 5.3: state that survives a restart where asked."""
    path = tmp_path / "state.json"
    first, _ = heard(TokenGrowth, runs=3, state=str(path))
    first.check([span(1)])
    second, messages = heard(TokenGrowth, runs=3, state=path)
    second.check([span(2)])
    first.check([span(3)])
    second.check([span(4)])
    assert messages == ["TokenGrowth: tokens grew over the last 3 traces, from 2 to 4"]
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".peekr")] == []


def test_a_broken_state_file_is_said_and_begun_anew(span: MakeSpan, tmp_path: Path, caplog: Any) -> None:
    """Bad input: nothing is lost but the file's own nonsense."""
    path = tmp_path / "state.json"
    path.write_text("{not json")
    alert, messages = heard(ErrorRate, 0.0, state=path)
    alert.check([span(status="error")])
    assert "cannot be read and is begun anew" in caplog.text
    assert len(messages) == 1
    assert json.loads(path.read_text())["ErrorRate"]["window"] == [1]


_WRITER = """
import sys
from peekr_alert.state import State
state = State(sys.argv[1])
for _ in range(100):
    with state.changing("n") as memory:
        memory["count"] = memory.get("count", 0) + 1
"""


def test_processes_that_share_a_state_lose_nothing(tmp_path: Path) -> None:
    """issue 5.3: several processes tolerable."""
    path = str(tmp_path / "state.json")
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, path]) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {"n": {"count": 200}}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ErrorRate(threshold=1.5), "threshold must be a number between 0 and 1, got 1.5"),
        (lambda: ErrorRate(threshold=True), "threshold must be a number"),
        (lambda: ErrorRate(window=0), "window must be a whole number of 1 or more, got 0"),
        (lambda: CostSpike(multiplier=0), "multiplier must be a number more than 0"),
        (lambda: CostSpike(multiplier=float("nan")), "multiplier must be a number"),
        (lambda: LatencyP95(ms=-1), "ms must be a number 0 or more"),
        (lambda: TokenGrowth(runs=1), "runs must be a whole number of 2 or more"),
        (lambda: ScoreFloor(window=3, min_samples=5), "could never fire"),
        (lambda: ScoreFloor(evaluator=""), "evaluator must be the name"),
        (lambda: ErrorRate(cooldown=-1), "cooldown must be a number 0 or more"),
        (lambda: ErrorRate(state=7), "state must be the path"),
        (lambda: ErrorRate(state=os.path.join("no", "such", "folder", "state.json")), "state"),
    ],
)
def test_arguments_that_cannot_work_are_refused(make: Any, said: str) -> None:
    """design 8: misconfiguration fails early, as a ValueError that names the argument and its value."""
    with pytest.raises(ValueError, match=said):
        make()


def test_the_base_class_says_what_to_write(span: MakeSpan) -> None:
    """ALERT-6"""
    with pytest.raises(NotImplementedError, match="check"):
        BaseAlert().check([span()])


def test_alerts_are_checked_once_per_complete_trace() -> None:
    """ALERT-1: when the root ends, on all its spans."""
    seen: List[List[str]] = []

    class Seen(BaseAlert):
        def check(self, trace: Any) -> None:
            seen.append([span.name for span in trace])

    with peekr.testing.record(alerts=[Seen()], plugins=[]) as recording:
        with peekr.span("root"):
            with peekr.span("inner"):
                pass
        with peekr.span("other"):
            pass
        assert len(recording.spans) == 3
    assert seen == [["inner", "root"], ["other"]]


def test_the_documented_sequence_fires_where_it_says(capsys: Any) -> None:
    """E0-25, E0-26"""
    got: List[str] = []

    class SlackAlert(peekr.alert.ErrorRate):
        def on_trigger(self, message: str) -> None:
            got.append(message)

    alerts = [
        peekr.alert.ErrorRate(threshold=0.05, window=100),
        peekr.alert.CostSpike(multiplier=2.0),
        peekr.alert.LatencyP95(ms=5000),
        peekr.alert.TokenGrowth(runs=5),
        SlackAlert(threshold=0.05),
    ]
    with peekr.testing.record(alerts=alerts, plugins=[]):
        for tokens, fails in [*((tokens, False) for tokens in (10, 11, 12, 13, 14, 100)), (10, True)]:
            span, token = peekr.start_span("agent")
            span.attributes["tokens_total"] = tokens
            span.status = "error" if fails else "ok"
            peekr.end_span(span, token)
        assert peekr.flush()
    lines = [line.split(":")[0] for line in capsys.readouterr().err.splitlines()]
    said = ["TokenGrowth", "CostSpike", "TokenGrowth", "ErrorRate"]
    assert lines == [f"[peekr alert] {name}" for name in said]
    assert len(got) == 1
