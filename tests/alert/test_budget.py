"""Budgets: what they count, when they warn, and that they stop calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest

import peekr
from peekr import BudgetAlert, BudgetExceededError
from peekr.alert import WebhookSink
from peekr.spans import Span

MakeSpan = Callable[..., Span]


def test_it_warns_once_and_refuses_at_the_limit(span: MakeSpan) -> None:
    """BUDGET-1: warns once at 80 %, raises at the limit; .spent, .remaining."""
    said: List[Tuple[str, float, float]] = []
    budget = BudgetAlert(
        1.0,
        on_warning=lambda spent, limit: said.append(("warning", spent, limit)),
        on_exceeded=lambda spent, limit: said.append(("exceeded", spent, limit)),
    )
    budget.count_span(span(cost_usd=0.75))
    budget.check_input(span())
    assert (budget.spent, budget.remaining, said) == (0.75, 0.25, [])
    budget.count_span(span(cost_usd=0.125))
    budget.count_span(span(cost_usd=0.0625))
    budget.check_input(span())
    assert said == [("warning", 0.875, 1.0)]
    budget.count_span(span(cost_usd=0.0625))
    budget.count_span(span(cost_usd=1.0))
    assert said == [("warning", 0.875, 1.0), ("exceeded", 1.0, 1.0)]
    with pytest.raises(BudgetExceededError, match=r"\$2\.0000 of \$1\.00 \(200%\) for this day") as caught:
        budget.check_input(span())
    assert (caught.value.spent, caught.value.limit_usd, budget.remaining) == (2.0, 1.0, 0.0)


def test_reset_begins_anew(span: MakeSpan) -> None:
    """BUDGET-1: .reset()"""
    warnings: List[float] = []
    budget = BudgetAlert(1.0, on_warning=lambda spent, limit: warnings.append(spent), on_exceeded=print)
    budget.count_span(span(cost_usd=0.9))
    budget.reset()
    assert (budget.spent, budget.remaining) == (0.0, 1.0)
    budget.count_span(span(cost_usd=0.8))
    assert warnings == [0.9, 0.8]


@pytest.mark.parametrize(("window", "seconds"), [("hour", 3601), ("day", 86_401), ("month", 31 * 86_400 + 1)])
def test_a_new_window_begins_anew(span: MakeSpan, monkeypatch: Any, window: str, seconds: int) -> None:
    """BUDGET-1: window="day"|"hour"|"month" """
    now = [1_790_000_000.0]
    monkeypatch.setattr("peekr_alert.budget.time.time", lambda: now[0])
    budget = BudgetAlert(1.0, on_warning=lambda: None, on_exceeded=lambda: None, window=window)
    budget.count_span(span(cost_usd=1.0))
    with pytest.raises(BudgetExceededError):
        budget.check_input()
    now[0] += seconds
    budget.check_input()
    assert budget.spent == 0.0


def test_each_call_counts_once_however_it_comes(span: MakeSpan) -> None:
    """BUDGET-1: in alerts=[], budget_alert= and as exporter at once."""
    budget = BudgetAlert(10.0)
    call = span(cost_usd=0.5)
    budget.count_span(call)
    budget.check([call, span(kind="run")])
    budget.export(call)
    assert budget.spent == 0.5


@pytest.mark.parametrize(("limit", "said"), [(0.004, "0.004"), (0.05, "0.05"), (0.5, "0.50"), (1250.0, "1,250.00")])
def test_a_limit_of_less_than_a_cent_is_not_told_as_nothing(span: MakeSpan, limit: float, said: str) -> None:
    """BUDGET-1: the message holds the limit that was given."""
    budget = BudgetAlert(limit, on_warning=lambda: None, on_exceeded=lambda: None)
    budget.count_span(span(cost_usd=limit))
    with pytest.raises(BudgetExceededError, match=rf" of \${said} \(100%\)"):
        budget.check_input(span())


def test_called_by_hand_export_and_check_raise_at_the_limit(span: MakeSpan) -> None:
    """BUDGET-1: usable as exporter."""
    for way in (lambda budget, call: budget.export(call), lambda budget, call: budget.check([call])):
        with pytest.raises(BudgetExceededError):
            way(BudgetAlert(0.1, on_warning=lambda *_: None, on_exceeded=lambda *_: None), span(cost_usd=0.2))


def test_without_callbacks_the_messages_go_where_alerts_go(span: MakeSpan, capsys: Any) -> None:
    """ALERT-6"""
    budget = BudgetAlert(1.0)
    budget.count_span(span(cost_usd=0.9))
    budget.count_span(span(cost_usd=0.9))
    assert capsys.readouterr().err.splitlines() == [
        "[peekr alert] BudgetAlert: $0.9000 of $1.00 (90%) for this day is spent",
        "[peekr alert] BudgetAlert: the budget is exceeded, $1.8000 of $1.00 (180%) for this day;"
        " model calls are refused",
    ]


def test_a_callback_that_fails_is_logged_and_the_limit_holds(span: MakeSpan, caplog: Any) -> None:
    """ALERT-9"""
    budget = BudgetAlert(1.0, on_warning=lambda spent, limit: 1 / 0, on_exceeded=lambda spent, limit: 1 / 0)
    budget.count_span(span(cost_usd=1.0))
    assert caplog.text.count("a callback of 'BudgetAlert' failed: ZeroDivisionError") == 2
    with pytest.raises(BudgetExceededError):
        budget.check_input()


def test_what_is_not_billed_does_not_count(span: MakeSpan) -> None:
    """design 5: a provider's response bills once."""
    budget = BudgetAlert(1.0)
    budget.count_span(span(cost_usd=5.0, billed=False))
    budget.count_span(span(cost_usd=5.0, kind="tool"))
    assert budget.spent == 0.0


