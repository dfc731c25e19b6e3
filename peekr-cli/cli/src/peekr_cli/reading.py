"""What a reading command shares: the store it opens, its filters, and traces as trees, streamed from the store."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

import attrs
import click

from peekr import ReadStore, Span
from peekr.selection import Selection
from peekr_cli.terminal import neutral_lines
from peekr_cli.tree import TraceTree, build


def default_target() -> str:
    """Return the trace file of the working directory: see :func:`peekr.opening.default_store`."""
    from peekr.opening import default_store

    return default_store()


class Moment(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time on the command line: ISO 8601, epoch seconds, or an age such as ``24h``. Becomes Unix seconds."""

    name = "time"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        """Parse, or say what would be right."""
        if not isinstance(value, str):
            return value
        from peekr.timeparse import parse_time

        try:
            return parse_time(value)
        except ValueError as error:
            self.fail(neutral_lines(str(error)), param, ctx)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose traces: the fields of :class:`Filters`."""
    options = [
        click.option("--trace", metavar="ID", help="One trace or run: its id, or six or more characters of it."),
        click.option("--tenant", metavar="ID", help="Traces of this tenant."),
        click.option("--user", metavar="ID", help="Traces of this user."),
        click.option("--session", metavar="ID", help="All traces of this session, together."),
        click.option("--status", type=click.Choice(["ok", "error"]), help="Traces that failed somewhere, or nowhere."),
        click.option("--since", type=Moment(), help="Started then or later: 2026-01-31T09:00, 15m, 24h, 7d ago."),
        click.option("--until", type=Moment(), help="Started before."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@attrs.define(slots=True, frozen=True)
class Filters:
    """Which traces are asked for; None asks for any.

    :ivar trace: a trace or run id, or the beginning of one.
    """

    trace: Optional[str] = None
    tenant: Optional[str] = None
    user: Optional[str] = None
    session: Optional[str] = None
    status: Optional[str] = None
    since: Optional[float] = None
    until: Optional[float] = None

    def arguments(self) -> Dict[str, Any]:
        """Return the keyword arguments of :meth:`peekr.ReadStore.spans` and ``traces``; not ``trace``."""
        return {
            "tenant_id": self.tenant,
            "user_id": self.user,
            "session_id": self.session,
            "status": self.status,
            "since": self.since,
            "until": self.until,
        }

    def selection(self) -> Selection:
        """Return the test for one span; not ``trace``."""
        return Selection(**self.arguments())

    @property
    def any(self) -> bool:
        """Whether anything is asked for."""
        return any(value is not None for value in attrs.astuple(self))


@attrs.define(slots=True)
class Traces:
    """A choice of a store's traces.

    :ivar limit: the newest so many; None for all.
    :ivar more: after :meth:`trees` began: whether the limit left older ones out.
    """

    store: ReadStore
    filters: Filters
    limit: Optional[int] = None
    more: bool = False

    def trees(self) -> Iterator[TraceTree]:
        """Yield the traces, the newest last. Without a limit, only those not complete yet are held in memory."""
        if self.filters.trace is not None:
            accepts = self.filters.selection().accepts
            named = self._one()
            return iter([build(named)] if any(map(accepts, named)) else [])
        limit = None if self.limit is None else self.limit + 1
        chosen = list(self.store.traces(**self.filters.arguments(), newest_first=True, limit=limit))
        self.more = self.limit is not None and len(chosen) > self.limit
        chosen = sorted(chosen[: self.limit], key=lambda summary: summary.start_time)
        if not chosen:
            return iter(())
        counts = {summary.trace_id: summary.span_count for summary in chosen}
        # with a limit from the end, so that a long file is not read from its beginning; else in constant memory
        spans = self.store.spans(since=chosen[0].start_time, newest_first=self.limit is not None)
        return _grouped(spans, counts)

    def spans(self) -> Iterator[Span]:
        """Yield the spans that fit the filters, oldest first, of the traces within the limit."""
        selection = self.filters.selection()
        if self.filters.trace is not None:
            return filter(selection.accepts, self._one())
        if self.limit is None:
            return self.store.spans(**self.filters.arguments())
        newest = list(self.store.traces(**self.filters.arguments(), newest_first=True, limit=self.limit))
        if not newest:
            return iter(())
        chosen = {summary.trace_id for summary in newest}
        # from the end, so that a long file is not read from its beginning
        since = min(summary.start_time for summary in newest)
        found = self.store.spans(**{**self.filters.arguments(), "since": since}, newest_first=True)
        return reversed([span for span in found if span.trace_id in chosen])

    def _one(self) -> List[Span]:
        """The spans of the trace, or below the run, that ``filters.trace`` names."""
        found, trace_id = self.store.locate(self.filters.trace or "")
        spans = list(self.store.spans(trace_id=trace_id))
        if found == trace_id:
            return spans
        return list(below(spans, found)) or [span for span in spans if span.run_id == found]


def below(spans: Iterable[Span], span_id: str) -> Iterator[Span]:
    """Yield the span of this id and all spans under it, those of one trace being given."""
    tree = build(spans)
    inside = {span_id}
    for _, span in tree.walk():
        if span.span_id in inside or span.parent_id in inside:
            inside.add(span.span_id)
            yield span


def _grouped(spans: Iterable[Span], counts: Dict[str, int]) -> Iterator[TraceTree]:
    """Yield a tree for each trace in ``counts``, in its order, as soon as it and all before it are complete."""
    waiting: Dict[str, List[Span]] = {trace_id: [] for trace_id in counts}
    for span in spans:
        group = waiting.get(span.trace_id)
        if group is None:
            continue
        group.append(span)
        while waiting:
            first = next(iter(waiting))
            if len(waiting[first]) < counts[first]:
                break
            yield build(waiting.pop(first))
    for group in waiting.values():
        if group:
            yield build(group)
