"""Costs on the spans of a traced program."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Callable

import pytest

import peekr
from peekr.spans import Span
from peekr_cost.processor import CostProcessor

MakeCall = Callable[..., Span]


def priced(span: Span) -> Any:
    """The cost that the processor sets, or None."""
    CostProcessor().process(span)
    return span.attributes.get("cost_usd")


def test_a_call_with_tokens_and_a_known_model_gets_a_cost(call: MakeCall) -> None:
    """COST-1: the recorded names of five providers."""
    tokens = {"tokens_input": 1000, "tokens_output": 100}
    assert priced(call(model="gpt-4o-2024-08-06", provider="openai", **tokens)) == 0.0035
    assert priced(call(model="gpt-4o", provider="openai", tokens_cached=400, **tokens)) == 0.003
    assert priced(call(model="claude-3-5-sonnet-20241022", provider="anthropic", **tokens)) == 0.0045
    assert priced(call(model="gemini-2.5-flash", provider="gemini", **tokens)) == 0.00055
    assert priced(call(model="us.amazon.nova-lite-v1:0", provider="bedrock", **tokens)) == 0.000084
    assert priced(call(model="gpt-4o", provider="azure", **tokens)) == 0.0035


def test_anthropic_cache_tokens_have_their_prices(call: MakeCall) -> None:
    """issue 5.4: cached and written input, the hour's writes apart."""
    span = call(
        model="claude-3-5-sonnet-20241022",
        provider="anthropic",
        tokens_input=10_000,
        tokens_output=0,
        tokens_cached=6000,
        tokens_cache_write=3000,
        tokens_cache_write_1h=1000,
    )
    assert priced(span) == pytest.approx((1000 * 3 + 6000 * 0.3 + 2000 * 3.75 + 1000 * 6) / 1e6)


def test_long_prompts_and_service_tiers_change_the_price(call: MakeCall) -> None:
    """issue 5.4: long-context and batch prices."""
    long = call(model="gemini-2.5-pro", provider="gemini", tokens_input=200_001, tokens_output=0)
    batch = call(model="gpt-4o", provider="openai", tokens_input=1000, tokens_output=0, service_tier="batch")
    assert priced(long) == pytest.approx(200_001 * 2.5 / 1e6)
    assert priced(batch) == pytest.approx(1000 * 1.25 / 1e6)


def test_embeddings_cost_their_input(call: MakeCall) -> None:
    """LLM-6: tokens_output = 0."""
    span = call(kind="embedding", model="text-embedding-3-small", tokens_input=1_000_000, tokens_output=0)
    assert priced(span) == 0.02


def test_an_unknown_model_gets_no_cost_and_is_counted(call: MakeCall) -> None:
    """COST-1: unknown model → no cost, counted as unknown, never guessed."""
    processor = CostProcessor()
    for _ in range(2):
        processor.process(call(model="house-model", tokens_input=5, tokens_output=5))
    processor.process(call(model="gpt-4o", tokens_input=5, tokens_output=5))
    assert (processor.unknown, processor.priced) == ({"house-model": 2}, 1)


def test_model_names_cannot_fill_the_memory(call: MakeCall) -> None:
    """Trace content is hostile."""
    processor = CostProcessor()
    for number in range(150):
        processor.process(call(model=f"m{number}", tokens_input=1))
    assert len(processor.unknown) == 101
    assert sum(processor.unknown.values()) == 150


@pytest.mark.parametrize(
    "attributes",
    [
        {"model": "gpt-4o"},
        {"model": "gpt-4o", "tokens_total": 5},
        {"model": "gpt-4o", "tokens_input": 5, "tokens_output": 5, "billed": False},
        {"model": "gpt-4o", "tokens_input": 5, "tokens_output": 5, "kind": "tool"},
        {"model": 7, "tokens_input": 5},
        {"tokens_input": 5},
        {"model": "gpt-4o", "tokens_input": "many"},
        {"model": "gpt-4o", "tokens_input": -5},
    ],
)
def test_what_cannot_or_must_not_be_priced_is_left_alone(call: MakeCall, attributes: Any) -> None:
    """COST-1"""
    assert priced(call(**attributes)) is None


def test_a_cost_that_is_there_stays(call: MakeCall) -> None:
    """A gateway that says what it billed knows better."""
    assert priced(call(model="gpt-4o", tokens_input=5, tokens_output=5, cost_usd=0.7)) == 0.7


def test_a_server_of_somebody_else_has_its_own_prices(call: MakeCall) -> None:
    """The OpenAI SDK talks to many."""
    span = call(model="llama-3.3-70b-versatile", provider="openai", server="api.groq.com", tokens_input=1_000_000)
    assert priced(span) == 0.59


