"""What a call of a model costs: prices as data, one formula, and the look-up in the installed price tables.

A price table is a class or an object of the group ``peekr.prices`` with ``price(model, provider)``; so is a hook
``peekr_price``.
The tables come with other distributions, for instance peekr-cost; without any, no price is known.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

import attrs

from peekr.price_tables import forget_prices as forget_prices
from peekr.price_tables import price_of as price_of
from peekr.runs import BILLED_KINDS
from peekr.spans import Span

#: Names under which providers report that a call had no special tier.
_STANDARD = frozenset(("", "standard", "default", "auto", "on_demand", "on-demand", "unspecified"))
#: Anthropic: US-only inference costs 1.1 times as much, every token class alike; only models that have it report it.
#: https://platform.claude.com/docs/en/build-with-claude/data-residency
_US_ONLY = 1.1

#: Servers that the SDKs of others talk to → provider.
_SERVERS = {
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "x.ai": "x-ai",
    "openrouter.ai": "openrouter",
    "mistral.ai": "mistral",
    "together.xyz": "together",
    "fireworks.ai": "fireworks",
    "perplexity.ai": "perplexity",
    "cerebras.ai": "cerebras",
    "moonshot.ai": "moonshotai",
    "generativelanguage.googleapis.com": "google",
}


@attrs.define(slots=True, frozen=True)
class Price:
    """What a model costs, in US dollars for one million tokens. None: the source does not tell.

    :ivar input: tokens that are neither read from nor written to a cache.
    :ivar output: tokens generated, reasoning included unless it has its own price.
    :ivar cached: input read from a cache; as ``input`` if None.
    :ivar cache_write: input written to a cache; as ``input`` if None.
    :ivar cache_write_1h: written for one hour; as ``cache_write`` if None.
    :ivar reasoning: as ``output`` if None.
    :ivar web_search: for 1,000 searches that the provider made.
    :ivar long_context: (tokens, price): for calls with more input than so many tokens, all of whose tokens cost it.
    :ivar batch: for calls in a batch; None if there is none.
    :ivar tiers: for other service tiers by the provider's name: ``flex``, ``priority``, ``fast``.
    :ivar changes: prices that take this one's place at some time; of several that hold, the last.
    :ivar source: where it is from, with a date or version.
    """

    input: Optional[float] = None
    output: Optional[float] = None
    cached: Optional[float] = None
    cache_write: Optional[float] = None
    cache_write_1h: Optional[float] = None
    reasoning: Optional[float] = None
    web_search: Optional[float] = None
    long_context: Tuple[Tuple[int, Price], ...] = ()
    batch: Optional[Price] = None
    tiers: Mapping[str, Price] = attrs.Factory(dict)
    changes: Tuple[Change, ...] = ()
    source: str = ""

    def at(self, when: float) -> Price:
        """Return the price at a time, in Unix seconds."""
        return next((change.price for change in reversed(self.changes) if change.holds(when)), self)

    def of_tier(self, tier: Optional[str]) -> Optional[Price]:
        """Return the price of a service tier; None if it has a price that is not known."""
        if tier is None or tier in _STANDARD:
            return self
        return self.batch if tier == "batch" else self.tiers.get(tier)


@attrs.define(slots=True, frozen=True)
class Change:
    """A price with the time for which it holds.

    :ivar since: Unix seconds; None: always.
    :ivar hours: from and to, in seconds of a UTC day; None: all day. May reach over midnight.
    """

    price: Price
    since: Optional[float] = None
    hours: Optional[Tuple[float, float]] = None

    def holds(self, when: float) -> bool:
        """Whether it holds at a time, in Unix seconds."""
        if self.since is not None and when < self.since:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        second = when % 86_400
        return start <= second < end if start <= end else second >= start or second < end


@attrs.define(slots=True, frozen=True)
class Usage:
    """The tokens of one call: ``input`` includes cached and cache_write, ``output`` reasoning, cache_write the 1h part.

    :ivar tier: the service tier, ``batch`` for a batch.
    :ivar factor: that all prices are multiplied with.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    web_searches: int = 0
    tier: Optional[str] = None
    factor: float = 1.0

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> Optional[Usage]:
        """Return the usage that a span's attributes tell; None if neither input nor output is counted."""
        given, made = _count(attributes, "tokens_input"), _count(attributes, "tokens_output")
        if given is None and made is None:
            return None
        return cls(
            input=given or 0,
            output=made or 0,
            cached=_count(attributes, "tokens_cached") or 0,
            cache_write=_count(attributes, "tokens_cache_write") or 0,
            cache_write_1h=_count(attributes, "tokens_cache_write_1h") or 0,
            reasoning=_count(attributes, "tokens_reasoning") or 0,
            web_searches=_count(attributes, "web_search_requests") or 0,
            tier=_tier(attributes),
            factor=_US_ONLY if attributes.get("inference_geo") == "us" else 1.0,
        )


