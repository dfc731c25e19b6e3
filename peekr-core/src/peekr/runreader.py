"""Runs and their steps, read from any store: the part of ReadStore on which the REST API stands (contract API-15)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from peekr import runs
from peekr.errors import UnknownId
from peekr.spans import Span
from peekr.summary import RunTallies, RunTally, nested_heads

DAY_MS = 24 * 3600 * 1000
#: Fields by which runs can be ordered; another one is ignored.
ORDERS = ("started_at", "completed_at", "duration_ms", "name")


class Page(List[Dict[str, Any]]):
    """A part of a list of runs or steps.

    :ivar total: how many there are in all; ``limit`` and ``offset`` are those that were asked for.
    """

    def __init__(
        self, items: Iterable[Dict[str, Any]], total: int, limit: Optional[int] = None, offset: int = 0
    ) -> None:
        super().__init__(items)
        self.total = total
        self.limit = limit
        self.offset = offset


class RunReader:
    """Mixin with defaults for everything about runs; times are milliseconds since the epoch.

    A ``run_id`` may be given whole, by its beginning, or as the id of its trace (contract MODEL-5); a beginning that
    fits several raises AmbiguousId. What is unknown gives None, or an empty :class:`Page`.
    """

    if TYPE_CHECKING:

        def iter_spans(self) -> Iterator[Span]: ...
        def spans(self, *, trace_id: Optional[str] = None) -> Iterator[Span]: ...
        def locate(self, prefix: str) -> Tuple[str, str]: ...
        def size_bytes(self) -> int: ...

    # -- lists ------------------------------------------------------------------------------------------------

    def list_runs(
        self,
        *,
        limit: Optional[int] = 100,
        offset: int = 0,
        status: Optional[str] = None,
        user_id: Optional[str] = None,
        session_id: Optional[str] = None,
        search: Optional[str] = None,
        started_after: Optional[float] = None,
        started_before: Optional[float] = None,
        order_by: str = "started_at",
        order_dir: str = "DESC",
        event_type: Optional[str] = None,
    ) -> Page:
        """Return the runs that match, in the shape of contract API-4, the newest first.

        :param status: ``running``, ``completed`` or ``failed``.
        :param search: a part of the run's name, in any case of letters.
        :param started_after: milliseconds, inclusive, as is ``started_before``.
        :param order_by: one of :data:`ORDERS`; runs without a value come last.
        :param event_type: only runs with a step of this type.
        :raises ValueError: if order_dir is neither ``ASC`` nor ``DESC``.
        """
        key, descending = run_order(order_by, order_dir)
        needle = (search or "").lower()
        holding = None if event_type is None else self._holding(event_type)
        found = [
            run
            for run in self.all_runs()
            if (status is None or run["status"] == status)
            and (user_id is None or run["user_id"] == user_id)
            and (session_id is None or run["session_id"] == session_id)
            and needle in run["name"].lower()
            and (started_after is None or run["started_at"] >= started_after)
            and (started_before is None or run["started_at"] <= started_before)
            and (holding is None or run["id"] in holding)
        ]
        if descending:
            found.reverse()  # sorting keeps the order of equals: milliseconds are many spans long
        with_value = sorted(
            (run for run in found if run[key] is not None), key=lambda run: run[key], reverse=descending
        )
        ordered = with_value + [run for run in found if run[key] is None]
        return page_of(ordered, limit, offset)

    def _holding(self, event_type: str) -> Set[str]:
        found = self._tallies().items()
        return {run_id for run_id, tally in found if event_type in tally.types}

    def _tallies(self) -> Dict[str, RunTally]:
        tallies = RunTallies()
        for span in self.iter_spans():
            tallies.add(span)
        return tallies.tallies()

    def all_runs(self) -> List[Dict[str, Any]]:
        """Return every run, oldest first. Memory grows with the number of runs."""
        return self._with_parents(self._tallies())

    def _with_parents(self, tallies: Dict[str, RunTally]) -> List[Dict[str, Any]]:
        found = {run_id: tally.run() for run_id, tally in tallies.items()}
        around = {tally.parent_id for tally in tallies.values() if tally.parent_id is not None}
        if around:  # nested runs, or spans of a remote caller: whose run is the parent in?
            run_of = {span.span_id: span.run_id for span in self.iter_spans() if span.span_id in around}
            for run_id, tally in tallies.items():
                outer = run_of.get(tally.parent_id or "")
                if outer in found:
                    found[run_id]["parent_run_id"] = outer
                    found[outer]["step_count"] += 1
        return [found[run_id] for run_id in sorted(found, key=lambda run_id: tallies[run_id].start_time)]

    def get_stats(self, now: Optional[float] = None) -> Dict[str, Any]:
        """Return total_runs, running_runs, completed_runs, failed_runs, total_steps, db_size_bytes, recent_runs_24h.

        :param now: Unix seconds; the present by default.
        """
        since = ((time.time() if now is None else now) * 1000) - DAY_MS
        counts = {"total_runs": 0, "running_runs": 0, "completed_runs": 0, "failed_runs": 0, "total_steps": 0}
        counts.update(db_size_bytes=self.size_bytes(), recent_runs_24h=0)
        for span in self.iter_spans():
            counts["total_steps"] += 1
            if runs.is_run(span):
                counts["total_runs"] += 1
                counts[f"{runs.run_status(span)}_runs"] += 1
                counts["recent_runs_24h"] += span.start_time * 1000 >= since
        return counts

    # -- one run ----------------------------------------------------------------------------------------------

    def get_run(self, run_id: str) -> Optional[Dict[str, Any]]:
        """Return one run, or None if the store does not know it."""
        place = self.place_of_run(run_id)
        if place is None:
            return None
        found, trace = place
        run_of = runs.runs_of(trace)
        tally = RunTally()
        for span in trace:
            if run_of[span.span_id] == found:
                tally.add(span)
        if tally.head is None:
            return None
        run = tally.run()
        run["step_count"] += sum(1 for _ in nested_heads(trace, run_of, found))
        outer = run_of.get(tally.parent_id or "")
        run["parent_run_id"] = outer if outer != found else None
        return run

    def get_run_steps(
        self, run_id: str, *, limit: Optional[int] = None, offset: int = 0, event_type: Optional[str] = None
    ) -> Page:
        """Return the steps of a run with the data of each, oldest first; in the shape of contract API-7."""
        steps = [(step, span) for step, span in self._steps(run_id) if event_type in (None, step["type"])]
        shown = page_of([step for step, _ in steps], limit, offset)
        for step, (_, span) in zip(shown, steps[offset:]):
            step.update(data=runs.step_data(span), created_at=step["timestamp"])
        return shown

    def get_run_timeline(self, run_id: str, *, include_data: bool = False) -> Page:
        """Return the events of a run, oldest first; in the shape of contract API-6."""
        steps = self._steps(run_id)
        if include_data:
            for step, span in steps:
                step["data"] = runs.step_data(span)
        return page_of([step for step, _ in steps])

    def get_step_data(self, run_id: str, step_id: str) -> Optional[Dict[str, Any]]:
        """Return ``{"step_id", "data"}``, or None for an unknown step or one of another run."""
        for step, span in self._steps(run_id):
            if step["id"] == step_id:
                return {"step_id": step_id, "data": runs.step_data(span)}
        return None

    # -- inside -----------------------------------------------------------------------------------------------

    def place_of_run(self, run_id: str) -> Optional[Tuple[str, List[Span]]]:
        """Return the whole run_id and the spans of its trace by start; None if it is unknown.

        For the id of a trace that is the run of its root, or of its earliest span.
        """
        try:
            found, trace_id = self.locate(run_id)
        except UnknownId:
            return None
        trace = sorted(self.spans(trace_id=trace_id), key=lambda span: (span.start_time, span.parent_id is not None))
        if not trace:
            return None
        if found == trace_id and not any(span.run_id == found for span in trace):
            run_of = runs.runs_of(trace)
            first = next((span for span in trace if span.parent_id is None), trace[0])
            found = run_of[first.span_id]
        return found, trace

    def _steps(self, run_id: str) -> List[Tuple[Dict[str, Any], Span]]:
        place = self.place_of_run(run_id)
        if place is None:
            return []
        found, trace = place
        run_of = runs.runs_of(trace)
        nested = {span.span_id for span in nested_heads(trace, run_of, found)}
        return [
            (runs.step_dict(span, found), span)
            for span in trace
            if run_of[span.span_id] == found or span.span_id in nested
        ]


def page_of(items: List[Dict[str, Any]], limit: Optional[int] = None, offset: int = 0) -> Page:
    """Return a part of a list, with the length of the whole."""
    return Page(items[offset : None if limit is None else offset + limit], len(items), limit, offset)


def run_order(order_by: str, order_dir: str) -> Tuple[str, bool]:
    """Return the field to order runs by and whether from the highest; unknown fields give ``started_at``."""
    direction = order_dir.upper()
    if direction not in ("ASC", "DESC"):
        raise ValueError(f"order_dir must be ASC or DESC, got {order_dir!r}.")
    return (order_by if order_by in ORDERS else "started_at"), direction == "DESC"