def test_one_response_bills_once_however_many_report_it(call: MakeCall) -> None:
    """design 5: the span inside is billed; calls that follow each other with one id are two calls."""
    processor = CostProcessor()
    tokens = {"model": "gpt-4o", "tokens_input": 1000, "tokens_output": 0, "response_id": "r1"}
    inner = call({"trace_id": "a" * 32, "start_time": 100.0, "end_time": 101.0, "duration_ms": 1000.0}, **tokens)
    around = {"trace_id": "a" * 32, "name": "framework.llm", "start_time": 99.0, "end_time": 103.0}
    outer = call({**around, "duration_ms": 4000.0}, **tokens)
    inner._t0, inner._t1, outer._t0, outer._t1 = 20, 30, 10, 40
    again = call({"trace_id": "a" * 32}, **tokens)
    again._t0, again._t1 = 50, 60
    for span in (inner, outer, again):
        processor.process(span)
    assert [span.attributes.get("cost_usd") for span in (inner, outer, again)] == [0.0025, None, 0.0025]
    assert outer.attributes["billed"] is False


def test_costs_arrive_with_the_spans() -> None:
    """COST-1, through instrument()."""
    with peekr.testing.record(plugins=["cost"]) as recording:
        with peekr.trace.run("r"):
            peekr.trace.llm(model="gpt-4o", prompt="a", response="b", prompt_tokens=1000, completion_tokens=100)
        (span,) = [span for span in recording.spans if span.kind == "llm"]
    assert span.attributes["cost_usd"] == 0.0035


def test_spend_by_tenant_is_one_statement(tmp_path: Any) -> None:
    """E3-04, COST-2: equals the sum of attributes.cost_usd per tenant, to 1e-9."""
    path = str(tmp_path / "traces.db")
    with peekr.testing.record(plugins=["cost"], storage="sqlite", db_path=path) as recording:
        for tenant, tokens in (("acme", 1000), ("acme", 333), ("globex", 77)):
            with peekr.session(tenant_id=tenant), peekr.trace.run("r"):
                peekr.trace.llm(model="gpt-4o", prompt="a", response="b", prompt_tokens=tokens, completion_tokens=7)
        costs = [(span.tenant_id, span.attributes["cost_usd"]) for span in recording.spans if span.kind == "llm"]
    rows = peekr.query(path, "SELECT tenant_id t, SUM(tokens_total * price) s FROM span_costs GROUP BY tenant_id")
    for row in rows:
        assert row["s"] == pytest.approx(sum(cost for tenant, cost in costs if tenant == row["t"]), abs=1e-9)
    assert [row["t"] for row in rows] == ["acme", "globex"]


def test_a_prices_file_from_the_environment_is_used(tmp_path: Any, monkeypatch: Any) -> None:
    """COST-3"""
    path = tmp_path / "prices.json"
    path.write_text('{"house-model": {"input": 1, "output": 2}}')
    monkeypatch.setenv("PEEKR_PRICES", str(path))
    with peekr.testing.record(plugins=["cost"]) as recording, peekr.trace.run("r"):
        peekr.trace.llm(model="house-model", prompt="a", response="b", prompt_tokens=1000, completion_tokens=100)
        (span,) = [span for span in recording.spans if span.kind == "llm"]
    assert span.attributes["cost_usd"] == 0.0012


def test_a_typo_in_that_file_is_said_and_nothing_is_lost(tmp_path: Any, monkeypatch: Any, caplog: Any) -> None:
    """issue 5, bad input: one sentence that names file and line; the prices of the tables remain in use."""
    path = tmp_path / "prices.json"
    path.write_text('{\n"house-model": {"inptu": 1}}')
    monkeypatch.setenv("PEEKR_PRICES", str(path))
    with peekr.testing.record(plugins=["cost"]) as recording, peekr.trace.run("r"):
        peekr.trace.llm(model="gpt-4o", prompt="a", response="b", prompt_tokens=1000, completion_tokens=100)
        (span,) = [span for span in recording.spans if span.kind == "llm"]
    assert span.attributes["cost_usd"] == 0.0035
    assert "prices.json, line 2: house-model has a field 'inptu', which is no price; did you mean 'input'?" in (
        caplog.text
    )


def test_instrument_reads_no_price_table() -> None:
    """S4: the table is read in the worker, with the first call to price."""
    code = (
        "import sys, peekr; peekr.instrument(console=False, storage=None, plugins=['cost']);"
        "print('peekr_cost.processor' in sys.modules, 'peekr_cost.table' in sys.modules, 'click' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "False"]
