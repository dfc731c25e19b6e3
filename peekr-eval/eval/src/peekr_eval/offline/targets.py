"""Where scores go: into the rows of a store that can be updated, or into a file that takes the place of the old one."""

from __future__ import annotations

import os
import sqlite3
from typing import Any, Dict, Iterator, List, Optional, Protocol, Sequence

from peekr.errors import PluginNotFound, StoreError
from peekr.plugins import driver, load_group
from peekr.spans import Span
from peekr.sqlquery import is_sqlite
from peekr.stores import ReadStore
from peekr_eval.offline.files import FileTarget
from peekr_eval.offline.plan import Plan, selected
from peekr_eval.offline.scoring import Scored


class Target(Protocol):
    """Takes scores, in batches.

    :ivar where: path of what has the scores in the end.
    :ivar unfinished: whether :meth:`finish` is still to be called, even if no span is left to score.
    """

    where: str

    @property
    def unfinished(self) -> bool: ...

    def candidates(self, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
        """Yield the spans that fit, with the scores that an earlier run gave them."""

    def spans(self, plan: Plan, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
        """Yield at least the spans that are to be scored."""

    def write(self, batch: Sequence[Scored]) -> None:
        """Keep scores, so that they survive a crash."""

    def finish(self) -> None:
        """Put everything in its place: every span was scored."""

    def close(self) -> None:
        """Let go; after an interruption without :meth:`finish`."""


class UpdatingTarget:
    """A store whose exporter updates spans that come again, such as SQLite."""

    unfinished = False

    def __init__(self, store: ReadStore, exporter: Any) -> None:
        self.where = store.target
        self._store = store
        self._exporter = exporter

    def candidates(self, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
        """Yield the spans that fit."""
        return selected(self._store, filters, limit)

    def spans(self, plan: Plan, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
        """One trace after the other, so that no reader is open while rows are written."""
        for trace_id in list(plan.traces):
            yield from list(self._store.spans(trace_id=trace_id))

    def write(self, batch: Sequence[Scored]) -> None:
        """Update the rows."""
        self._exporter.export_batch([changed(each) for each in batch])

    def finish(self) -> None:
        """Everything is written."""
        self._exporter.flush()

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


def changed(each: Scored) -> Span:
    """Return the span with what judging changed."""
    span = each.span
    for name, value in each.changes.items():
        if value is None:
            span.attributes.pop(name, None)
        else:
            span.attributes[name] = value
    return span


def target_for(store: ReadStore, output: Optional[str], force: bool) -> Target:
    """Return where the scores of a store go.

    :param output: path of a file to write instead of the store itself.
    :raises StoreError: if the store cannot be written.
    """
    if "://" in store.target or not os.path.isfile(store.target):
        raise StoreError(
            f"{store.target} is no local file, so its spans cannot be scored.\nScore the file on its server"
        )
    exporter = _exporter_class(store)
    if not getattr(exporter, "supports_update", False):
        return FileTarget(store, output or store.target, force)
    path = store.target
    if output is not None and os.path.realpath(output) != os.path.realpath(path):
        _copy_database(path, output, force)
        path = output
        from peekr.stores import open_store

        return UpdatingTarget(open_store(path), exporter(path=path))
    return UpdatingTarget(store, exporter(path=path))


def _exporter_class(store: ReadStore) -> Any:
    names: List[str] = [
        name for name, cls in load_group("peekr.stores") if isinstance(cls, type) and type(store) is cls
    ]
    try:
        return driver("peekr.exporters", names[0] if names else "")
    except PluginNotFound:
        return None


def _copy_database(source: str, output: str, force: bool) -> None:
    """Copy a database that may be in use; one that is there is what an earlier run wrote, and is gone on with."""
    if not is_sqlite(source):
        raise StoreError(f"{source} cannot be copied.\nLeave -o out to write the scores into it")
    if os.path.exists(output) and not force:
        return
    try:
        if os.path.exists(output):
            os.unlink(output)
        before, after = sqlite3.connect(f"file:{source}?mode=ro", uri=True), sqlite3.connect(output)
        try:
            before.backup(after)
        finally:
            before.close()
            after.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{source} cannot be copied to {output}: {error}.\nGive another path for -o") from error
