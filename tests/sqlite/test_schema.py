"""Tables, indices, views and migrations, as any SQLite client sees them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr import runs, sql
from peekr.spans import Span
from peekr_sqlite import SQLiteExporter, SQLiteStore

Record = Callable[..., Dict[str, Any]]
Write = Callable[..., Path]


def rows(path: Path, statement: str, *params: Any) -> List[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement, params).fetchall()
    finally:
        connection.close()


def columns(path: Path) -> List[str]:
    return [row[1] for row in rows(path, "PRAGMA table_info(spans)")]


def migrate(path: Path) -> None:
    exporter = SQLiteExporter(path)
    exporter.query("SELECT 1")
    exporter.export_batch(
        [Span.from_dict({"trace_id": "new", "span_id": "new", "name": "new", "start_time": 30.0, "end_time": 31.0})]
    )
    exporter.shutdown()


def test_the_columns_are_those_of_the_contract(write: Write, record: Record) -> None:
    """SQLITE-1"""
    found = {row[1]: (row[2], row[3], row[5]) for row in rows(write(record(1)), "PRAGMA table_info(spans)")}
    assert list(found)[:11] == (
        [
            "trace_id",
            "span_id",
            "parent_id",
            "name",
            "start_time",
            "end_time",
            "duration_ms",
            "status",
            "attributes",
            "tenant_id",
            "retention_class",
        ]
    )
    assert list(found)[11:] == ["user_id", "session_id", "run_id", "kind", "payload"]
    assert found["span_id"] == ("TEXT", 0, 1) and found["trace_id"] == ("TEXT", 1, 0) and found["payload"][0] == "BLOB"


@pytest.mark.parametrize(
    "column",
    ["trace_id", "name", "start_time", "tenant_id", "retention_class", "run_id", "user_id", "session_id", "kind"],
)
def test_an_index_serves_each_documented_column(write: Write, record: Record, column: str) -> None:
    """SQLITE-2: and a plain equality uses it."""
    plan = rows(write(record(1)), f"EXPLAIN QUERY PLAN SELECT * FROM spans WHERE {column} = ?", "x")
    assert f"USING INDEX spans_{column} " in plan[0][3]


# -- migration --------------------------------------------------------------------------------------------------------


def test_an_old_database_is_migrated_additively(old_database: Path) -> None:
    """SQLITE-4: old rows read NULL in the columns they never had a value for."""
    before = rows(old_database, "SELECT * FROM spans ORDER BY span_id")
    migrate(old_database)
    assert columns(old_database) == list(sql.COLUMNS)
    old = "trace_id, span_id, parent_id, name, start_time, end_time, duration_ms, status, attributes"
    assert rows(old_database, f"SELECT {old} FROM spans WHERE span_id <> 'new' ORDER BY span_id") == before
    assert set(rows(old_database, "SELECT tenant_id, retention_class, payload FROM spans")) == {(None, None, None)}
    assert rows(old_database, "PRAGMA user_version") == [(sql.SCHEMA_VERSION,)]


def test_old_rows_take_part_in_runs_and_filters(old_database: Path) -> None:
    """SQLITE-4, SQLITE-7: what can be told from an old row is filled in."""
    migrate(old_database)
    found = rows(
        old_database,
        "SELECT span_id, run_id, kind, user_id, session_id FROM spans WHERE start_time < 30 ORDER BY start_time",
    )
    assert found == [
        ("root", "root", "function", None, None),
        ("tool", "root", "tool", None, None),
        ("llm", "root", "llm", "alice", "s"),
        ("alone", "alone", "embedding", "alice", "s"),
    ]


def test_migrating_twice_changes_nothing(old_database: Path) -> None:
    """SQLITE-4"""
    migrate(old_database)
    schema = rows(old_database, "SELECT type, name, sql FROM sqlite_master ORDER BY name")
    content = rows(old_database, "SELECT * FROM spans ORDER BY span_id")
    migrate(old_database)
    assert rows(old_database, "SELECT type, name, sql FROM sqlite_master ORDER BY name") == schema
    assert rows(old_database, "SELECT * FROM spans ORDER BY span_id") == content


def test_a_newer_version_is_not_downgraded(write: Write, record: Record) -> None:
    """SQLITE-4: it is still read and written, and keeps what it has."""
    path = write(record(1))
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE spans ADD COLUMN of_the_future TEXT DEFAULT 'kept'")
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    migrate(path)
    assert rows(path, "PRAGMA user_version") == [(99,)]
    assert rows(path, "SELECT DISTINCT of_the_future FROM spans") == [("kept",)]
    with SQLiteStore(str(path)) as store:
        assert len(list(store.iter_spans())) == 2


def test_a_table_without_a_key_gets_one(path: Path) -> None:
    """SQLITE-6 needs a unique span_id; of rows that share one the last written stays, as in JSONL-3."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE spans (trace_id TEXT, span_id TEXT, name TEXT, start_time REAL, end_time REAL)")
    connection.executemany("INSERT INTO spans VALUES ('t', ?, ?, 1.0, 2.0)", [("a", "old"), ("b", "b"), ("a", "last")])
    connection.commit()
    connection.close()
    migrate(path)
    assert rows(path, "SELECT name FROM spans ORDER BY name") == [("b",), ("last",), ("new",)]


