"""Reading spans back: the interface that every store fulfils, and :func:`open_store`, which finds the right one.

A store writes three methods (:meth:`ReadStore.recognises`, ``__init__``, :meth:`ReadStore.iter_spans`); the rest has
defaults built on these, right for any size of file and overridden where a store knows a faster way.
"""

from __future__ import annotations

import logging
import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from itertools import islice
from time import monotonic, sleep
from typing import Any, Deque, Dict, Iterator, List, Optional, Tuple

from peekr import runs
from peekr.errors import AmbiguousId, UnknownId
from peekr.opening import open_store as open_store
from peekr.runreader import RunReader
from peekr.selection import Selection, mentions
from peekr.spans import Span
from peekr.spending import SpendReader
from peekr.sqlquery import query as query
from peekr.summary import TraceSummary, fits, trace_tallies

logger = logging.getLogger("peekr")

#: Characters that the beginning of an id must have to be taken for it.
MIN_PREFIX = 6


class ReadStore(RunReader, SpendReader, ABC):
    """Spans that were written down. Not safe to share among threads; open one store for each.

    Times given and returned here are Unix seconds; those of the runs and steps (:class:`RunReader`) milliseconds.
    Every method that fails because of the store raises :class:`peekr.errors.StoreError`.

    :ivar target: the path or address it was opened with.
    :ivar skipped: broken or foreign records met in the last complete pass over the store.
    """

    target: str = ""
    skipped: int = 0
    _said_skipped: int = 0

    @classmethod
    @abstractmethod
    def recognises(cls, target: str) -> bool:
        """Whether the path or URL is a store of this kind; may look at the first bytes. Never raises."""

    @abstractmethod
    def __init__(self, target: str) -> None:
        """Open the store.

        :raises StoreError: if it cannot be read.
        """
        self.target = str(target)

    @abstractmethod
    def iter_spans(self) -> Iterator[Span]:
        """Yield every span once, the oldest first (by start, or in the order of writing), in constant memory.

        Of records with the same span_id the last one written counts. Broken ones are skipped and counted.
        """

    # -- spans ------------------------------------------------------------------------------------------------

    def spans(
        self,
        *,
        trace_id: Optional[str] = None,
        run_id: Optional[str] = None,
        session_id: Optional[str] = None,
        tenant_id: Optional[str] = None,
        user_id: Optional[str] = None,
        since: Optional[float] = None,
        until: Optional[float] = None,
        status: Optional[str] = None,
        kind: Optional[str] = None,
        name: Optional[str] = None,
        newest_first: bool = False,
        limit: Optional[int] = None,
    ) -> Iterator[Span]:
        """Yield the spans for which everything given holds; see :class:`peekr.selection.Selection` for each.

        :param newest_first: turn the order round.
        :param limit: at most so many, counted in the order asked for.
        """
        selection = Selection(
            trace_id, run_id, session_id, tenant_id, user_id, since, until, status, kind, name
        )  # fmt: skip
        return iter(()) if limit == 0 else islice(self.select(selection, newest_first, limit), limit)

    def select(self, selection: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[Span]:
        """Do the work of :meth:`spans`; what a store overrides. Yielding more than ``limit`` is allowed."""
        found = (span for span in self.iter_spans() if selection.accepts(span))
        if not newest_first:
            return found
        newest: Deque[Span] = deque(found, maxlen=limit)
        return iter(reversed(newest))

    def search(self, text: str, limit: Optional[int] = 100) -> Iterator[Span]:
        """Yield the spans whose name or attributes contain the text, in any case of letters; newest first."""
        needle = text.lower()
        found: Deque[Span] = deque((span for span in self.iter_spans() if mentions(span, needle)), maxlen=limit)
        return iter(reversed(found))

    # -- traces -----------------------------------------------------------------------------------------------

    def traces(
        self,
        *,
        tenant_id: Optional[str] = None,
        user_id: Optional[str] = None,
        session_id: Optional[str] = None,
        since: Optional[float] = None,
        until: Optional[float] = None,
        status: Optional[str] = None,
        newest_first: bool = True,
        limit: Optional[int] = None,
    ) -> Iterator[TraceSummary]:
        """Yield a summary of each trace, by start; the filters are those of :meth:`spans`, on the summary.

        :param limit: at most so many, counted in the order asked for: by default the newest ones.
        """
        wanted = Selection(
            tenant_id=tenant_id, user_id=user_id, session_id=session_id, since=since, until=until, status=status
        )
        return iter(()) if limit == 0 else islice(self.summaries(wanted, newest_first, limit), limit)

    def summaries(self, wanted: Selection, newest_first: bool, limit: Optional[int]) -> Iterator[TraceSummary]:
        """Do the work of :meth:`traces`; what a store overrides. Yielding more than ``limit`` is allowed."""
        found = (tally.summary() for tally in trace_tallies(self.iter_spans()))
        kept = [summary for summary in found if fits(summary, wanted)]
        return iter(sorted(kept, key=lambda each: each.start_time, reverse=newest_first))

    def trace(self, trace_id_or_prefix: str) -> List[Span]:
        """Return the spans of one trace by start time; takes what :meth:`resolve_id` takes.

        :raises UnknownId: if there is no such trace.
        :raises AmbiguousId: if the prefix fits several ids. Both are StoreErrors.
        """
        _, trace_id = self.locate(trace_id_or_prefix)
        return sorted(self.spans(trace_id=trace_id), key=lambda span: span.start_time)

    # -- ids --------------------------------------------------------------------------------------------------

    def resolve_id(self, prefix: str) -> str:
        """Return the whole trace_id or run_id: of itself, or of at least six characters of its beginning.

        :raises AmbiguousId: listing the ids that fit.
        :raises UnknownId: if none does, or the prefix is too short. Both are StoreErrors.
        """
        return self.locate(prefix)[0]

    def locate(self, prefix: str) -> Tuple[str, str]:
        """Return the whole id, and the trace it is in; see :meth:`resolve_id`."""
        prefix = prefix.strip()
        fitting = self.ids_starting_with(prefix) if prefix else {}
        if prefix in fitting:
            return prefix, fitting[prefix]
        if len(prefix) < MIN_PREFIX:
            raise UnknownId(
                f"{prefix!r} is too short for an id.\nGive at least {MIN_PREFIX} characters of a trace or run id."
            )
        if not fitting:
            raise UnknownId(
                f"{self.target} has no trace or run whose id begins with {prefix!r}.\n"
                f"List what it has with: peekr view {self.target}"
            )
        if len(fitting) > 1:
            raise AmbiguousId(prefix, sorted(fitting))
        return next(iter(fitting.items()))

    def ids_starting_with(self, prefix: str) -> Dict[str, str]:
        """Return the trace and run ids that begin so, each with its trace_id."""
        fitting: Dict[str, str] = {}
        for span in self.iter_spans():
            for known in (span.trace_id, span.run_id):
                if known.startswith(prefix):
                    fitting[known] = span.trace_id
        return fitting

    # -- the whole --------------------------------------------------------------------------------------------

    def stats(self) -> Dict[str, Any]:
        """Return counts of the whole store.

        ``{"target", "spans", "traces", "runs", "errors", "tokens_total", "cost_usd", "first", "last", "skipped",
        "size_bytes"}``; first and last are start times or None, cost_usd None if no span has a cost.
        """
        counts: Dict[str, Any] = {"target": self.target, "spans": 0, "traces": 0, "runs": 0, "errors": 0}
        counts.update(tokens_total=0, cost_usd=None, first=None, last=None)
        traces = set()
        for span in self.iter_spans():
            start, cost = span.start_time, runs.cost_of(span)
            traces.add(span.trace_id)
            counts["spans"] += 1
            counts["runs"] += runs.is_run(span)
            counts["errors"] += span.status == "error"
            counts["tokens_total"] += runs.tokens_of(span)
            if cost is not None:
                counts["cost_usd"] = (counts["cost_usd"] or 0.0) + cost
            counts["first"] = start if counts["first"] is None else min(counts["first"], start)
            counts["last"] = start if counts["last"] is None else max(counts["last"], start)
        counts.update(traces=len(traces), skipped=self.skipped, size_bytes=self.size_bytes())
        return counts

    def size_bytes(self) -> int:
        """Return how much the store takes on disk; 0 where that has no meaning."""
        try:
            return os.path.getsize(self.target)
        except (OSError, ValueError):
            return 0

    def follow(
        self,
        *,
        from_start: bool = False,
        stop: Optional[threading.Event] = None,
        idle_s: Optional[float] = None,
        poll_s: float = 0.1,
    ) -> Iterator[Span]:
        """Yield ended spans as they are written, each once, from the moment of this call on.

        :param from_start: begin with those that are there already.
        :param stop: ends the iteration, within ``poll_s``, when it is set.
        :param idle_s: ends it after so many seconds without a new span; 0 gives what is there and ends.
        """
        known = set() if from_start else {span.span_id for span in self.iter_spans() if span.ended}

        def fresh() -> Iterator[Span]:
            for span in self.iter_spans():
                if span.ended and span.span_id not in known:
                    known.add(span.span_id)
                    yield span

        return poll(fresh, stop, idle_s, poll_s)

    def note_skipped(self, count: int) -> None:
        """Set :attr:`skipped` after a pass, and say so once for each new number."""
        self.skipped = count
        if count > self._said_skipped:
            self._said_skipped = count
            logger.warning(
                "%s: %d broken or foreign %s skipped", self.target, count, "line was" if count == 1 else "lines were"
            )

    def close(self) -> None:
        """Let go of files and connections; may be called twice."""

    def __enter__(self) -> ReadStore:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.target!r})"


def poll(fresh: Any, stop: Optional[threading.Event], idle_s: Optional[float], poll_s: float) -> Iterator[Span]:
    """Yield what ``fresh()`` yields, again and again, until told to stop or nothing came for ``idle_s``."""
    last = monotonic()
    while stop is None or not stop.is_set():
        for span in fresh():
            yield span
            last = monotonic()
            if stop is not None and stop.is_set():
                return
        if idle_s is not None and monotonic() - last >= idle_s:
            return
        sleep(poll_s) if stop is None else stop.wait(poll_s)
