"""Setting ``attributes.cost_usd`` on the spans of model calls, in the worker."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Dict

import attrs

from peekr.errors import ConfigurationError
from peekr.prices import computed_cost
from peekr.runs import BILLED_KINDS
from peekr.spans import Span
from peekr_cost.overrides import use_default_prices_file, use_prices_file

if TYPE_CHECKING:
    from peekr.config import Config

logger = logging.getLogger("peekr")

#: Response ids remembered, to see the same one again.
_REMEMBERED = 4096
#: Names of unknown models kept for :attr:`CostProcessor.unknown`; further ones count under "…".
_LISTED = 100


@attrs.define(slots=True, frozen=True)
class _Billed:
    """Where a response was billed; not the span itself, whose content would stay in memory."""

    trace_id: str
    name: str
    start: int
    end: int

    def is_inside(self, span: Span) -> bool:
        """Whether it is the same call as ``span``, seen from within."""
        within = span._t0 <= self.start and self.end <= span._t1
        return within and span.name != self.name and span.trace_id == self.trace_id


class CostProcessor:
    """Prices each call of a model that counts tokens. Class of the entry ``cost`` in the group ``peekr.processors``.

    A call without a known price gets none, and is counted. A cost that is there already stays. Prices are looked up
    once for each model; the price table is read with the first, here in the worker, not by ``instrument()``.

    A span around another one that reports the same response (a framework around a provider) is not billed: its
    attribute ``billed`` becomes False, and it has no cost.

    :ivar priced: calls with a price.
    :ivar unknown: model → calls of it without a known price.
    """

    def __init__(self) -> None:
        self.priced = 0
        self.unknown: Dict[str, int] = {}
        self._billed: OrderedDict[str, _Billed] = OrderedDict()

    @classmethod
    def from_config(cls, config: Config) -> CostProcessor:
        """Build the processor for :func:`peekr.instrument`; ``storage_options={"cost": {"prices": path}}`` names a
        prices file, else ``PEEKR_PRICES`` does. If something is wrong in it, that is logged, and none of its prices
        are used.
        """
        path = config.options("cost").get("prices")
        try:
            if path is not None:
                use_prices_file(str(path))
            else:
                use_default_prices_file()
        except ConfigurationError as error:
            logger.warning("%s. Until then the prices of the tables are used, without this file", error)
        return cls()

    def process(self, span: Span) -> None:
        """Set the cost of one span."""
        if span.kind not in BILLED_KINDS or not span.ended:
            return
        attributes = span.attributes
        if attributes.get("billed") is False or "cost_usd" in attributes:
            return
        if "tokens_input" not in attributes and "tokens_output" not in attributes:
            return
        if self._is_wrapper(span):
            attributes["billed"] = False
            return
        cost = computed_cost(attributes, span.start_time)
        if cost is None:
            self._count_unknown(str(attributes.get("model")))
        else:
            self.priced += 1
            attributes["cost_usd"] = cost

    def _is_wrapper(self, span: Span) -> bool:
        """Whether the response was billed with a span inside this one. The id alone does not tell: fakes and caches
        give the same one for several calls, and those have one name and follow each other.
        """
        response = span.attributes.get("response_id")
        if not isinstance(response, str) or not response:
            return False
        inner = self._billed.get(response)
        if inner is not None and inner.is_inside(span):
            return True
        self._billed[response] = _Billed(span.trace_id, span.name, span._t0, span._t1)
        if len(self._billed) > _REMEMBERED:
            self._billed.popitem(last=False)
        return False

    def _count_unknown(self, model: str) -> None:
        name = model if model in self.unknown or len(self.unknown) < _LISTED else "…"
        self.unknown[name] = self.unknown.get(name, 0) + 1
