"""The price table that comes with peekr-cost: a dated snapshot of genai-prices, which works offline."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import attrs
import msgspec

from peekr.errors import ConfigurationError
from peekr.prices import Change, Price
from peekr_cost.names import candidates

Fields = Dict[str, Any]
_OWN = os.path.join(os.path.dirname(__file__), "prices.json")
#: Who is asked about a model whose provider is not known: whoever makes it comes before those who resell it.
_MAKERS = ("openai", "anthropic", "google", "aws")
#: Asked at last, by whole names: embeddings and others whose names do not tell who makes them.
_FAMILIAR = ("openai", "google")


class GenaiPrices:
    """Prices of about 1,500 models of 30 providers. Class of the entry ``genai`` in the group ``peekr.prices``.

    Reading the snapshot takes about 10 ms, on the first look-up. ``PEEKR_PRICE_TABLE`` names a newer snapshot, made
    with :mod:`peekr_cost.snapshot`.

    :raises ConfigurationError: if that is no snapshot.
    """

    def __init__(self) -> None:
        path = os.environ.get("PEEKR_PRICE_TABLE") or _OWN
        try:
            with open(path, "rb") as file:
                data = msgspec.json.decode(file.read())
            self._providers: Dict[str, Fields] = data["providers"]
            self.date = str(data["date"])
            self.source = f"{data['source']} of {self.date}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{path} is no snapshot of prices: {error}.\n"
                "Make one with: python -m peekr_cost.snapshot DATE FILE, or unset PEEKR_PRICE_TABLE"
            ) from error

    def price(self, model: str, provider: Optional[str] = None) -> Optional[Price]:
        """Return the price of a model, or None if the source does not know it under this name or that of a release."""
        for seller, name in candidates(model, provider):
            found = self._find(seller, name)
            if found is not None:
                return price_from(found[1], found[2] if len(found) > 2 else (), self.source)
        return None

    def _find(self, seller: Optional[str], name: str) -> Optional[List[Any]]:
        for provider in self._sellers(seller, name):
            for model in provider["models"]:
                if matches(model[0], name):
                    return model  # type: ignore[no-any-return]
        return None

    def _sellers(self, seller: Optional[str], name: str) -> Iterator[Fields]:
        if seller is None:
            for each in dict.fromkeys((*_MAKERS, *self._providers)):
                provider = self._providers.get(each)
                if provider is not None and provider["match"] is not None and matches(provider["match"], name):
                    yield provider
            yield from (self._providers[each] for each in _FAMILIAR if each in self._providers)
        elif seller in self._providers:
            yield self._providers[seller]
            yield from (self._providers[each] for each in self._providers[seller]["others"] if each in self._providers)


def matches(clause: Any, name: str) -> bool:
    """Whether a clause of the snapshot (see :mod:`peekr_cost.snapshot`) fits a name in lower case."""
    if isinstance(clause, list):
        return (any if clause[0] == "or" else all)(matches(each, name) for each in clause[1:])
    sign, text = clause[0], clause[1:]
    if sign == "~":
        return re.search(text, name) is not None
    text = text.lower()
    if sign == "=":
        return bool(name == text)
    return name.startswith(text) if sign == "^" else name.endswith(text) if sign == "$" else text in name


# -- prices as data → Price -------------------------------------------------------------------------------------------


def price_from(times: List[Any], tiers: Any, source: str) -> Price:
    """Build a price of its standard prices, the first at all times and others at some, and those of service tiers."""
    whole = [_complete(fields, _tiers_at(tiers, condition), source) for condition, fields in times]
    changes = tuple(
        Change(price, _since(condition), _hours(condition)) for price, (condition, _) in zip(whole[1:], times[1:])
    )
    return attrs.evolve(whole[0], changes=changes)


def _since(condition: Optional[Mapping[str, Any]]) -> Optional[float]:
    return (condition or {}).get("since")


def _hours(condition: Optional[Mapping[str, Any]]) -> Optional[Tuple[float, float]]:
    hours = (condition or {}).get("hours")
    return None if hours is None else (hours[0], hours[1])


def _tiers_at(tiers: Any, condition: Optional[Mapping[str, Any]]) -> Dict[str, Fields]:
    """The prices of each tier that belong to the standard prices of a time.

    The date of a tier's first price is when somebody looked it up: it held before, with the standard prices of then.
    """
    found: Dict[str, Fields] = {}
    for tier, fields, since in tiers:
        if tier not in found or (_since(since) or 0) <= (_since(condition) or 0):
            found[tier] = fields
    return found


def _complete(fields: Fields, tiers: Mapping[str, Fields], source: str) -> Price:
    others = {tier: by_length({**fields, **changed}, source) for tier, changed in tiers.items()}
    batch = others.pop("batch", None)
    return attrs.evolve(by_length(fields, source), batch=batch, tiers=others)


def by_length(fields: Fields, source: str) -> Price:
    """Build a price of fields that are numbers, or [number, [tokens, number], …] where long input costs more."""
    starts = sorted({start for value in fields.values() if isinstance(value, list) for start, _ in value[1:]})
    dearer = tuple((start, Price(**_above(fields, start), source=source)) for start in starts)
    return Price(**_above(fields, -1), long_context=dearer, source=source)


def _above(fields: Fields, tokens: int) -> Dict[str, Any]:
    out: Dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, list):
            value = [value[0], *(price for start, price in value[1:] if start <= tokens)][-1]
        out[name] = float(value)
    return out
