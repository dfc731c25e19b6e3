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
    exporter.export_batch([Span.from_dict({"trace_id": "new", "span_id": "new", "name": "new", "start_time": 30.0, "end_time": 31.0})])
    exporter.shutdown()


def test_the_columns_are_those_of_the_contract(write: Write, record: Record) -> None:
    """SQLITE-1"""
    found = {row[1]: (row[2], row[3], row[5]) for row in rows(write(record(1)), "PRAGMA table_info(spans)")}
    assert list(found)[:11] == (
        "trace_id span_id parent_id name start_time end_time duration_ms status attributes tenant_id retention_class".split()
    )
    assert list(found)[11:] == "user_id session_id run_id kind payload".split()
    assert found["span_id"] == ("TEXT", 0, 1) and found["trace_id"] == ("TEXT", 1, 0) and found["payload"][0] == "BLOB"


@pytest.mark.parametrize(
    "column", "trace_id name start_time tenant_id retention_class run_id user_id session_id kind".split()
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
    found = rows(old_database, "SELECT span_id, run_id, kind, user_id, session_id FROM spans WHERE start_time < 30 ORDER BY start_time")
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
    found = peekr.query(old_database, "SELECT tenant_id, SUM(tokens_total) AS tokens FROM span_costs GROUP BY tenant_id")
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
        step(7, 1, "memory_read", outer, attributes={"memory_key": "k", "event_type": "memory_read", "event_name": "Read: k"}),
        step(8, 1, "custom", outer, name="agent_spawn", attributes={"event_type": "agent_spawn", "event_name": "agent_spawn"}),
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
        "id name status started_at completed_at duration_ms agent_type user_id session_id metadata created_at trace_id"
        " tenant_id parent_run_id".split()
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
            (1, "run_start llm_call llm_call tool_call run_start memory_read agent_spawn final_answer".split()),
            (5, "run_start llm_call".split()),
            (10, "span tool_call".split()),
        ):
            run_id = f"{number:016x}"
            shown = store.get_run_timeline(run_id)
            found = peekr.query(agent_run, "SELECT * FROM steps WHERE run_id = ? ORDER BY timestamp, id", (run_id,))
            assert list(found[0]) == "id run_id timestamp type name status duration_ms data parent_event_id created_at".split()
            assert [{name: row[name] for name in event} for row, event in zip(found, shown)] == list(shown)
            assert [event["type"] for event in shown] == types
            run = store.get_run(run_id)
            assert run is not None and run["step_count"] == len(types) == shown.total
            assert run == next(one for one in store.list_runs() if one["id"] == run_id)


def test_the_view_span_costs_counts_each_call_once(agent_run: Path) -> None:
    """SQLITE-8, E3-04: the essay's query, and a wrapper whose provider call was recorded is left out."""
    found = rows(agent_run, "SELECT tenant_id, SUM(tokens_total * price) FROM span_costs GROUP BY tenant_id;")
    assert found == [(None, None), ("acme", pytest.approx(0.002, abs=1e-9))]
    listed = "span_id trace_id run_id tenant_id user_id session_id model tokens_input tokens_output tokens_total price cost_usd"
    assert [row[1] for row in rows(agent_run, "PRAGMA table_info(span_costs)")] == listed.split()


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


# -- the statements of the documentation ------------------------------------------------------------------------------

