"""The ``spans`` table: its one definition, for the SQLite exporter, the SQLite store and :func:`peekr.query`.

Connections are passed in: importing this module does not import :mod:`sqlite3`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Tuple

from peekr import wire
from peekr.ids import format_span_id, format_trace_id
from peekr.lines import attributes_row
from peekr.plain import clean_text, text_of
from peekr.runs import BILLED_KINDS, STEP_TYPES, runs_of
from peekr.spans import Span

if TYPE_CHECKING:
    from sqlite3 import Connection

Row = Tuple[Any, ...]
#: Stored as NULL, as SQLite has no NaN. Python looks for an adapter of each None that is bound, which takes up to 1 µs
#: (least from 3.13 on), and a row has six of them; a float is bound as it is.
NULL = float("nan")

#: ``PRAGMA user_version`` of the tables below. Changes only add; a file of a newer version stays as it is.
SCHEMA_VERSION = 1

#: Column → declaration, in the order of the table and of :func:`row`.
COLUMNS: Dict[str, str] = {
    "trace_id": "TEXT NOT NULL",
    "span_id": "TEXT PRIMARY KEY",
    "parent_id": "TEXT",
    "name": "TEXT NOT NULL",
    "start_time": "REAL NOT NULL",
    "end_time": "REAL",
    "duration_ms": "REAL",
    "status": "TEXT NOT NULL DEFAULT 'ok'",
    "attributes": "TEXT",
    "tenant_id": "TEXT",
    "retention_class": "TEXT",
    "user_id": "TEXT",
    "session_id": "TEXT",
    "run_id": "TEXT",
    "kind": "TEXT",
    "payload": "BLOB",
}
#: Without these a table called ``spans`` is another program's.
REQUIRED = ("trace_id", "span_id", "name", "start_time")

TABLE = f"CREATE TABLE IF NOT EXISTS spans ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"

#: Most spans have no tenant or user: indices that leave those rows out keep inserts fast.
INDICES: Dict[str, str] = {
    **{f"spans_{name}": f"spans({name})" for name in ("trace_id", "name", "start_time", "run_id", "kind")},
    **{
        f"spans_{name}": f"spans({name}) WHERE {name} IS NOT NULL"
        for name in ("tenant_id", "retention_class", "user_id", "session_id")
    },
    "spans_runs": "spans(start_time) WHERE run_id = span_id",
}


def _ms(seconds: str) -> str:
    return f"CAST(ROUND({seconds} * 1000) AS INTEGER)"


def _attribute(name: str, table: str = "s") -> str:
    return f"json_extract({table}.attributes, '$.{name}')"


_PAYLOAD = "CAST(s.payload AS TEXT)"
_METADATA = f"CASE WHEN json_valid({_PAYLOAD}) THEN json_extract({_PAYLOAD}, '$.metadata') END"
#: The API's type of a step, of a row called ``s``.
STEP_TYPE = (
    f"COALESCE({_attribute('event_type')}, CASE s.kind "
    + " ".join(f"WHEN '{kind}' THEN '{step}'" for kind, step in STEP_TYPES.items())
    + " ELSE 'span' END)"
)
_STEP_NAME = f"""COALESCE({_attribute("event_name")}, CASE
    WHEN s.kind IN ('llm', 'embedding') THEN {_attribute("model")}
    WHEN s.kind = 'tool' THEN COALESCE({_attribute("tool_name")},
        CASE WHEN substr(s.name, 1, 5) = 'tool.' THEN substr(s.name, 6) END) END, s.name)"""
_STEP = f"""{_ms("s.start_time")} AS timestamp, {STEP_TYPE} AS type, {_STEP_NAME} AS name,
    CASE WHEN s.kind = 'run' THEN 'started' WHEN s.status = 'error' THEN 'failed' ELSE 'completed' END AS status,
    s.duration_ms AS duration_ms, s.attributes AS data, s.parent_id AS parent_event_id,
    {_ms("s.start_time")} AS created_at"""

#: The same mapping as :mod:`peekr.runs`, in SQL.
VIEWS: Dict[str, str] = {
    "runs": f"""SELECT s.span_id AS id, s.name AS name,
    CASE WHEN s.end_time IS NULL THEN 'running' WHEN s.status = 'error' THEN 'failed' ELSE 'completed' END AS status,
    {_ms("s.start_time")} AS started_at, {_ms("s.end_time")} AS completed_at, s.duration_ms AS duration_ms,
    {_attribute("agent_type")} AS agent_type, s.user_id AS user_id, s.session_id AS session_id,
    COALESCE({_METADATA}, '{{}}') AS metadata, {_ms("s.start_time")} AS created_at,
    s.trace_id AS trace_id, s.tenant_id AS tenant_id,
    (SELECT p.run_id FROM spans p WHERE p.span_id = s.parent_id) AS parent_run_id
