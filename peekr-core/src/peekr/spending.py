"""Model calls summed up by model, tenant, day and more: what :meth:`peekr.ReadStore.usage` gives."""

from __future__ import annotations

import heapq
from datetime import datetime
from operator import add, itemgetter, neg
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import attrs

from peekr.errors import StoreError
from peekr.runs import BILLED_KINDS, number_of
from peekr.selection import Selection
from peekr.spans import Span

Key = Tuple[Optional[str], ...]
#: What a store may be asked to write: span_id and cost, None for one that is not known.
Cost = Tuple[str, Optional[float]]
EVERYTHING = Selection()
#: Values of which only the largest is looked at first.
_BLOCK = 512


@attrs.define(slots=True)
class UsageSum:
    """The model calls that have the same values in the dimensions asked for.

    :ivar key: those values, in the order asked for; None where a call has none.
    :ivar calls: calls of models and embeddings; a wrapper that is not billed is none.
    :ivar errors: of them, failed.
    :ivar unpriced: of them, with tokens but without a known price.
    :ivar tokens_input: sum, as are the other tokens; calls that do not count theirs add nothing.
    :ivar duration_ms: sum of the calls' durations.
    :ivar cost_usd: sum of the known costs; None if none is known.
    """

    key: Key
    calls: int = 0
    errors: int = 0
    unpriced: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    tokens_total: int = 0
    tokens_cached: int = 0
    duration_ms: float = 0.0
    cost_usd: Optional[float] = None

    def absorb(self, other: UsageSum) -> None:
        """Add the sums of another group."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + other.cost_usd


#: The fields of :class:`UsageSum` that are never None.
SUMS = (
    "calls",
    "errors",
    "unpriced",
    "tokens_input",
    "tokens_output",
    "tokens_total",
    "tokens_cached",
    "duration_ms",
)  # fmt: skip


def local_day(seconds: float) -> str:
    """Return the date, ``2026-01-31``, on which a moment lies in local time."""
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "unknown"


def _attribute(name: str) -> Callable[[Span], Any]:
    return lambda span: span.attributes.get(name)


#: What usage can be grouped by → its value for a span.
DIMENSIONS: Dict[str, Callable[[Span], Any]] = {
    "model": _attribute("model"),
    "provider": _attribute("provider"),
    "tenant": lambda span: span.tenant_id,
    "user": lambda span: span.user_id,
    "session": lambda span: span.session_id,
    "feature": _attribute("feature"),
    "day": lambda span: local_day(span.start_time),
    "operation": lambda span: span.name,
}


def check_dimensions(by: Sequence[str]) -> None:
    """Raise unless each can be grouped by.

    :raises StoreError: naming the one that cannot.
    """
    for name in by:
        if name not in DIMENSIONS:
            raise StoreError(f"usage cannot be grouped by {name!r}.\nKnown are: {', '.join(DIMENSIONS)}")


def counts(span: Span) -> bool:
    """Whether it is a model call that has ended and is billed."""
    return span.kind in BILLED_KINDS and span.ended and span.attributes.get("billed") is not False


def _text(value: Any) -> Optional[str]:
    return None if value is None else str(value)


def _add(total: UsageSum, span: Span) -> None:
    attributes = span.attributes
    tokens = {name: int(number_of(attributes.get(name)) or 0) for name in SUMS if name.startswith("tokens_")}
    cost = number_of(attributes.get("cost_usd"))
    some = any(number_of(attributes.get(name)) is not None for name in ("tokens_input", "tokens_output"))
    one = UsageSum(total.key, 1, int(span.status == "error"), int(cost is None and some), **tokens)
    one.duration_ms, one.cost_usd = span.duration_ms or 0.0, cost
    total.absorb(one)


@attrs.define(slots=True, frozen=True)
class CallCost:
    """One call in a list of the dearest or slowest."""

    span_id: str
    trace_id: str
    name: str
    model: Optional[str]
    start_time: float
    duration_ms: float
    tokens_total: int
    cost_usd: Optional[float]


def call_cost(span: Span) -> CallCost:
    """Return what such a list says of a span."""
    attributes = span.attributes
    tokens = int(number_of(attributes.get("tokens_total")) or 0)
    duration, cost = span.duration_ms or 0.0, number_of(attributes.get("cost_usd"))
    model = _text(attributes.get("model"))
    return CallCost(span.span_id, span.trace_id, span.name, model, span.start_time, duration, tokens, cost)


@attrs.define(slots=True)
class Spending:
    """What the model calls of a store took and cost.

    :ivar spans: spans of every kind.
    :ivar errors: of them, failed.
    :ivar sums: the model calls by the dimensions asked for, the dearest first.
    :ivar hottest: the calls that matter most: 60 % their cost and 40 % their latency, each as share of the greatest.
    :ivar slowest: half as many, the slowest.
    """

    spans: int = 0
    errors: int = 0
    sums: List[UsageSum] = attrs.Factory(list)
    hottest: List[CallCost] = attrs.Factory(list)
    slowest: List[CallCost] = attrs.Factory(list)


def hottest(costs: Sequence[float], durations: Sequence[float], limit: int) -> Tuple[List[int], List[int]]:
    """Return the places of the hottest calls (see :class:`Spending`), and half as many of the slowest.

    :param costs: of each call in US dollars, 0 where it is not known.
    """
    dear, slow = 0.6 / (max(costs, default=0) or 1), 0.4 / (max(durations, default=0) or 1)
    heat = list(map(add, map(dear.__mul__, costs), map(slow.__mul__, durations)))
    return _largest(heat, limit), _largest(durations, limit // 2)


def _largest(values: Sequence[float], limit: int) -> List[int]:
    """Return the places of the largest values; of equal ones the first.

    Of a million, only the blocks with the largest maxima are looked at closely: the largest values are in them.
    """
    starts = range(0, len(values), _BLOCK)
    maxima = [max(values[start : start + _BLOCK]) for start in starts]
    blocks = sorted(heapq.nsmallest(limit, zip(map(neg, maxima), starts)), key=itemgetter(1))
    places = [place for _, start in blocks for place in range(start, min(start + _BLOCK, len(values)))]
    return sorted(places, key=lambda place: -values[place])[:limit]


def by_cost(found: Iterable[UsageSum]) -> List[UsageSum]:
    """Return sums with the dearest first; of those that cost the same, by tokens and name."""
    return sorted(found, key=lambda each: (-(each.cost_usd or 0.0), -each.tokens_total, str(each.key)))


class SpendReader:
    """Mixin of every store: what model calls took and cost."""

    if TYPE_CHECKING:
        target: str

        def select(self, selection: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[Span]: ...

    def usage(self, by: Sequence[str] = ("model",), selection: Selection = EVERYTHING) -> List[UsageSum]:
        """Return the model calls summed up by these dimensions, the dearest first.

        :param by: some of :data:`DIMENSIONS`: model, provider, tenant, user, session, feature, day, operation. None
            sums up everything.
        :raises StoreError: if one of them is not known.
        """
        return self.spending(by, selection).sums

    def spending(self, by: Sequence[str] = ("model",), selection: Selection = EVERYTHING, top: int = 0) -> Spending:
        """Return :meth:`usage` with the number of spans, and the ``top`` hottest calls; in one pass.

        :raises StoreError: if a dimension is not known.
        """
        tally = SpendTally(by, top)
        for span in self.select(selection, False, None):
            tally.add(span)
        return tally.spending()

    def set_costs(self, costs: Iterable[Cost]) -> int:
        """Write ``attributes.cost_usd`` of spans that are stored; None takes it away. Return how many were written.

        :raises StoreError: where the store cannot change what it has.
        """
        raise StoreError(f"{self.target} cannot be changed.\nCosts can be written to SQLite databases only")


class SpendTally:
    """Adds up spans, in memory that grows with the number of groups, and of calls if ``top`` is asked for."""

    def __init__(self, by: Sequence[str], top: int = 0) -> None:
        check_dimensions(by)
        self._values = [DIMENSIONS[name] for name in by]
        self._top = top
        self._found: Dict[Key, UsageSum] = {}
        self._calls: List[CallCost] = []
        self._spans = self._errors = 0

    def add(self, span: Span) -> None:
        """Count one span."""
        self._spans += 1
        self._errors += span.status == "error"
        if not counts(span):
            return
        key = tuple(_text(value(span)) for value in self._values)
        total = self._found.get(key)
        if total is None:
            total = self._found[key] = UsageSum(key)
        _add(total, span)
        if self._top:
            self._calls.append(call_cost(span))

    def spending(self) -> Spending:
        """Return the result so far."""
        calls = self._calls
        hot, slow = hottest([call.cost_usd or 0.0 for call in calls], [call.duration_ms for call in calls], self._top)
        lists = [calls[at] for at in hot], [calls[at] for at in slow]
        return Spending(self._spans, self._errors, by_cost(self._found.values()), *lists)