def _count(attributes: Mapping[str, Any], name: str) -> Optional[int]:
    value = attributes.get(name)
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15
    return int(value) if whole else None  # type: ignore[arg-type]


def _tier(attributes: Mapping[str, Any]) -> Optional[str]:
    """The tier that has its own price: Anthropic names the fast mode apart from the tier."""
    if attributes.get("batch") is True:
        return "batch"
    tier = attributes.get("service_tier")
    if isinstance(tier, str) and tier.lower() not in _STANDARD:
        return tier.lower()
    return "fast" if attributes.get("speed") == "fast" else None


def cost_usd(price: Price, usage: Usage, when: float) -> Optional[float]:
    """Return what a call cost in US dollars, or None if a part of it has no known price.

    :param when: the time of the call, in Unix seconds.
    """
    tiered = price.at(when).of_tier(usage.tier)
    if tiered is None:
        return None
    for above, dearer in tiered.long_context:
        if usage.input > above:
            tiered = dearer
    total = 0.0
    for tokens, each in _parts(tiered, usage):
        if tokens > 0:
            if each is None:
                return None
            total += tokens * each
    searches = usage.web_searches * (tiered.web_search or 0.0) / 1000
    return round(total * usage.factor / 1e6 + searches, 12)


def _parts(price: Price, usage: Usage) -> List[Tuple[int, Optional[float]]]:
    """Each class of tokens with its price; every token is in one class."""
    cached, written = min(usage.cached, usage.input), min(usage.cache_write, usage.input)
    longer = min(usage.cache_write_1h, written)
    thought = min(usage.reasoning, usage.output)
    cache_write = _first(price.cache_write, price.input)
    return [
        (max(usage.input - cached - written, 0), price.input),
        (cached, _first(price.cached, price.input)),
        (written - longer, cache_write),
        (longer, _first(price.cache_write_1h, cache_write)),
        (usage.output - thought, price.output),
        (thought, _first(price.reasoning, price.output)),
    ]


def _first(own: Optional[float], other: Optional[float]) -> Optional[float]:
    return other if own is None else own


# -- what spans cost -------------------------------------------------------------------------------------------------


def cost_of(span: Span) -> Optional[float]:
    """Return a span's cost in US dollars: the one it carries, else computed from its tokens; None if not known.

    A span that is not billed (a wrapper whose call another span recorded) and one that is no call of a model cost 0.
    """
    attributes = span.attributes
    if span.kind not in BILLED_KINDS or attributes.get("billed") is False:
        return 0.0
    cost = attributes.get("cost_usd")
    if isinstance(cost, (int, float)) and not isinstance(cost, bool):
        return float(cost)
    return computed_cost(attributes, span.start_time)


def computed_cost(attributes: Mapping[str, Any], when: float) -> Optional[float]:
    """Return what a call with these attributes costs by the tables, whatever cost they hold; None if not known."""
    model, usage = attributes.get("model"), Usage.of(attributes)
    if usage is None or not isinstance(model, str):
        return None
    price = price_of(model, seller_of(attributes))
    return None if price is None else cost_usd(price, usage, when)


def seller_of(attributes: Mapping[str, Any]) -> Optional[str]:
    """Return who sells the model: the provider, unless its SDK talked to a server of somebody else that is known."""
    server, provider = attributes.get("server"), attributes.get("provider")
    if isinstance(server, str):
        for host, seller in _SERVERS.items():
            if server == host or server.endswith("." + host):
                return seller
    return provider if isinstance(provider, str) and provider else None
