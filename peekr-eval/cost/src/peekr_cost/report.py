"""What ``peekr cost`` shows, as data: totals, groups, the dearest and slowest calls, models without a price."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import attrs

from peekr import ReadStore, Span
from peekr.prices import computed_cost
from peekr.runs import number_of
from peekr.selection import Selection
from peekr.spending import CallCost, Cost, Spending, SpendTally, UsageSum, by_cost, counts

#: Grouped by these unless asked otherwise (contract CLI-12).
DEFAULT_BY = ("operation", "model")
#: Hottest calls shown; of the slowest half as many.
TOP = 10
#: Spans of a store in which calls without a stored cost are priced one by one; more would take too long.
MOST_ESTIMATED = 50_000
#: Sums of a group, in the order of the columns.
COLUMNS = (
    "calls",
    "errors",
    "tokens_input",
    "tokens_output",
    "tokens_cached",
    "duration_ms",
    "unpriced",
    "cost_usd",
)  # fmt: skip


@attrs.define(slots=True)
class Report:
    """:ivar groups: the sums by :attr:`by`, the dearest first.

    :ivar unknown: model → calls with tokens but without a known price.
    :ivar estimated: calls that bear no cost, and were priced by their tokens; None: those were not looked at.
    """

    by: Tuple[str, ...]
    spans: int
    errors: int
    total: UsageSum
    groups: List[UsageSum]
    unknown: Dict[str, int]
    hottest: List[CallCost]
    slowest: List[CallCost]
    estimated: Optional[int] = 0

    def as_dict(self) -> Dict[str, Any]:
        """Return it as JSON values; the names and units are those of the spans' attributes."""
        total = self.total
        return {
            "spans": self.spans,
            "llm_calls": total.calls,
            "errors": self.errors,
            "tokens_input": total.tokens_input,
            "tokens_output": total.tokens_output,
            "tokens_cached": total.tokens_cached,
            "tokens_total": total.tokens_total,
            "llm_time_ms": round(total.duration_ms, 3),
            "cost_usd": dollars(total.cost_usd),
            "estimated_calls": self.estimated,
            "unpriced_calls": total.unpriced,
            "unknown_models": [{"model": model, "calls": calls} for model, calls in self.unknown.items()],
            "by": list(self.by),
            "groups": [self.group(each) for each in self.groups],
            "hottest": [_call(each) for each in self.hottest],
            "slowest": [_call(each) for each in self.slowest],
        }

    def group(self, group: UsageSum) -> Dict[str, Any]:
        """Return one group: the values of its dimensions, then its sums."""
        sums = {name: getattr(group, name) for name in COLUMNS}
        sums.update(duration_ms=round(group.duration_ms, 3), cost_usd=dollars(group.cost_usd))
        return {**dict(zip(self.by, group.key)), **sums}


def dollars(cost: Optional[float]) -> Optional[float]:
    """Return a sum of costs without the noise of adding binary fractions."""
    return None if cost is None else round(cost, 9)


def _call(call: CallCost) -> Dict[str, Any]:
    return {**attrs.asdict(call), "duration_ms": round(call.duration_ms, 3)}


def report(store: ReadStore, by: Sequence[str], selection: Selection, top: int) -> Report:
    """Read a store, in one pass; in a second one if calls with tokens bear no cost, to price those by their tokens."""
    found = store.spending(with_model(by), selection, top)
    shown = report_of(found, by)
    if not shown.total.unpriced:
        return shown
    if found.spans > MOST_ESTIMATED:
        shown.estimated = None
        return shown
    return _estimated(store, by, selection, top)


def _estimated(store: ReadStore, by: Sequence[str], selection: Selection, top: int) -> Report:
    tally, estimated = SpendTally(with_model(by), top), 0
    for span in store.select(selection, False, None):
        if counts(span) and number_of(span.attributes.get("cost_usd")) is None:
            cost = new_cost(span.attributes, span.start_time)
            if cost is not None:
                span.attributes["cost_usd"] = cost
                estimated += 1
        tally.add(span)
    shown = report_of(tally.spending(), by)
    shown.estimated = estimated
    return shown


def with_model(by: Sequence[str]) -> Tuple[str, ...]:
    """The dimensions to read: those without a price are told by model."""
    return tuple(by) if "model" in by else (*by, "model")


def report_of(found: Spending, by: Sequence[str]) -> Report:
    """Make a report of sums by :func:`with_model`."""
    model_at = with_model(by).index("model")
    total, unknown, groups = UsageSum(()), {}, {}  # type: ignore[var-annotated]
    for each in found.sums:
        total.absorb(each)
        if each.unpriced:
            model = each.key[model_at] or "(none)"
            unknown[model] = unknown.get(model, 0) + each.unpriced
        key = each.key[: len(by)]
        groups.setdefault(key, UsageSum(key)).absorb(each)
    ranked = dict(sorted(unknown.items(), key=lambda pair: (-pair[1], pair[0])))
    return Report(
        tuple(by), found.spans, found.errors, total, by_cost(groups.values()), ranked, found.hottest, found.slowest
    )


# -- computing costs anew ---------------------------------------------------------------------------------------------


@attrs.define(slots=True)
class Repricing:
    """Costs computed anew from the tokens of stored calls, with today's tables at the prices of the call's time.

    A cost that no table can compute stays as it is.

    :ivar changed: span_id and new cost of those that differ.
    """

    changed: List[Cost] = attrs.Factory(list)

    def report(self, store: ReadStore, by: Sequence[str], selection: Selection, top: int) -> Report:
        """Read a store, and report it with the new costs."""
        tally = SpendTally(with_model(by), top)
        for span in self._repriced(store.select(selection, False, None)):
            tally.add(span)
        return report_of(tally.spending(), by)

    def _repriced(self, spans: Iterable[Span]) -> Iterator[Span]:
        for span in spans:
            if counts(span):
                cost = new_cost(span.attributes, span.start_time)
                if cost is not None and cost != number_of(span.attributes.get("cost_usd")):
                    self.changed.append((span.span_id, cost))
                    span.attributes["cost_usd"] = cost
            yield span


def new_cost(attributes: Mapping[str, Any], when: float) -> Optional[float]:
    """Return what a call costs by the tables, or None if they do not know."""
    return computed_cost(attributes, when)