SEED_STATEMENTS = {
    "E0-12": "SELECT name, ROUND(AVG(duration_ms)) avg_ms FROM spans GROUP BY name ORDER BY avg_ms DESC",
    "E0-13": "SELECT json_extract(attributes,'$.model') model, SUM(json_extract(attributes,'$.tokens_total')) tokens"
    " FROM spans GROUP BY model",
    "E0-14": "SELECT name, trace_id, json_extract(attributes,'$.error') msg FROM spans WHERE status = 'error'",
    "E0-15": "SELECT trace_id, SUM(json_extract(attributes,'$.tokens_total')) total FROM spans GROUP BY trace_id"
    " ORDER BY start_time",
    "E0-22": "SELECT trace_id, AVG(duration_ms), SUM(json_extract(attributes,'$.tokens_total')) FROM spans"
    " WHERE json_extract(attributes,'$.user_id') = 'user_123' GROUP BY trace_id;",
    "E0-24": "SELECT tenant_id, COUNT(*) FROM spans GROUP BY tenant_id;",
    "evaluators": "SELECT name, AVG(json_extract(attributes,'$.eval_scores.Rubric')) rubric_avg,"
    " AVG(json_extract(attributes,'$.eval_scores.Hallucination')) hallucination_avg FROM spans"
    " WHERE json_extract(attributes,'$.eval_scores') IS NOT NULL GROUP BY name;",
    "hallucinations": "SELECT trace_id, json_extract(attributes,'$.eval_scores.Hallucination') AS hallucination,"
    " json_extract(attributes,'$.output') AS output FROM spans WHERE hallucination IS NOT NULL AND hallucination < 0.5"
    " ORDER BY hallucination ASC, start_time DESC LIMIT 20;",
    "experiment": "SELECT json_extract(attributes,'$.experiment_variant') variant, COUNT(*) runs,"
    " AVG(CASE WHEN status='error' THEN 1.0 ELSE 0.0 END) error_rate,"
    " AVG(json_extract(attributes,'$.tokens_total')) avg_tokens, AVG(duration_ms) avg_ms FROM spans"
    " WHERE json_extract(attributes,'$.experiment_variant') IS NOT NULL GROUP BY variant;",
    "E1-09": "SELECT json_extract(attributes, '$.model') AS model, json_extract(attributes, '$.tokens_total') AS tokens"
    " FROM spans ORDER BY start_time DESC LIMIT 20;",
    "E2-02": "SELECT json_extract(attributes, '$.model') AS model,"
    " AVG(json_extract(attributes, '$.tokens_total')) AS avg_tokens, AVG(duration_ms) AS avg_ms, COUNT(*) AS calls"
    " FROM spans WHERE name LIKE 'openai.chat%' GROUP BY model ORDER BY avg_tokens DESC;",
    "E3-04": "SELECT tenant_id, SUM(tokens_total * price) FROM span_costs GROUP BY tenant_id;",
    "E3-06": "SELECT json_extract(attributes,'$.tool_name') tool, status, json_extract(attributes,'$.error_reason')"
    " reason, COUNT(*) FROM spans WHERE kind = 'tool' GROUP BY 1, 2, 3;",
}
EXPECTED = {
    "E0-12": [("tool.search", 2000.0), ("openai.chat.completions", 500.0), ("openai.embeddings", 400.0)],
    "E0-13": [(None, None), ("gpt-4o", 300), ("gpt-4o-mini", 50), ("text-embedding-3-small", 9)],
    "E0-14": [("tool.search", f"{2:032x}", "boom"), ("tool.search", f"{2:032x}", "bad JSON")],
    "E0-15": [(f"{1:032x}", 309), (f"{2:032x}", 50)],
    "E0-22": [(f"{1:032x}", pytest.approx(1400 / 3), 309)],
    "E0-24": [(None, 3), ("acme", 3)],
    "evaluators": [("openai.chat.completions", 0.92, 0.3)],
    "hallucinations": [(f"{1:032x}", 0.3, "Paris")],
    "experiment": [("a", 1, 0.0, 100.0, 500.0)],
    "E1-09": [(None, None), (None, None), ("gpt-4o-mini", 50), ("text-embedding-3-small", 9), ("gpt-4o", 200), ("gpt-4o", 100)],
    "E2-02": [("gpt-4o", 150.0, 500.0, 2), ("gpt-4o-mini", 50.0, 500.0, 1)],
    "E3-04": [(None, None), ("acme", pytest.approx(0.003))],
    "E3-06": [("search", "error", "json_parse", 1), ("search", "error", "timeout", 1)],
}


