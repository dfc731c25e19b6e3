"""Prices of the user's own, from :func:`set_price` and a prices file: they win over every price table."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, Optional

from peekr.errors import ConfigurationError
from peekr.prices import Price, forget_prices
from peekr_cost.names import candidates
from peekr_cost.pricefile import NUMBERS, prices_from, read_prices

_BOUNDARY = re.compile(r"[-_.:@/]")


class _Own:
    """What was set in this process; replaced as a whole, so that it can be read without a lock."""

    def __init__(self) -> None:
        self.set: Dict[str, Price] = {}
        self.file: Dict[str, Price] = {}
        self.path: Optional[str] = None


_own = _Own()


def set_price(
    model: str,
    *,
    input: Optional[float] = None,
    output: Optional[float] = None,
    cached: Optional[float] = None,
    cache_write: Optional[float] = None,
    cache_write_1h: Optional[float] = None,
    reasoning: Optional[float] = None,
) -> None:
    """Set what a model costs, in US dollars for one million tokens, from now on and in this process.

    Wins over the prices file and over every price table. Holds for the name with a date behind it too, and for longer
    names (``my-model`` for ``my-model-large``) that no table knows; of several, the longest counts. Without any price,
    take back what was set.

    :param input: of input tokens.
    :param output: of output tokens; may be left out for embeddings.
    :param cached: of input read from a cache; as ``input`` by default.
    :param cache_write: of input written to a cache; as ``input`` by default.
    :param cache_write_1h: of input written to a cache for an hour; as ``cache_write`` by default.
    :param reasoning: of reasoning tokens; as ``output`` by default.
    :raises ConfigurationError: (a ValueError) if the model is no text or a price no number from 0.
    """
    if not isinstance(model, str) or not model.strip():
        raise ConfigurationError(f"set_price(model) must be the name of a model, got {model!r}.")
    values = (input, output, cached, cache_write, cache_write_1h, reasoning)
    given = {name: value for name, value in zip(NUMBERS, values) if value is not None}
    rest = {name: price for name, price in _own.set.items() if name != _key(model)}
    if given:
        try:
            rest[_key(model)] = prices_from({model: given}, "peekr.set_price")[model]
        except Exception as error:
            raise ConfigurationError(f"set_price: {error}.") from None
    _own.set = rest
    forget_prices()


def use_prices_file(path: Optional[str]) -> None:
    """Take prices from a file (see :mod:`peekr_cost.pricefile`) from now on; None: from none.

    :raises ConfigurationError: if something is wrong in it, naming file, line and field. The prices stay as they were.
    """
    prices = {} if path is None else {_key(model): price for model, price in read_prices(path).items()}
    _own.file, _own.path = prices, path
    forget_prices()


def use_default_prices_file() -> None:
    """Take prices from the file that the environment's ``PEEKR_PRICES`` names, if it does.

    :raises ConfigurationError: as :func:`use_prices_file`.
    """
    path = os.environ.get("PEEKR_PRICES") or None
    if path is not None or _own.path is not None:
        use_prices_file(path)


def _key(model: str) -> str:
    return model.strip().lower()


class Overrides:
    """The user's prices for exactly this model, or a release of it. Asked before all other tables."""

    def price(self, model: str, provider: Optional[str] = None) -> Optional[Price]:
        """Return the price, or None if none was given."""
        for name in _names(model, provider):
            for prices in (_own.set, _own.file):
                if name in prices:
                    return prices[name]
        return None


class Families:
    """The user's prices for models whose longer name no table knows. Asked after all other tables."""

    def price(self, model: str, provider: Optional[str] = None) -> Optional[Price]:
        """Return the price of the longest name that this one begins with, or None."""
        for prices in (_own.set, _own.file):
            for name in _names(model, provider):
                begun = [key for key in prices if name.startswith(key) and _BOUNDARY.match(name, len(key))]
                if begun:
                    return prices[max(begun, key=len)]
        return None


def _names(model: str, provider: Optional[str]) -> Iterator[str]:
    """As it is written, then as the tables look for it."""
    yield _key(model)
    for _, name in candidates(model, provider):
        yield name
