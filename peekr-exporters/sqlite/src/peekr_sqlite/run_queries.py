"""Lists and counts of runs with SQL: the runs are chosen there, and only the spans of those are added up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

from peekr import sql
from peekr.runreader import DAY_MS, Page, run_order
from peekr.spans import Span
from peekr.summary import RunTally

#: All columns without the bulk: for sums, which need the payload of a run's own span at most.
LIGHT = ", ".join(sql.COLUMNS).replace("payload", "CASE WHEN run_id = span_id THEN payload END AS payload")
_IS_RUN = "run_id = span_id"
_STATUS = "CASE WHEN end_time IS NULL THEN 'running' WHEN status = 'error' THEN 'failed' ELSE 'completed' END"
_STARTED_MS = "CAST(ROUND(start_time * 1000) AS INTEGER)"
#: Runs inside of another one, with the id of that.
_NESTED = "SELECT s.span_id, p.run_id FROM spans s JOIN spans p ON p.span_id = s.parent_id WHERE s.run_id = s.span_id"
#: Runs with a step of a type.
_HOLDS = f"EXISTS (SELECT 1 FROM spans s WHERE s.run_id = spans.span_id AND {sql.STEP_TYPE} = ?)"
#: Names bound in one statement; SQLite before 3.32 takes 999.
_AT_ONCE = 500


class RunQueries:
    """Mixin of the SQLite store: the faster half of :class:`peekr.runreader.RunReader`."""

    if TYPE_CHECKING:

        def rows(self, statement: str, params: Sequence[Any] = ()) -> Iterator[Tuple[Any, ...]]: ...
        def row(self, statement: str, params: Sequence[Any] = ()) -> Tuple[Any, ...]: ...
        def span_rows(self, rest: str, params: Sequence[Any] = (), columns: str = "") -> Iterator[Span]: ...
        def size_bytes(self) -> int: ...

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
        """Return the runs that match; see :meth:`peekr.runreader.RunReader.list_runs`."""
        conditions: Dict[str, Any] = {
            f"{_STATUS} = ?": status,
            "user_id = ?": user_id,
            "session_id = ?": session_id,
            f"{_STARTED_MS} >= ?": started_after,
            f"{_STARTED_MS} <= ?": started_before,
            _HOLDS: event_type,
            "peekr_lower(name) LIKE ? ESCAPE '~'": _pattern(search.lower()) if search else None,
        }
        given = {condition: value for condition, value in conditions.items() if value is not None}
        clause, params = " AND ".join([_IS_RUN, *given]), list(given.values())
        total = self.row(f"SELECT COUNT(*) FROM spans WHERE {clause}", params)[0]
        chosen = self.rows(
            f"SELECT span_id FROM spans WHERE {clause} ORDER BY {_order(order_by, order_dir)} LIMIT ? OFFSET ?",
            [*params, -1 if limit is None else limit, offset],
        )
        return Page(self._runs([run_id for (run_id,) in chosen]), total, limit, offset)

    def all_runs(self) -> List[Dict[str, Any]]:
        """Return every run."""
        return list(self.list_runs(limit=None))

    def get_stats(self, now: Optional[float] = None) -> Dict[str, Any]:
        """Return the counts; see :meth:`peekr.runreader.RunReader.get_stats`."""
        since = (time.time() if now is None else now) - DAY_MS / 1000
        counts = dict(self.rows(f"SELECT {_STATUS}, COUNT(*) FROM spans WHERE {_IS_RUN} GROUP BY 1"))
        recent = self.row(f"SELECT COUNT(*) FROM spans WHERE {_IS_RUN} AND start_time >= ?", (since,))[0]
        return {
            "total_runs": sum(counts.values()),
            "running_runs": counts.get("running", 0),
            "completed_runs": counts.get("completed", 0),
            "failed_runs": counts.get("failed", 0),
            "total_steps": self.row("SELECT COUNT(*) FROM spans")[0],
            "db_size_bytes": self.size_bytes(),
            "recent_runs_24h": recent,
        }

    def _runs(self, ids: Sequence[str]) -> List[Dict[str, Any]]:
        """Add up the runs of these ids, in this order."""
        tallies = {run_id: RunTally() for run_id in ids}
        outer: Dict[str, str] = {}
        for at in range(0, len(ids), _AT_ONCE):
            some = ids[at : at + _AT_ONCE]
            marks = f"({', '.join('?' * len(some))})"
            for span in self.span_rows(f"WHERE run_id IN {marks}", some, LIGHT):
                tallies[span.run_id].add(span)
            outer.update(self.rows(f"{_NESTED} AND s.span_id IN {marks}", some))
            for _, run_id in self.rows(f"{_NESTED} AND s.parent_id IS NOT NULL AND p.run_id IN {marks}", some):
                tallies[run_id].step_count += 1  # a nested run's beginning is a step of the run around it
        found = [(run_id, tally.run()) for run_id, tally in tallies.items() if tally.head is not None]
        for run_id, run in found:
            run["parent_run_id"] = outer.get(run_id)
        return [run for _, run in found]


def _order(order_by: str, order_dir: str) -> str:
    field, descending = run_order(order_by, order_dir)
    direction = "DESC" if descending else "ASC"
    column = {"started_at": "start_time", "completed_at": "end_time"}.get(field, field)
    last = "" if field == "started_at" else f"{column} IS NULL, "  # start_time is never NULL, and has an index
    return f"{last}{column} {direction}, rowid {direction}"


def _pattern(text: str) -> str:
    for special in "~%_":
        text = text.replace(special, "~" + special)
    return f"%{text}%"
