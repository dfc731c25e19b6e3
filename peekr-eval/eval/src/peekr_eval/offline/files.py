"""Scores for a file of JSON lines: kept beside it while they come, merged into a new file that takes its place.

Every line that has no new score is copied byte by byte, also one that is no span. What an interrupted run had scored
stays in ``<file>.scores`` and is not asked for again.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import Any, BinaryIO, Dict, Iterator, Optional, Sequence

from peekr import wire
from peekr.errors import StoreError
from peekr.spans import Span
from peekr.stores import ReadStore
from peekr_eval.offline.plan import Plan, selected
from peekr_eval.offline.scoring import Scored


class FileTarget:
    """A file of JSON lines.

    :param where: the file to write; may be the store itself.
    :param force: forget the scores that an interrupted run, or an earlier one in ``where``, left.
    """

    def __init__(self, store: ReadStore, where: str, force: bool) -> None:
        self.where = where
        self._store = store
        self._source = os.path.realpath(store.target)
        self._target = os.path.realpath(where)
        self._kept = self._target + ".scores"
        self._index: Dict[str, int] = {}
        if force and os.path.exists(self._kept):
            os.unlink(self._kept)
        self._adopt_earlier(force)
        self._file = self._open()
        self._read_index()

    def _open(self) -> BinaryIO:
        try:
            return open(os.open(self._kept, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
        except OSError as error:
            raise StoreError(
                f"scores cannot be written beside {self.where}: {error.strerror}.\nGive another path with -o"
            ) from error

    def _adopt_earlier(self, force: bool) -> None:
        """A file that is there already must be ours: then the scores in it are kept, by going on from it."""
        if self._target == self._source or not os.path.exists(self._target):
            return
        if not force and not _same_beginning(self._source, self._target):
            raise StoreError(
                f"{self.where} exists and holds other spans than {self._store.target}.\n"
                "Give another path for -o, or --force to replace it"
            )
        if not force and not os.path.exists(self._kept):
            self._keep_scores_of(self._target)

    def _keep_scores_of(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with open(path, "rb") as file, open(os.open(self._kept, flags, 0o600), "wb") as kept:
            for line in file:
                record = _record(line)
                if record is not None and isinstance(record["attributes"].get("eval_scores"), dict):
                    own = {name: value for name, value in record["attributes"].items() if _is_evaluation(name)}
                    kept.write(self._line(record["span_id"], own))

    def _line(self, span_id: str, values: Dict[str, Any]) -> bytes:
        return wire.encode({"span_id": span_id, "set": values}) + b"\n"

    def _read_index(self) -> None:
        self._file.seek(0)
        offset = 0
        for line in self._file:
            entry = _entry(line)
            if entry is not None and isinstance(entry.get("set"), dict):
                self._index[str(entry.get("span_id"))] = offset
            offset += len(line)
        self._end = offset

    @property
    def unfinished(self) -> bool:
        """Whether scores of an earlier run wait to be put in place, or the file to write is not there yet."""
        return bool(self._index) or not os.path.exists(self._target)

    # -- as a target ------------------------------------------------------------------------------------------

    def candidates(self, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
        """Yield the spans that fit, with the scores that are known already."""
        for span in selected(self._store, filters, limit):
            if span.span_id in self._index:
                known = span._attributes = dict(span._attributes or {})  # a sealed span stays unopened
                _apply(self._known(span.span_id), known)
            yield span

    def spans(self, plan: Plan, filters: Dict[str, Any], limit: Optional[int]) -> Iterator[Span]:
        """The same."""
        return self.candidates(filters, limit)

    def write(self, batch: Sequence[Scored]) -> None:
        """Append the scores."""
        for each in batch:
            span_id = each.span.span_id
            before = self._known(span_id) if span_id in self._index else {}
            line = self._line(span_id, {**before, **each.changes})
            self._file.seek(0, os.SEEK_END)
            self._file.write(line)
            self._index[span_id] = self._end
            self._end += len(line)
        self._file.flush()

    def finish(self) -> None:
        """Write the new file and put it in its place; lines that came meanwhile are in it.

        :raises StoreError: if it cannot be written; the old one is as it was.
        """
        fresh = self._target + ".new"
        try:
            with open(self._source, "rb") as source, open(fresh, "wb") as out:
                shutil.copymode(self._source, fresh)
                self._merge(source, out)
                with _locked(source):
                    self._merge(source, out)
                    out.flush()
                    os.fsync(out.fileno())
                    if os.name != "nt":
                        os.replace(fresh, self._target)
            if os.name == "nt":
                os.replace(fresh, self._target)
        except OSError as error:
            raise StoreError(
                f"{self.where} cannot be written: {error.strerror}.\nThe scores are kept in {self._kept}: "
                "make room, and run the same command again"
            ) from error
        finally:
            if os.path.exists(fresh):
                os.unlink(fresh)
        self.close()
        if os.path.exists(self._kept):
            os.unlink(self._kept)

    def close(self) -> None:
        """Close the file of scores; one that has none goes."""
        if not self._file.closed:
            self._file.close()
            if not self._index and os.path.exists(self._kept):
                os.unlink(self._kept)

    def _merge(self, source: BinaryIO, out: BinaryIO) -> None:
        for line in source:
            record = _record(line)
            if record is not None and record["span_id"] in self._index:
                line = self._with_scores(record)
            out.write(line)

    def _with_scores(self, record: Dict[str, Any]) -> bytes:
        _apply(self._known(record["span_id"]), record["attributes"])
        return wire.encode(record) + b"\n"

    def _known(self, span_id: str) -> Dict[str, Any]:
        """Return the changes that are kept for a span."""
        self._file.seek(self._index[span_id])
        entry = _entry(self._file.readline()) or {}
        return dict(entry.get("set") or {})


def _apply(values: Dict[str, Any], attributes: Dict[str, Any]) -> None:
    for name, value in values.items():
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value


def _is_evaluation(name: str) -> bool:
    return name.startswith("eval_") or name in ("hallucination_details", "citation_details")


def _entry(line: bytes) -> Optional[Dict[str, Any]]:
    try:
        entry = wire.decode_any(line)
    except Exception:  # cut by a crash
        return None
    return entry if isinstance(entry, dict) else None


def _record(line: bytes) -> Optional[Dict[str, Any]]:
    """Return a line that is a span, as a dict with a dict of attributes."""
    record = _entry(line)
    if record is None or not isinstance(record.get("span_id"), str):
        return None
    if record.get("attributes") is None:
        record["attributes"] = {}
    return record if isinstance(record["attributes"], dict) else None


def _same_beginning(source: str, target: str) -> bool:
    with open(source, "rb") as one, open(target, "rb") as other:
        first, second = _record(one.readline()), _record(other.readline())
    return second is None or (first is not None and first["span_id"] == second["span_id"])


@contextmanager
def _locked(file: BinaryIO) -> Iterator[None]:
    """Keep writers out that lock the file as peekr-jsonl does; where there are no locks, there is none."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