FROM spans s WHERE s.run_id = s.span_id""",
    "steps": f"""SELECT s.span_id AS id, s.run_id AS run_id, {_STEP} FROM spans s
UNION ALL
SELECT s.span_id AS id, p.run_id AS run_id, {_STEP}
FROM spans s JOIN spans p ON p.span_id = s.parent_id WHERE s.run_id = s.span_id""",
    "span_costs": f"""SELECT s.span_id AS span_id, s.trace_id AS trace_id, s.run_id AS run_id,
    s.tenant_id AS tenant_id, s.user_id AS user_id, s.session_id AS session_id, {_attribute("model")} AS model,
    {_attribute("tokens_input")} AS tokens_input, {_attribute("tokens_output")} AS tokens_output,
    {_attribute("tokens_total")} AS tokens_total,
    CAST({_attribute("cost_usd")} AS REAL) / NULLIF({_attribute("tokens_total")}, 0) AS price,
    {_attribute("cost_usd")} AS cost_usd
FROM spans s
WHERE s.kind IN ({", ".join(f"'{kind}'" for kind in sorted(BILLED_KINDS))})
    AND json_type(s.attributes, '$.billed') IS NOT 'false'""",
}

_CHANGED = ", ".join(
    f"{name} = excluded.{name}" for name in COLUMNS if name not in ("span_id", "attributes")
)  # fmt: skip
_SCORES = "json_extract({}.attributes, '$.eval_scores')"
#: A run that ended stays ended when its earlier, open state arrives late; scores outlive a span written again.
_ON_CONFLICT = f""" ON CONFLICT(span_id) DO UPDATE SET {_CHANGED}, attributes = CASE
    WHEN json_valid(spans.attributes) AND {_SCORES.format("spans")} IS NOT NULL AND {_SCORES.format("excluded")} IS NULL
    THEN json_set(excluded.attributes, '$.eval_scores', json({_SCORES.format("spans")}))
    ELSE excluded.attributes END
