"""Prices of one's own: set_price and the prices file."""

from __future__ import annotations

from typing import Any

import pytest

import peekr
from peekr.prices import price_of
from peekr_cost import use_prices_file


def test_set_price_wins_for_the_name_and_its_releases() -> None:
    """COST-3: peekr.set_price(model, input=, output=, cached=)."""
    assert price_of("gpt-4o").input == 2.5  # type: ignore[union-attr]
    peekr.set_price("gpt-4o", input=1, output=2, cached=0.5)
    for model in ("gpt-4o", "GPT-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "gpt-4o-2099-01-01"):
        price = price_of(model)
        assert price is not None
        assert (price.input, price.output, price.cached) == (1, 2, 0.5)
    assert price_of("gpt-4o-mini").input == 0.15  # type: ignore[union-attr]
    peekr.set_price("gpt-4o")
    assert price_of("gpt-4o").input == 2.5  # type: ignore[union-attr]


def test_the_longest_prefix_counts_where_no_table_knows() -> None:
    """COST-1: longest-prefix match."""
    peekr.set_price("house", input=1)
    peekr.set_price("house-large", input=2)
    found = [price_of(model) for model in ("house-small", "house-large-v2", "house-large-2026-01-01", "household")]
    assert [None if price is None else price.input for price in found] == [1, 2, 2, None]


@pytest.mark.parametrize(
    ("model", "prices"), [("", {"input": 1}), (7, {"input": 1}), ("m", {"input": -1}), ("m", {"input": "1"})]
)
def test_a_price_that_is_none_is_refused(model: Any, prices: Any) -> None:
    """design 8"""
    with pytest.raises(ValueError, match="set_price"):
        peekr.set_price(model, **prices)


def test_a_price_may_be_a_dollar_a_token() -> None:
    """COST-3: a round price for tests of a budget."""
    peekr.set_price("house", input=1e6, output=1e6)
    assert price_of("house").input == 1e6  # type: ignore[union-attr]


def test_a_prices_file_overrides_the_table_and_set_price_the_file(tmp_path: Any) -> None:
    """COST-3"""
    path = tmp_path / "prices.json"
    path.write_text(
        '{"gpt-4o": {"input": 7, "output": 8, "batch": {"input": 3, "output": 4},'
        ' "long_context": [{"above": 1000, "input": 14}]}, "house": {"input": 1}}'
    )
    use_prices_file(str(path))
    price = price_of("gpt-4o-2024-08-06")
    assert price is not None and price.batch is not None
    assert (price.input, price.output, price.batch.input, price.source) == (7, 8, 3, str(path))
    assert [(above, dear.input, dear.output) for above, dear in price.long_context] == [(1000, 14, 8)]
    peekr.set_price("house", input=2)
    assert price_of("house").input == 2  # type: ignore[union-attr]
    use_prices_file(None)
    assert price_of("gpt-4o").input == 2.5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n"a": {"input": 1},\n"b": {"inptu": 1}}', "line 3: b has a field 'inptu', which is no price; did you mean"),
        ('{"a": {"input": 1}\n"b": {}}', "line 2, column 1: Expecting ',' delimiter"),
        ('{\n\n"a": {"input": "2.5"}}', "line 3: a.input is '2.5', which is no price from 0 to"),
        ('{"a": {"input": -1}}', "line 1: a.input is -1"),
        ('{"a": {"input": true}}', "line 1: a.input is True"),
        ('{"a": {"input": 2.5e9}}', "line 1: a.input is 2500000000.0"),
        ('{"a": {"cached": 1}}', "a has neither an input nor an output price"),
        ('{"a": 3}', "a is a number where an object"),
        ("[]", "the file holds a list"),
        ('{"a": {"input": 1},\n "a": {"input": 2}}', "'a' stands twice"),
        ('{"a": {"input": 1, "batch": {"zz": 1}}}', "a.batch has a field 'zz'"),
        ('{"a": {"input": 1, "long_context": [{"input": 1}]}}', "a.long_context needs 'above'"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_typo_in_the_file_is_named_with_its_line(tmp_path: Any, text: str, said: str) -> None:
    """issue 5, bad input: a price file with a typo; the prices stay as they were."""
    path = tmp_path / "prices.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    peekr.set_price("kept", input=3)
    with pytest.raises(ValueError) as caught:
        use_prices_file(str(path))
    message = str(caught.value)
    assert said in message
    assert str(path) in message
    assert price_of("kept").input == 3  # type: ignore[union-attr]


def test_a_file_that_is_not_there_is_named(tmp_path: Any) -> None:
    """issue 5, bad input"""
    with pytest.raises(ValueError, match=r"nowhere\.json cannot be read"):
        use_prices_file(str(tmp_path / "nowhere.json"))