@pytest.fixture
def documented(write: Write, record: Record) -> Path:
    """Two traces, two models, an embedding, a tool that fails in two ways."""
    chat, user = "openai.chat.completions", "user_123"

    def llm(number: int, trace: int, model: str, tokens: int, name: str = chat, **more: Any) -> Dict[str, Any]:
        changes = {key: more.pop(key) for key in ("tenant_id", "user_id", "duration_ms") if key in more}
        kind = "llm" if name == chat else "embedding"
        attributes = {"kind": kind, "run_id": f"{trace:016x}", "model": model, "tokens_total": tokens, **more}
        if "user_id" in changes:
            attributes["user_id"] = changes["user_id"]
        return record(number, trace, name=name, attributes=attributes, **changes)

    def failing(number: int, error: str, reason: str) -> Dict[str, Any]:
        attributes = {"kind": "tool", "run_id": f"{2:016x}", "tool_name": "search", "error": error, "error_reason": reason}
        return record(number, 2, name="tool.search", status="error", duration_ms=2000.0, attributes=attributes)

    scores = {"eval_scores": {"Rubric": 0.92, "Hallucination": 0.3}, "output": "Paris", "experiment_variant": "a"}
    return write(
        llm(1, 1, "gpt-4o", 100, tenant_id="acme", user_id=user, cost_usd=0.001, **scores),
        llm(2, 1, "gpt-4o", 200, tenant_id="acme", user_id=user, cost_usd=0.002),
        llm(3, 1, "text-embedding-3-small", 9, "openai.embeddings", tenant_id="acme", user_id=user, duration_ms=400.0),
        llm(4, 2, "gpt-4o-mini", 50),
        failing(5, "boom", "timeout"),
        failing(6, "bad JSON", "json_parse"),
    )


@pytest.mark.parametrize("example", SEED_STATEMENTS)
def test_documented_statements_run_as_printed(documented: Path, example: str) -> None:
    """SQLITE-9: with the plain client."""
    assert rows(documented, SEED_STATEMENTS[example]) == EXPECTED[example]


@pytest.mark.parametrize("example", SEED_STATEMENTS)
def test_documented_statements_run_on_jsonl_too(documented: Path, tmp_path: Path, example: str) -> None:
    """JSONL-4: the same rows through peekr.query, whatever the store."""
    copy = tmp_path / "copy.jsonl"
    with SQLiteStore(str(documented)) as store, copy.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(span.to_dict()) + "\n" for span in store.iter_spans())
    for target in (documented, copy):
        found = [tuple(row.values()) for row in peekr.query(target, SEED_STATEMENTS[example])]
        assert found == EXPECTED[example]


def test_the_retention_statement_takes_its_parameter(write: Write, record: Record) -> None:
    """E0-24"""
    path = write(record(1, retention_class="long"), record(2, retention_class="short"))
    statement = "SELECT * FROM spans WHERE retention_class = 'long' AND start_time > ?;"
    assert len(rows(path, statement, 0)) == len(peekr.query(path, statement, (0,))) == 1


def test_hallucination_triage_joins_feedback(documented: Path, write: Write, record: Record) -> None:
    """E3-05, FEED-7"""
    triage = """
SELECT json_extract(m.value,'$.id') top_memory, COUNT(*) bad FROM feedback f JOIN spans r ON r.trace_id = f.trace_id AND r.kind = 'memory_read',
 json_each(r.attributes,'$.memories') m JOIN spans l ON l.trace_id = f.trace_id AND l.kind = 'llm'
WHERE f.rating = 'bad' AND json_extract(m.value,'$.rank') = 1 GROUP BY top_memory ORDER BY bad DESC;
"""
    records = []
    for trace, memory in ((100, "m7"), (110, "m7"), (120, "m7"), (130, "m2")):
        memories = [{"id": memory, "rank": 1}, {"id": "m9", "rank": 2}]
        records.append(record(trace + 1, trace, attributes={"kind": "memory_read", "run_id": "r", "memories": memories}))
        records.append(record(trace + 2, trace, attributes={"kind": "llm", "run_id": "r"}))
    path = write(*records)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE feedback (id INTEGER PRIMARY KEY, trace_id TEXT, rating TEXT, note TEXT, created_at REAL)")
    connection.executemany(
        "INSERT INTO feedback (trace_id, rating) VALUES (?, 'bad')", [(f"{trace:032x}",) for trace in (100, 110, 120, 130)]
    )
    connection.commit()
    connection.close()
    assert rows(path, triage) == [("m7", 3), ("m2", 1)]


def test_step_types_of_sql_are_those_of_python() -> None:
    """SQLITE-7: the view is made from the same table."""
    for kind, step in runs.STEP_TYPES.items():
        assert f"WHEN '{kind}' THEN '{step}'" in sql.VIEWS["steps"]