WHERE spans.end_time IS NULL OR excluded.end_time IS NOT NULL"""


def upsert(rows: int = 1) -> str:
    """Return the statement that inserts so many rows, or updates those whose span_id is there already."""
    values = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT INTO spans ({', '.join(COLUMNS)}) VALUES {', '.join([values] * rows)}{_ON_CONFLICT}"


# -- spans and rows -----------------------------------------------------------------------------------------------


def row(span: Span) -> Row:
    """Return a span as the values of its row, :data:`NULL` for None."""
    attributes, user_id, session_id, run_id, kind = attributes_row(span)
    payload: Any = span._payload
    if payload is not None and not isinstance(payload, bytes):
        payload = wire.encode(payload)
    scope, parent, start, ended = span.scope, span._parent, span._start_ns, span._t1
    tenant_id, retention_class = scope.tenant_id, scope.retention_class
    duration = ended - span._t0
    return (
        format_trace_id(span._trace),
        format_span_id(span._id),
        NULL if parent is None else format_span_id(parent),
        span.name,
        start / 10**9,
        (start + duration if span._end_ns is None else span._end_ns) / 10**9 if ended else NULL,
        duration / 1e6 if ended else NULL,
        "error" if span.status == "error" else "ok",
        attributes,
        NULL if tenant_id is None else tenant_id,
        NULL if retention_class is None else retention_class,
        NULL if user_id is None else user_id,
        NULL if session_id is None else session_id,
        run_id,
        kind,
        NULL if payload is None else payload,
    )


def plain_row(values: Row) -> Row:
    """Return a row that SQLite refused with everything it cannot hold turned into text."""
    return tuple(_storable(value) for value in values)


def _storable(value: Any) -> Any:
    if value is None or type(value) in (float, bytes):
        return value
    return clean_text(value if isinstance(value, str) else text_of(value))


def span_of(values: Mapping[str, Any]) -> Span:
    """Build a span from a row.

    :raises ValueError: if it holds no span.
    """
    try:
        return Span.from_dict(values)
    except ValueError:
        raise
    except Exception as error:  # attributes that are no JSON: older msgspec raises what is no ValueError
        raise ValueError(str(error)) from error


# -- creating and migrating ---------------------------------------------------------------------------------------


def create(connection: Connection, indices: bool = True) -> None:
    """Make the table, its indices and views, or bring those of an older file up to date.

    Only adds; doing it twice changes nothing. Call it inside a transaction.

    :raises ValueError: if the table ``spans`` is another program's.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute(TABLE)
    present = columns_of(connection)
    missing = [name for name in COLUMNS if name not in present]
    foreign = [name for name in REQUIRED if name in missing]
    if foreign:
        raise ValueError(f"its table 'spans' has no column {foreign[0]!r}, so it is another program's")
    for name in missing:
        connection.execute(f"ALTER TABLE spans ADD COLUMN {name} {COLUMNS[name]}")
    if indices:
        _require_unique_ids(connection)
        for name, on in INDICES.items():
            connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {on}")
        if connection.execute("SELECT 1 FROM spans WHERE run_id IS NULL LIMIT 1").fetchone():
            _complete_old_rows(connection)
    for name, body in VIEWS.items():
        if version < SCHEMA_VERSION and _is_view(connection, name):
            connection.execute(f"DROP VIEW {name}")
        connection.execute(f"CREATE VIEW IF NOT EXISTS {name} AS {body}")
    if version < SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def columns_of(connection: Connection) -> List[str]:
    """Return the columns of the table ``spans``; none if there is no such table."""
    return [str(column[1]) for column in connection.execute("PRAGMA table_info(spans)")]


def _is_view(connection: Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?", (name,))
    return found.fetchone() is not None


def _require_unique_ids(connection: Connection) -> None:
    """Upserts need a unique span_id; of rows that share one, the last written counts, as everywhere."""
    for index in connection.execute("PRAGMA index_list(spans)").fetchall():
        if index[2] and [each[2] for each in connection.execute(f"PRAGMA index_info('{index[1]}')")] == ["span_id"]:
            return
    connection.execute("DELETE FROM spans WHERE rowid NOT IN (SELECT MAX(rowid) FROM spans GROUP BY span_id)")
    connection.execute("CREATE UNIQUE INDEX spans_span_id ON spans(span_id)")


def _complete_old_rows(connection: Connection) -> None:
    """Fill the columns that older versions did not write from what the rows say, trace by trace."""
    rows = connection.execute(
        "SELECT trace_id, span_id, parent_id, name, start_time, attributes FROM spans WHERE run_id IS NULL"
        " ORDER BY trace_id"
    )
    for trace in _traces(rows):
        run_of = runs_of(trace)
        connection.executemany(
            "UPDATE spans SET run_id = ?, kind = COALESCE(kind, ?), user_id = COALESCE(user_id, ?),"
            " session_id = COALESCE(session_id, ?) WHERE span_id = ?",
            [(run_of[span.span_id], span.kind, span.user_id, span.session_id, span.span_id) for span in trace],
        )


def _traces(rows: Any) -> Iterator[List[Span]]:
    names = ("trace_id", "span_id", "parent_id", "name", "start_time", "attributes")
    trace: List[Span] = []
    at: Optional[str] = None
    for values in rows.fetchall():
        try:
            span = span_of(dict(zip(names, values)))
        except ValueError:  # attributes that are no JSON object: the ids alone still place it
            span = Span.from_dict({"trace_id": str(values[0]), "span_id": str(values[1]), "name": str(values[3])})
        if values[0] != at and trace:
            yield trace
            trace = []
        at = values[0]
        trace.append(span)
    if trace:
        yield trace