def test_reading_an_old_database_leaves_it_as_it_is(old_database: Path) -> None:
    """IFACE-2: a reader gets all the columns and views without writing any."""
    before = old_database.read_bytes()
    with SQLiteStore(str(old_database)) as store:
        spans = {span.span_id: span for span in store.iter_spans()}
        assert {key: span.kind for key, span in spans.items()} == {
            "root": "function", "tool": "tool", "llm": "llm", "alone": "embedding",
        }  # fmt: skip
        assert [span.span_id for span in store.spans(run_id="root", kind="llm")] == ["llm"]
        assert [run["id"] for run in store.list_runs()] == ["alone", "root"]
        assert store.list_runs()[1]["step_count"] == 3 and store.list_runs()[1]["tokens_total"] == 5
    found = peekr.query(
        old_database, "SELECT tenant_id, SUM(tokens_total) AS tokens FROM span_costs GROUP BY tenant_id"
    )
    assert found == [{"tenant_id": None, "tokens": 10}]
    assert old_database.read_bytes() == before


# -- views ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent_run(write: Write, record: Record) -> Path:
    """A run with every kind of step, and a run nested in its tool call; beside it a plain trace."""
    outer, inner = f"{1:016x}", f"{5:016x}"

    def step(number: int, parent: int, kind: str, run: str, **changes: Any) -> Dict[str, Any]:
        attributes = {"kind": kind, "run_id": run, **changes.pop("attributes", {})}
        return record(number, 1, parent_id=f"{parent:016x}", attributes=attributes, **changes)

    llm = {"model": "gpt-4o", "tokens_input": 60, "tokens_output": 40, "tokens_total": 100, "cost_usd": 0.002}
    return write(
        record(1, 1, name="agent", tenant_id="acme", payload={"metadata": {"team": "a", "n": 1}}, user_id="alice",
               attributes={"kind": "run", "run_id": outer, "agent_type": "support", "user_id": "alice"}),
        step(2, 1, "llm", outer, attributes={**llm, "eval_scores": {"Rubric": 0.5, "NotEmpty": 1.0}}, tenant_id="acme"),
        step(3, 1, "llm", outer, name="framework.llm", attributes={**llm, "billed": False}, tenant_id="acme"),
        step(4, 1, "tool", outer, name="tool.search", status="error", attributes={"tool_name": "search"}),
        step(5, 4, "run", inner, name="helper", end_time=None, duration_ms=None),
        step(6, 5, "embedding", inner, name="openai.embeddings", attributes={"model": "e", "tokens_total": 7}),
        step(7, 1, "memory_read", outer, attributes={"memory_key": "k", "event_name": "Read: k"}),
        step(8, 1, "custom", outer, name="agent_spawn", attributes={"event_type": "agent_spawn"}),
        step(9, 1, "final", outer, name="final.answer", attributes={"event_name": "Final Answer"}),
        record(10, name="app.main"),
        record(11, 10, name="tool.lookup", parent_id=f"{10:016x}", attributes={"kind": "tool", "run_id": f"{10:016x}"}),
    )  # fmt: skip


