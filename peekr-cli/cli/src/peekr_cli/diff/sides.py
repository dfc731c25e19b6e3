"""What is compared with what: the command line's two sides, read from their stores."""

from __future__ import annotations

import os
from contextlib import ExitStack
from itertools import chain
from typing import List, Optional, Sequence, Set, Tuple

import attrs
import click

from peekr import ReadStore, open_store
from peekr.errors import StoreError
from peekr.terminal import neutral
from peekr.timeparse import parse_time
from peekr_cli.arguments import parted
from peekr_cli.diff.compare import Rules, compare_traces
from peekr_cli.diff.groups import Group, compare_groups
from peekr_cli.diff.model import Report
from peekr_cli.progress import Bar
from peekr_cli.reading import Filters, Traces, default_target
from peekr_cli.terminal import neutral_lines
from peekr_cli.tree import TraceTree

_USAGE = "Give two traces, two files, or one file with --before and --after."


Times = Tuple[Optional[float], Optional[float]]


class Range(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``FROM..TO``; either may be left out. Becomes a pair of Unix seconds."""

    name = "range"

    def convert(self, value: object, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Times:
        """Parse, or say what would be right."""
        text = str(value)
        begin, found, end = text.partition("..")
        if not found:
            self.fail("write FROM..TO, for instance 24h..12h or 2026-01-31..", param, ctx)
        try:
            since, until = (parse_time(part) if part.strip() else None for part in (begin, end))
        except ValueError as error:
            self.fail(neutral_lines(str(error)), param, ctx)
        if since is not None and until is not None and since >= until:
            self.fail(f"{neutral(text)} ends before it begins", param, ctx)
        return since, until


@attrs.frozen
class Side:
    """One side: a store, and what of it: one trace, or what fits the filters.

    :ivar label: ``before`` or ``after``, where times are compared.
    """

    target: str
    filters: Filters
    label: str = ""


def sides(arguments: Sequence[str], before: Optional[Times], after: Optional[Times], filters: Filters) -> List[Side]:
    """Return the two sides.

    :raises click.UsageError: if the arguments name less or more.
    """
    stores, ids = parted(arguments)
    if before is not None or after is not None:
        if len(stores) > 1 or ids or before is None or after is None:
            raise click.UsageError("--before and --after go together, with one file.")
        target = stores[0] if stores else default_target()
        return [
            Side(target, attrs.evolve(filters, since=times[0], until=times[1]), name)
            for times, name in ((before, "before"), (after, "after"))
        ]
    if len(ids) == 2 and len(stores) <= 2:
        targets = (stores or [default_target()]) * 2 if len(stores) < 2 else stores
        return [Side(target, Filters(trace=each)) for target, each in zip(targets, ids)]
    if len(stores) == 2 and not ids:
        return [Side(target, filters) for target in stores]
    raise click.UsageError(_USAGE)


def labels_of(both: Sequence[Side]) -> Tuple[str, str]:
    """Return what the sides are called: their files where these differ, ``before`` and ``after``, else A and B."""
    names = [neutral(os.path.basename(side.target))[:40] for side in both]
    if names[0] != names[1]:
        return names[0], names[1]
    return (both[0].label, both[1].label) if both[0].label else ("A", "B")


def compared(both: Sequence[Side], rules: Rules) -> Report:
    """Read both sides and compare them: two traces step by step, more of them by the names of their steps.

    :raises StoreError: if a store or trace cannot be read, or nothing fits.
    """
    labels = labels_of(both)
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(side.target)) for side in both]
        trees = [_only_trace(store, side) for store, side in zip(stores, both)]
        first, second = trees
        if first is not None and second is not None:
            titles = [
                f"{neutral(side.target)}  {neutral(tree.trace_id[:8])}" for side, tree in zip(both, (first, second))
            ]
            return compare_traces(first, second, (titles[0], titles[1]), labels, rules)
        groups = [Group(rules), Group(rules)]
        with Bar("Comparing spans") as bar:
            spans = chain.from_iterable(
                ((group, span) for span in store.spans(**side.filters.arguments()))
                for group, store, side in zip(groups, stores, both)
            )
            for group, span in bar.over(spans):
                group.add(span)
    for group, side in zip(groups, both):
        if not group.spans:
            raise StoreError(
                f"{side.target} has no span to compare.\nList what there is with: peekr view {side.target}"
            )
    return compare_groups(groups[0], groups[1], (neutral(both[0].target), neutral(both[1].target)), labels, rules)


def _only_trace(store: ReadStore, side: Side) -> Optional[TraceTree]:
    """The trace that is named, or the only one that fits; None of several."""
    if side.filters.trace is None:
        seen: Set[str] = set()
        for span in store.spans(**side.filters.arguments()):
            seen.add(span.trace_id)
            if len(seen) > 1:
                return None
    return next(iter(Traces(store, side.filters).trees()), None)
