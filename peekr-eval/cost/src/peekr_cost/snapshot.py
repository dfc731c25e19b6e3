"""Make ``prices.json`` from the price data of genai-prices (https://github.com/pydantic/genai-prices, MIT licence).

::

    pip install "genai-prices>=0.2" && python -m peekr_cost.snapshot 2026-11-09 prices.json

The package itself takes half a second to import, brings pydantic and an HTTP client, and its newest releases need
Python 3.11; the snapshot has the same prices and rules without the three. ``PEEKR_PRICE_TABLE`` names a snapshot to use
in place of the one that comes with peekr-cost.
"""

from __future__ import annotations

import datetime
import sys
from typing import Any, Dict, List, Optional

import msgspec

#: Resellers of many models of others, each with names of its own, that no SDK that is traced can talk to.
_LEFT_OUT = ("huggingface_", "github-copilot", "cursor", "quicksilverpro", "doubleword", "novita", "elevenlabs")
#: Price in the data → field of :class:`peekr.prices.Price`.
_FIELDS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "web_searches_kcount": "web_search",
}
_CLAUSES = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "*", "regex": "~"}


def snapshot(providers: List[Any], version: str, date: str) -> Dict[str, Any]:
    """Return the data of genai-prices as plain JSON; models without prices for tokens are left out.

    :param date: when that version was published, or later.
    """
    kept = [each for each in providers if not each.id.startswith(_LEFT_OUT)]
    return {
        "source": f"genai-prices {version}",
        "date": date,
        "licence": "MIT. Copyright (c) Pydantic Services Inc. 2025 to present",
        "providers": {each.id: _provider(each) for each in kept},
    }


def _provider(provider: Any) -> Dict[str, Any]:
    models = [[_clause(model.match), *_prices(model)] for model in provider.models]
    return {
        "match": None if provider.model_match is None else _clause(provider.model_match),
        "others": list(provider.fallback_model_providers or ()),
        "models": [model for model in models if any(prices for _, prices in model[1])],
    }


def _clause(clause: Any) -> Any:
    """A text whose first character tells how it is compared, or ["or" or "and", clause, …]."""
    for word in ("or_", "and_"):
        if hasattr(clause, word):
            return [word[:-1], *map(_clause, getattr(clause, word))]
    return next(sign + getattr(clause, name) for name, sign in _CLAUSES.items() if hasattr(clause, name))


def _prices(model: Any) -> List[Any]:
    """[condition, prices] of all times, the first without condition; and [service tier, prices]."""
    if not isinstance(model.prices, list):
        standard = [[None, _fields(model.prices)]]
    else:
        standard = [[_condition(each.constraint), _fields(each.prices)] for each in model.prices]
    tiers = []
    for variant in model.price_variants or ():
        tier = next(iter(variant.when.values())) if len(variant.when) == 1 else None
        if tier and set(variant.when) <= {"service_tier", "processing", "speed"} and _fields(variant.prices):
            tiers.append([tier, _fields(variant.prices), _condition(variant.constraint)])
    return [standard, tiers] if tiers else [standard]


def _condition(constraint: Any) -> Optional[Dict[str, Any]]:
    if constraint is None:
        return None
    if hasattr(constraint, "start_date"):
        midnight = datetime.datetime.combine(constraint.start_date, datetime.time(), datetime.timezone.utc)
        return {"since": int(midnight.timestamp())}
    return {"hours": [_second(constraint.start_time), _second(constraint.end_time)]}


def _second(time: Any) -> int:
    """Seconds since midnight in UTC."""
    moment = datetime.datetime.combine(datetime.date(1970, 1, 2), time)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) % 86_400


def _fields(prices: Any) -> Dict[str, Any]:
    found = {name: getattr(prices, key, None) for key, name in _FIELDS.items()}
    return {name: _amount(value) for name, value in found.items() if value is not None}


def _amount(value: Any) -> Any:
    """A number, or [number, [tokens, number], …] where it changes above so many tokens of input."""
    if hasattr(value, "tiers"):
        return [_number(value.base), *([tier.start, _number(tier.price)] for tier in value.tiers)]
    return _number(value)


def _number(value: Any) -> Any:
    number = float(value)
    return int(number) if number.is_integer() else number


def text_of(content: Dict[str, Any]) -> str:
    """Return the snapshot as JSON with one model a line, so that what has changed can be seen."""
    head = {name: value for name, value in content.items() if name != "providers"}
    lines = [_json(head)[:-1] + ', "providers": {']
    for at, (name, provider) in enumerate(content["providers"].items()):
        rest = {key: value for key, value in provider.items() if key != "models"}
        lines.append((",\n" if at else "") + f"{_json(name)}: {_json(rest)[:-1]}" + ', "models": [')
        lines.append(",\n".join(map(_json, provider["models"])) + "]}")
    return "\n".join(lines) + "}}\n"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def main(date: str, path: str) -> None:
    """Write the snapshot of the installed genai-prices."""
    from importlib.metadata import version

    from genai_prices import data  # type: ignore[import-not-found,unused-ignore]

    with open(path, "w", encoding="utf-8") as file:
        file.write(text_of(snapshot(data.providers, version("genai-prices"), date)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
