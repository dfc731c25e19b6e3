"""The records of a store: a database's straight from its rows, any other store's from its spans."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Optional, Sequence, Tuple

import attrs

from peekr import ReadStore, Span
from peekr.selection import Selection
from peekr.sqlquery import as_store_error, connect, is_sqlite
from peekr_dashboard.diagnostics.attributes import read_bytes
from peekr_dashboard.diagnostics.records import TELLING_KINDS, Record, fill, record_of, tool_of
from peekr_dashboard.diagnostics.requests import CALLS, Requests

#: Another program may have put a text there.
_MS = "CASE WHEN typeof(duration_ms) = 'real' THEN duration_ms END"
#: The first fields of a record, from a row. What has no kind, an old version wrote.
_FIELDS = f"""trace_id, span_id, name, kind, start_time, NULLIF(parent_id, ''), status, end_time IS NULL, tenant_id,
    user_id, CASE WHEN NULLIF(parent_id, '') IS NULL THEN name END, {_MS}, session_id"""
#: The attributes of spans that say something: most of a file is inputs and outputs.
_TELLING = f"""CASE WHEN kind IN ({", ".join(repr(kind) for kind in sorted(TELLING_KINDS - {"tool"}))})
    OR status = 'error' OR kind IS NULL
    OR (kind = 'tool' AND (instr(attributes, '"tool_name"') OR instr(attributes, '"error_reason"')))
    THEN CAST(attributes AS BLOB) END"""
#: The spans around calls that bear an endpoint or a feature. By kind: calls and tools are most of a file.
_REQUESTS = f"""SELECT trace_id, start_time, {_MS}, CAST(attributes AS BLOB) FROM spans
    WHERE kind IN (SELECT kind FROM (SELECT DISTINCT kind FROM spans) WHERE kind NOT IN {(*CALLS, "tool")})
    AND (instr(attributes, '"endpoint"') OR instr(attributes, '"feature"'))"""
#: In such a row the attributes lack what was content: it is in the payload, encrypted.
_SEALED = "SELECT 1 FROM spans WHERE rowid IN ({}) AND CAST(substr(payload, 1, 6) AS TEXT) = 'gAAAAA' LIMIT 1"
_SAMPLE = 50
#: Bytes of a database that are read where they lie in memory.
_MAPPED = 1 << 40


@attrs.define(slots=True, frozen=True)
class Question:
    """What of a store is diagnosed.

    :ivar selection: the spans; of a status, whole traces that failed somewhere, or nowhere.
    :ivar trace: a trace or run id, or the beginning of one.
    """

    selection: Selection = attrs.field(factory=Selection)
    trace: Optional[str] = None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.trace is None and next(self.selection.given(), None) is None


EVERYTHING = Question()


@attrs.define(slots=True, frozen=True)
class Rows:
    """A part of a database.

    :ivar which: ``<=`` or ``>``: the rows up to the middle, or behind it.
    :ivar middle: a rowid.
    """

    which: str
    middle: int


def middle_of(store: ReadStore, question: Question) -> Tuple[int, int]:
    """Return the rowid in the middle of a database, and about how many rows it has; 0, 0 where it is read whole."""
    if question.trace is not None or not is_sqlite(store.target):
        return 0, 0
    with as_store_error(store.target):
        connection = connect(store.target)
        try:
            first, last = connection.execute("SELECT MIN(rowid), MAX(rowid) FROM spans").fetchone()
            if first is None or _sealed(connection):
                return 0, 0
        finally:
            connection.close()
    return (first + last) // 2, last - first + 1


def records_of(store: ReadStore, question: Question = EVERYTHING, rows: Optional[Rows] = None) -> Iterator[Record]:
    """Yield the records of the spans that are asked for, in no particular order.

    A call without an endpoint or a feature has those of the request that it is a part of.

    :param rows: of a database that :func:`middle_of` finds long, only these.
    :raises StoreError: if the store cannot be read, or the trace asked for is not there.
    """
    selection = question.selection
    if question.trace is not None:
        return Requests().through(map(record_of, filter(selection.accepts, _of_trace(store, question.trace))))
    if selection.status is None:
        return _selected(store, selection, rows)
    # Whole traces, as everywhere: of failed spans alone, all have failed.
    failed = {record.trace for record in _selected(store, Selection(status="error"))}
    wanted = selection.status == "error"
    others = _selected(store, attrs.evolve(selection, status=None), rows)
    return (record for record in others if (record.trace in failed) == wanted)


def _of_trace(store: ReadStore, prefix: str) -> Iterable[Span]:
    from peekr_cli.reading import below

    found, trace_id = store.locate(prefix)
    spans = list(store.spans(trace_id=trace_id))
    if found == trace_id:
        return spans
    return list(below(spans, found)) or [span for span in spans if span.run_id == found]


def _selected(store: ReadStore, selection: Selection, rows: Optional[Rows] = None) -> Iterator[Record]:
    if not is_sqlite(store.target):
        return Requests().through(map(record_of, store.select(selection, False, None)))
    return _rows(store, selection, rows)


def _rows(store: ReadStore, selection: Selection, rows: Optional[Rows]) -> Iterator[Record]:
    connection = connect(store.target)
    try:
        with as_store_error(store.target):
            if _sealed(connection):
                yield from Requests().through(map(record_of, store.select(selection, False, None)))
                return
            connection.execute(f"PRAGMA mmap_size = {_MAPPED}")  # a scan is a sixth faster without copying each page
            requests = _requests(connection)
            clause, params = where(selection, rows)
            skipped = 0
            for row in connection.execute(f"SELECT {_FIELDS}, {_TELLING} FROM spans {clause}", params):
                record = _record(row)
                if record is None:
                    skipped += 1
                else:
                    yield requests.fill(record)
        if skipped:
            store.note_skipped(skipped)
    finally:
        connection.close()


def _requests(connection: Any) -> Requests:
    """Return the requests of the whole database: of a call in one half the root may lie in the other."""
    found = Requests()
    for trace, start, ms, attributes in connection.execute(_REQUESTS):
        tags = read_bytes(attributes)
        if type(start) is float and (tags.endpoint is not None or tags.feature is not None):
            found.add(trace, start, ms, tags.endpoint, tags.feature)
    return found


def _sealed(connection: Any) -> bool:
    """Whether rows are encrypted, by the oldest and the newest of them: a key is set for the life of a program."""
    ends: List[int] = []
    for order in ("ASC", "DESC"):
        found = connection.execute(f"SELECT rowid FROM spans ORDER BY rowid {order} LIMIT {_SAMPLE}")
        ends.extend(rowid for (rowid,) in found)
    marks = ", ".join("?" * len(ends))
    return connection.execute(_SEALED.format(marks), ends).fetchone() is not None


def _record(row: Sequence[Any]) -> Optional[Record]:
    """Return the record of a row, None of one that is no span (another program's)."""
    record = Record(*row[:-1])
    attributes = row[-1]
    if not record.kind or type(record.start) is not float:
        return _untold(record, attributes)
    if attributes is not None:
        fill(record, read_bytes(attributes))
    elif record.kind == "tool":
        record.tool = tool_of(record.name)
    return record


def _untold(record: Record, attributes: Any) -> Optional[Record]:
    """A row of an old version, or of another program."""
    from peekr import sql

    values = {
        "trace_id": record.trace, "span_id": record.id, "parent_id": record.parent, "name": record.name,
        "start_time": record.start, "duration_ms": record.ms, "status": record.status,
        "tenant_id": record.tenant, "user_id": record.user,
        "attributes": attributes.decode(errors="replace") if isinstance(attributes, bytes) else attributes,
    }  # fmt: skip
    if record.open:
        values["end_time"] = None
    try:
        return record_of(sql.span_of(values))
    except ValueError:
        return None


def where(selection: Selection, rows: Optional[Rows]) -> Tuple[str, List[Any]]:
    """Return a selection as a WHERE clause, with the values to bind."""
    conditions: List[str] = []
    params: List[Any] = []
    for field, value in selection.given():
        conditions.append({"since": "start_time >= ?", "until": "start_time < ?"}.get(field, f"{field} = ?"))
        params.append(value)
    if rows is not None:
        conditions.append(f"rowid {rows.which} ?")
        params.append(rows.middle)
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), params