def test_a_call_without_a_known_price_is_said_once(span: MakeSpan, caplog: Any) -> None:
    """COST-1: never guessed."""
    budget = BudgetAlert(1.0)
    for _ in range(3):
        budget.count_span(span(model="nobodys-model", tokens_input=10, tokens_output=1))
    budget.count_span(span(model="nobodys-model"))
    assert (budget.spent, budget.unpriced) == (0.0, 3)
    assert caplog.text.count("has no known price, so BudgetAlert does not count it") == 1


def test_a_budget_file_is_shared_and_survives(span: MakeSpan, tmp_path: Path) -> None:
    """issue 5.3: state that survives a restart where asked."""
    path = tmp_path / "budget.json"
    first = BudgetAlert(1.0, on_warning=lambda: None, on_exceeded=lambda: None, state=path)
    first.count_span(span(cost_usd=0.5))
    second = BudgetAlert(1.0, on_warning=lambda: None, on_exceeded=lambda: None, state=path)
    second.count_span(span(cost_usd=0.5))
    assert (first.spent, second.spent) == (1.0, 1.0)
    with pytest.raises(BudgetExceededError):
        first.check_input()


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit_usd": 0},
        {"limit_usd": -1},
        {"limit_usd": "10"},
        {"limit_usd": float("nan")},
        {"limit_usd": float("inf")},
        {"limit_usd": 1, "warning_pct": 0},
        {"limit_usd": 1, "warning_pct": 1.5},
        {"limit_usd": 1, "window": "week"},
        {"limit_usd": 1, "on_warning": 3},
    ],
)
def test_bad_arguments_are_value_errors(arguments: Any) -> None:
    """BUDGET-1"""
    with pytest.raises(ValueError, match=r"limit_usd|warning_pct|window|on_warning"):
        BudgetAlert(**arguments)


def test_the_factory_makes_the_same() -> None:
    """PKG-11: budget_alert"""
    budget = peekr.budget_alert(2.0, window="hour", warning_pct=0.5)
    assert isinstance(budget, BudgetAlert)
    assert (budget.limit_usd, budget.window, budget.warning_pct) == (2.0, "hour", 0.5)


@pytest.mark.parametrize("role", ["budget_alert", "alerts", "exporter", "all"])
def test_a_spent_budget_stops_the_next_call_before_it_is_made(role: str, server: Any) -> None:
    """BUDGET-1: raised into the caller, and no request leaves; the cost of the call just ended is waited for."""
    openai, httpx = pytest.importorskip("openai"), pytest.importorskip("httpx")
    pytest.importorskip("peekr_openai")
    from peekr.testing.scripted import ScriptedAPI

    budget = BudgetAlert(1.0, on_warning=lambda: None, on_exceeded=lambda: None).with_sinks(WebhookSink(server.url))
    roles = {"budget_alert": budget, "alerts": [budget], "exporter": budget}
    given = roles if role == "all" else {role: roles[role]}
    reply = {"role": "assistant", "content": "hi"}
    usage = {"prompt_tokens": 100_000, "completion_tokens": 10_000, "total_tokens": 110_000}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": usage}
    answer["choices"] = [{"index": 0, "message": reply, "finish_reason": "stop"}]
    api = ScriptedAPI(httpx, answer)
    with peekr.testing.record(storage=None, plugins=["openai", "cost"], **given):
        client = openai.OpenAI(api_key="x", http_client=api.client())

        def ask() -> None:
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])

        for _ in range(3):
            ask()
        with pytest.raises(BudgetExceededError):
            ask()
        assert len(api.requests) == 3
        assert budget.spent == pytest.approx(1.05)
        assert budget.unpriced == 0
    assert len(server.bodies) == 2


def test_calls_recorded_by_hand_end_at_the_limit_too(tmp_path: Path) -> None:
    """BUDGET-1 for trace.llm(): all of them count, and those behind the limit say so."""
    budget = BudgetAlert(0.5)
    peekr.instrument(console=False, jsonl_path=str(tmp_path / "t.jsonl"), plugins=[], budget_alert=budget)
    with peekr.trace.run("r"):
        peekr.trace.llm(model="m", prompt="p", response="r", cost_usd=0.5)
        with pytest.raises(BudgetExceededError):
            peekr.trace.llm(model="m", prompt="p", response="r", cost_usd=0.25)
    assert peekr.flush(10)
    assert budget.spent == 0.75