def test_the_view_runs_is_what_the_api_shows(agent_run: Path) -> None:
    """SQLITE-7: one mapping, once in SQL and once in Python."""
    with SQLiteStore(str(agent_run)) as store:
        shown = store.list_runs(order_dir="ASC")
    found = peekr.query(agent_run, "SELECT * FROM runs ORDER BY started_at")
    assert list(found[0]) == (
        [
            "id",
            "name",
            "status",
            "started_at",
            "completed_at",
            "duration_ms",
            "agent_type",
            "user_id",
            "session_id",
            "metadata",
            "created_at",
            "trace_id",
            "tenant_id",
            "parent_run_id",
        ]
    )
    for row, run in zip(found, shown):
        row["metadata"] = json.loads(row["metadata"])
        assert row == {name: run[name] for name in row}
    assert [run["status"] for run in shown] == ["completed", "running", "completed"]
    assert [run["parent_run_id"] for run in shown] == [None, f"{1:016x}", None]
    assert shown[0]["metadata"] == {"team": "a", "n": 1} and shown[0]["agent_type"] == "support"


def test_the_view_steps_is_what_the_api_shows(agent_run: Path) -> None:
    """SQLITE-7, MODEL-6: a nested run's beginning stands in both timelines."""
    with SQLiteStore(str(agent_run)) as store:
        for number, types in (
            (
                1,
                [
                    "run_start",
                    "llm_call",
                    "llm_call",
                    "tool_call",
                    "run_start",
                    "memory_read",
                    "agent_spawn",
                    "final_answer",
                ],
            ),
            (5, ["run_start", "llm_call"]),
            (10, ["span", "tool_call"]),
        ):
            run_id = f"{number:016x}"
            shown = store.get_run_timeline(run_id)
            found = peekr.query(agent_run, "SELECT * FROM steps WHERE run_id = ? ORDER BY timestamp, id", (run_id,))
            assert list(found[0]) == [
                "id",
                "run_id",
                "timestamp",
                "type",
                "name",
                "status",
                "duration_ms",
                "data",
                "parent_event_id",
                "created_at",
            ]
            assert [{name: row[name] for name in event} for row, event in zip(found, shown)] == list(shown)
            assert [event["type"] for event in shown] == types
            run = store.get_run(run_id)
            assert run is not None and run["step_count"] == len(types) == shown.total
            assert run == next(one for one in store.list_runs() if one["id"] == run_id)


def test_the_view_span_costs_counts_each_call_once(agent_run: Path) -> None:
    """SQLITE-8, E3-04: the essay's query, and a wrapper whose provider call was recorded is left out."""
    found = rows(agent_run, "SELECT tenant_id, SUM(tokens_total * price) FROM span_costs GROUP BY tenant_id;")
    assert found == [(None, None), ("acme", pytest.approx(0.002, abs=1e-9))]
    listed = "span_id trace_id run_id tenant_id user_id session_id model tokens_input tokens_output tokens_total"
    assert [row[1] for row in rows(agent_run, "PRAGMA table_info(span_costs)")] == [
        *listed.split(),
        "price",
        "cost_usd",
    ]


def test_sums_of_a_run_count_each_call_once(agent_run: Path) -> None:
    """API-4: tokens, cost and the mean of the scores."""
    with SQLiteStore(str(agent_run)) as store:
        run = store.get_run(f"{1:016x}")
    assert run is not None
    assert (run["tokens_total"], run["cost_usd"]) == (100, 0.002)
    assert run["scores"] == {"NotEmpty": 1.0, "Rubric": 0.5}


def test_views_of_an_earlier_version_are_replaced(write: Write, record: Record) -> None:
    """SQLITE-7: with the schema version, so that reading clients never see an outdated one."""
    path = write(record(1))
    connection = sqlite3.connect(path)
    connection.executescript("DROP VIEW runs; CREATE VIEW runs AS SELECT 1 AS outdated; PRAGMA user_version = 0;")
    connection.close()
    migrate(path)
    assert len(rows(path, "SELECT id, metadata FROM runs")) == 2


def test_tables_called_runs_are_left_alone(path: Path, record: Record) -> None:
    """C-17: a database of the Agent Inspector has tables of these names."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE runs (id TEXT)")
    connection.execute("INSERT INTO runs VALUES ('theirs')")
    connection.commit()
    connection.close()
    migrate(path)
    assert rows(path, "SELECT id FROM runs") == [("theirs",)]


def test_step_types_of_sql_are_those_of_python() -> None:
    """SQLITE-7: the view is made from the same table."""
    for kind, step in runs.STEP_TYPES.items():
        assert f"WHEN '{kind}' THEN '{step}'" in sql.VIEWS["steps"]
