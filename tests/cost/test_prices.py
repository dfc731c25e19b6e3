"""What models cost: names, tiers, caches, and the formula."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Optional

import pytest

from peekr.prices import Change, Price, Usage, cost_usd, price_of
from peekr_cost import GenaiPrices

NOW = 1_794_000_000.0


@pytest.mark.parametrize(
    ("model", "provider", "input", "output"),
    [
        ("gpt-4o", "openai", 2.5, 10),
        ("GPT-4o", None, 2.5, 10),
        ("gpt-4o-2024-08-06", "openai", 2.5, 10),
        ("gpt-4o-2024-05-13", "openai", 5, 15),
        ("gpt-4o-mini-2024-07-18", "openai", 0.15, 0.6),
        ("gpt-4o-mini-2099-01-01", "openai", 0.15, 0.6),
        ("openai/gpt-4o-mini", "litellm", 0.15, 0.6),
        ("gpt-4o-2024-11-20", "azure", 2.5, 10),
        ("ft:gpt-4o-mini-2024-07-18:acme::x1", "openai", 0.3, 1.2),
        ("claude-3-5-sonnet-20241022", "anthropic", 3, 15),
        ("claude-3-5-haiku-latest", "anthropic", 0.8, 4),
        ("claude-sonnet-4@20250514", "vertex", 3, 15),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "bedrock", 3, 15),
        ("anthropic.claude-3-haiku-20240307-v1:0", None, 0.25, 1.25),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0", "bedrock", 0.8, 3.2),
        ("models/gemini-2.5-pro", "gemini", 1.25, 10),
        ("projects/p/locations/l/publishers/google/models/gemini-2.0-flash-001", "vertex", 0.1, 0.4),
        ("gemini/gemini-2.5-pro", None, 1.25, 10),
    ],
)
def test_names_of_models_are_understood(
    model: str,
    provider: Optional[str],
    input: float,
    output: float,
) -> None:
    """COST-1: dated names, ids of clouds and paths match; a longer name is not taken for a shorter one."""
    price = price_of(model, provider)
    assert price is not None
    assert (price.input, price.output) == (input, output)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("my-deployment", "azure"),
        ("gpt-4o-acme-tuned", "openai"),
        ("gpt-9", "openai"),
        ("llama3.2", "ollama"),
        ("claude", "bedrock"),
        ("", None),
        ("x" * 10_000, None),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", "bedrock"),
    ],
)
def test_unknown_models_have_no_price(model: str, provider: Optional[str]) -> None:
    """COST-1: never guessed."""
    assert price_of(model, provider) is None


def test_bedrock_has_its_own_regional_price() -> None:
    """issue 5.4: the price of who sells it."""
    regional = price_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock")
    everywhere = price_of("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock")
    assert regional is not None and everywhere is not None
    assert (regional.input, everywhere.input) == (3.3, 3.0)


PRICE = Price(
    input=10,
    output=20,
    cached=1,
    cache_write=12,
    cache_write_1h=16,
    reasoning=30,
    web_search=10,
    batch=Price(input=5, output=10),
    tiers={"flex": Price(input=4, output=8)},
    long_context=((1000, Price(input=20, output=40)),),
)


@pytest.mark.parametrize(
    ("usage", "per_million"),
    [
        (Usage(100, 10), 100 * 10 + 10 * 20),
        (Usage(100, 10, cached=60), 40 * 10 + 60 * 1 + 10 * 20),
        (Usage(100, 10, cached=50, cache_write=30, cache_write_1h=10), 20 * 10 + 50 * 1 + 20 * 12 + 10 * 16 + 10 * 20),
        (Usage(100, 10, reasoning=4), 100 * 10 + 6 * 20 + 4 * 30),
        (Usage(100, 10, tier="batch"), 100 * 5 + 10 * 10),
        (Usage(100, 10, tier="flex"), 100 * 4 + 10 * 8),
        (Usage(1000, 10), 1000 * 10 + 10 * 20),
        (Usage(1001, 10), 1001 * 20 + 10 * 40),
        (Usage(100, 10, factor=1.1), 1.1 * (100 * 10 + 10 * 20)),
        (Usage(10, 0, web_searches=2), 10 * 10 + 20_000),
        (Usage(10, 0, cached=99), 10 * 1),
        (Usage(100, 10, tier="scale"), None),
    ],
)
def test_every_token_is_in_one_class(usage: Usage, per_million: Optional[float]) -> None:
    """design 5: input includes cached, output includes reasoning; a tier without a known price has none."""
    cost = cost_usd(PRICE, usage, NOW)
    assert cost == (None if per_million is None else pytest.approx(per_million / 1e6, abs=1e-12))


def test_what_a_price_leaves_open_costs_as_the_whole() -> None:
    """COST-1; a class without any price makes the cost unknown."""
    price = Price(input=10)
    assert cost_usd(price, Usage(100, cached=50, cache_write=10), NOW) == pytest.approx(1e-3)
    assert cost_usd(price, Usage(100, 1), NOW) is None


def test_a_price_is_that_of_its_time() -> None:
    """D-16: prices change; an old call keeps the price of its day."""
    later, night = Price(input=2), Price(input=3)
    price = Price(input=1, changes=(Change(later, since=1000.0), Change(night, hours=(82_800, 3_600))))
    times = (40_000.0 - 86_400 * 2, 40_000.0, 83_000.0, 86_400.0 + 10)
    assert [price.at(when).input for when in times] == [1, 2, 3, 3]
    o3 = price_of("o3", "openai")
    assert o3 is not None
    assert (o3.at(1_740_000_000).input, o3.at(NOW).input) == (10, 2)


def test_usage_is_read_from_attributes() -> None:
    """LLM-6, design 5"""
    attributes: Dict[str, Any] = {
        "tokens_input": 100,
        "tokens_output": 10,
        "tokens_cached": 60,
        "tokens_cache_write": 20,
        "tokens_cache_write_1h": 5,
        "tokens_reasoning": 3,
        "web_search_requests": 2,
        "service_tier": "Flex",
        "inference_geo": "us",
    }
    assert Usage.of(attributes) == Usage(100, 10, 60, 20, 5, 3, 2, "flex", 1.1)
    assert Usage.of({"tokens_input": 5, "service_tier": "default"}) == Usage(5)
    assert Usage.of({"tokens_input": 5, "speed": "fast"}) == Usage(5, tier="fast")
    assert Usage.of({"tokens_total": 5}) is None
    assert Usage.of({"tokens_input": True, "tokens_output": "7"}) is None


@pytest.mark.parametrize(
    ("provider", "ours", "model"),
    [
        ("openai", "openai", "gpt-4o"),
        ("openai", "openai", "gpt-5"),
        ("openai", "openai", "gpt-4.1-mini"),
        ("openai", "openai", "o4-mini"),
        ("openai", "openai", "gpt-5.5"),
        ("anthropic", "anthropic", "claude-opus-4-5-20251101"),
        ("anthropic", "anthropic", "claude-sonnet-4-5-20250929"),
        ("anthropic", "anthropic", "claude-3-haiku-20240307"),
        ("google", "gemini", "gemini-2.5-pro"),
        ("google", "gemini", "gemini-2.5-flash"),
        ("aws", "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("aws", "bedrock", "us.amazon.nova-lite-v1:0"),
        ("mistral", "mistralai", "mistral-medium-latest"),
        ("deepseek", "deepseek", "deepseek-chat"),
    ],
)
def test_costs_are_those_of_genai_prices(provider: str, ours: str, model: str) -> None:
    """issue 5.4: the snapshot, the names and the formula give what the source itself computes."""
    genai = pytest.importorskip("genai_prices")
    if not GenaiPrices().source.startswith(f"genai-prices {genai.__version__} "):
        pytest.skip("another release of genai-prices than the snapshot's is installed")
    when = datetime(2026, 11, 15, 12, 0, tzinfo=timezone.utc)
    price = price_of(model, ours)
    assert price is not None
    for given, cached, written, tier in ((1000, 0, 0, None), (300_000, 1000, 500, None), (5000, 100, 0, "batch")):
        if tier and price.at(when.timestamp()).of_tier(tier) is None:
            continue
        theirs = genai.calc_price(
            genai.Usage(
                input_tokens=given,
                output_tokens=700,
                cache_read_tokens=cached,
                **({"cache_write_tokens": written, "cache_write_5m_tokens": written} if written else {}),
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=when,
            price_context={"processing": "batch"} if tier else None,
        )
        usage = Usage(given, 700, cached=cached, cache_write=written, tier=tier)
        assert cost_usd(price, usage, when.timestamp()) == pytest.approx(float(theirs.total_price), rel=1e-9)


def test_the_table_says_where_it_is_from_and_when() -> None:
    """D-16: table carries a date and source note."""
    table = GenaiPrices()
    price = table.price("gpt-4o", "openai")
    assert price is not None
    assert price.source == table.source == f"genai-prices 0.2.3 of {table.date}"
    assert datetime.strptime(table.date, "%Y-%m-%d")


def test_a_broken_table_is_said_and_no_price_is_known(monkeypatch: Any, tmp_path: Any, caplog: Any) -> None:
    """design 8: counted and logged once; never a wrong price."""
    from peekr import price_tables

    broken = tmp_path / "table.json"
    broken.write_text("{}")
    monkeypatch.setenv("PEEKR_PRICE_TABLE", str(broken))
    monkeypatch.setattr(price_tables, "_said", {})
    price_tables.forget_prices(tables=True)
    assert price_of("gpt-4o", "openai") is None
    assert "is no snapshot of prices" in caplog.text
