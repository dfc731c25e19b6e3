"""Forgetting old runs, and giving their room back to the disk (contract DB-1 to DB-3, DB-6)."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import attrs

from peekr.errors import StoreError
from peekr.retention import DEFAULT_CLASS, Policy, Progress, Pruned
from peekr.sqlquery import as_store_error, connect
from peekr_sqlite.writing import Writer

#: Runs deleted in one transaction; writers wait for no more than this.
_AT_ONCE = 250
#: Seconds that a statement waits for other writers.
_PATIENCE_S = 30.0
#: Milliseconds that shortening the log waits for readers; it can be left to others.
_LOG_PATIENCE_MS = 500
#: Less room than this cannot be made.
_PAGE = 8192
#: Of the runs that should make room, so many go before the size is looked at again: never many too many.
_CAREFUL = 0.9
_RUNNING = "SELECT span_id FROM spans WHERE run_id = span_id AND end_time IS NULL"
_BYTES = "length(attributes) + COALESCE(length(payload), 0) + 300"


@attrs.define(slots=True, frozen=True)
class _Run:
    """:ivar bytes: what its rows hold; a measure to compare runs by."""

    id: str
    started: float
    spans: int
    bytes: int


def prune(target: str, policy: Policy, vacuum: bool, dry_run: bool, now: float, progress: Optional[Progress]) -> Pruned:
    """Forget runs; see :meth:`peekr.retention.Upkeep.prune`."""
    with (_reading if dry_run else _writing)(target) as connection:
        pruning = _Pruning(connection, target, policy, dry_run, progress)
        pruning.by_age(now)
        if policy.max_bytes is not None:
            pruning.by_size(policy.max_bytes)
        if vacuum and not dry_run:
            pruning.vacuum()
        elif pruning.outcome.spans and not dry_run:
            _shorten_log(connection)
        return pruning.result()


def vacuum(target: str) -> int:
    """Give the room of what was deleted back to the disk; return the bytes that are left."""
    with _writing(target) as connection:
        _vacuum(connection)
    return _size(target)


@contextmanager
def _writing(target: str) -> Iterator[sqlite3.Connection]:
    """Open a database for changes; one of an older version is brought up to date first."""
    if not os.access(target, os.W_OK):
        raise StoreError(f"{target} may not be changed by this user.\nChange its permissions, or run as its owner")
    with as_store_error(target):
        connect(target).close()  # says what is wrong, if it is no database of spans
        Writer(target).close()
        with closing(sqlite3.connect(target, timeout=_PATIENCE_S, isolation_level=None)) as connection:
            yield connection


@contextmanager
def _reading(target: str) -> Iterator[sqlite3.Connection]:
    with as_store_error(target), closing(connect(target)) as connection:
        yield connection


def _vacuum(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _shorten_log(connection: sqlite3.Connection) -> None:
    """Or the file would be larger for what was deleted, until its next writer comes."""
    connection.execute(f"PRAGMA busy_timeout = {_LOG_PATIENCE_MS}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _size(target: str) -> int:
    log = target + "-wal"
    return os.path.getsize(target) + (os.path.getsize(log) if os.path.exists(log) else 0)


class _Pruning:
    """One pruning: what was found, and what was done."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        target: str,
        policy: Policy,
        dry_run: bool,
        progress: Optional[Progress],
    ) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._target = target
        self._policy = policy
        self._progress = progress
        self._has_ratings = bool(self._execute("SELECT 1 FROM sqlite_master WHERE name = 'feedback'").fetchone())
        self._gone: List[str] = []
        self.outcome = Pruned(size_before=_size(target), dry_run=dry_run)
        self.outcome.size_after = self.outcome.size_before

    def result(self) -> Pruned:
        """Return what was done."""
        if not self.outcome.dry_run:
            self.outcome.size_after = _size(self._target)
        return self.outcome

    def vacuum(self) -> None:
        """Give room back."""
        _vacuum(self._connection)
        self.outcome.vacuumed = True

    # -- by age -----------------------------------------------------------------------------------------------

    def by_age(self, now: float) -> None:
        """Delete the runs that are too old."""
        youngest = self._policy.youngest_cutoff(now)
        if youngest is None:
            return
        old: List[Tuple[str, int]] = []
        classes: Counter[str] = Counter()
        rows = self._execute(
            "SELECT run_id, MIN(start_time), COUNT(*), GROUP_CONCAT(DISTINCT retention_class) FROM spans"
            " WHERE run_id IN (SELECT run_id FROM spans WHERE start_time < ?) GROUP BY run_id ORDER BY 2",
            (youngest,),
        )
        for run_id, started, spans, named in rows:
            kinds = named.split(",") if named else [None]
            if self._policy.is_over(started, kinds, now):
                old.append((run_id, spans))
                classes[min(each or DEFAULT_CLASS for each in kinds)] += 1
        self.outcome.by_age = len(old)
        self.outcome.classes = dict(sorted(classes.items()))
        self._delete(old)

    # -- by size ----------------------------------------------------------------------------------------------

    def by_size(self, max_bytes: int) -> None:
        """Delete the oldest runs until the file fits; what was deleted before is given back first."""
        if self.outcome.dry_run:
            return self._estimate(max_bytes)
        if _size(self._target) <= max_bytes:
            return
        self.vacuum()
        while True:
            size = _size(self._target)
            if size <= max_bytes:
                return
            oldest = self._to_make_room(size, max_bytes, _CAREFUL)
            if not oldest:
                return
            self.outcome.by_size += len(oldest)
            self._delete([(run.id, run.spans) for run in oldest])
            self.vacuum()

    def _estimate(self, max_bytes: int) -> None:
        size = self._size_left()
        chosen = self._to_make_room(size, max_bytes, 1.0) if size > max_bytes else []
        self.outcome.by_size = len(chosen)
        self.outcome.spans += sum(run.spans for run in chosen)
        share = sum(run.bytes for run in chosen) / max(self._all_bytes(), 1)
        self.outcome.size_after = round(size * (1 - share))

    def _size_left(self) -> int:
        """About the size when the runs that are too old are gone."""
        if not self._gone:
            return self.outcome.size_before
        gone = sum(
            self._execute(f"SELECT TOTAL({_BYTES}) FROM spans WHERE run_id IN ({_marks(some)})", some).fetchone()[0]
            for some in _parts(self._gone)
        )
        whole = self._execute(f"SELECT TOTAL({_BYTES}) FROM spans").fetchone()[0]
        return int(self.outcome.size_before * (1 - gone / max(whole, 1)))

    def _all_bytes(self) -> int:
        gone = set(self._gone)
        return sum(run.bytes for run in self._by_start() if run.id not in gone)

    def _to_make_room(self, size: int, max_bytes: int, share: float) -> List[_Run]:
        """Return the oldest runs that make about so much room, at least one; none of those that are running."""
        runs = self._by_start()
        running = {run_id for (run_id,) in self._execute(_RUNNING)} | set(self._gone)
        whole = max(sum(run.bytes for run in runs), 1)
        wanted = max(size - max_bytes, _PAGE) / size * whole
        chosen: List[_Run] = []
        room = 0
        for run in runs:
            if room >= wanted:
                break
            if run.id not in running:
                chosen.append(run)
                room += run.bytes
        return chosen[: max(1, int(len(chosen) * share))]

    def _by_start(self) -> List[_Run]:
        found = self._execute(
            f"SELECT run_id, MIN(start_time), COUNT(*), CAST(TOTAL({_BYTES}) AS INTEGER) FROM spans"
            " GROUP BY run_id ORDER BY 2, 1"
        )
        return [_Run(*row) for row in found]

    # -- deleting ---------------------------------------------------------------------------------------------

    def _delete(self, runs: Sequence[Tuple[str, int]]) -> None:
        self.outcome.spans += sum(spans for _, spans in runs)
        if self.outcome.dry_run:
            self._gone += [run_id for run_id, _ in runs]
            return
        for number, some in enumerate(_parts([run_id for run_id, _ in runs])):
            self._delete_some(some)
            if self._progress is not None:
                self._progress(min((number + 1) * _AT_ONCE, len(runs)), len(runs))

    def _delete_some(self, ids: List[str]) -> None:
        marks = _marks(ids)
        self._execute("BEGIN IMMEDIATE")
        try:
            traces: Dict[str, Any] = {}
            if self._has_ratings:
                traces = dict.fromkeys(
                    trace_id
                    for (trace_id,) in self._execute(
                        f"SELECT DISTINCT trace_id FROM spans WHERE run_id IN ({marks})", ids
                    )
                )
            self._execute(f"DELETE FROM spans WHERE run_id IN ({marks})", ids)
            for trace_id in traces:
                gone = self._execute(
                    "DELETE FROM feedback WHERE trace_id = ?"
                    " AND NOT EXISTS (SELECT 1 FROM spans WHERE spans.trace_id = feedback.trace_id)",
                    (trace_id,),
                )
                self.outcome.ratings += gone.rowcount
            self._execute("COMMIT")
        except BaseException:
            self._execute("ROLLBACK")
            raise


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _parts(ids: Sequence[str]) -> Iterator[List[str]]:
    for at in range(0, len(ids), _AT_ONCE):
        yield list(ids[at : at + _AT_ONCE])
