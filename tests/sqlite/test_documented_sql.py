"""Every SQL statement that the documentation prints and that is about spans, on a fresh database and on JSONL."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import peekr
from peekr_sqlite import SQLiteStore

Record = Callable[..., Dict[str, Any]]
Write = Callable[..., Path]


def rows(path: Path, statement: str, *params: Any) -> List[Any]:
    """Ask with the plain client."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement, params).fetchall()
    finally:
        connection.close()


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
    "E1-09": [
        (None, None),
        (None, None),
        ("gpt-4o-mini", 50),
        ("text-embedding-3-small", 9),
        ("gpt-4o", 200),
        ("gpt-4o", 100),
    ],
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
        attributes = {
            "kind": "tool",
            "run_id": f"{2:016x}",
            "tool_name": "search",
            "error": error,
            "error_reason": reason,
        }
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
SELECT json_extract(m.value,'$.id') top_memory, COUNT(*) bad
 FROM feedback f JOIN spans r ON r.trace_id = f.trace_id AND r.kind = 'memory_read',
 json_each(r.attributes,'$.memories') m JOIN spans l ON l.trace_id = f.trace_id AND l.kind = 'llm'
WHERE f.rating = 'bad' AND json_extract(m.value,'$.rank') = 1
 GROUP BY top_memory ORDER BY bad DESC;
"""
    records = []
    for trace, memory in ((100, "m7"), (110, "m7"), (120, "m7"), (130, "m2")):
        memories = [{"id": memory, "rank": 1}, {"id": "m9", "rank": 2}]
        records.append(
            record(trace + 1, trace, attributes={"kind": "memory_read", "run_id": "r", "memories": memories})
        )
        records.append(record(trace + 2, trace, attributes={"kind": "llm", "run_id": "r"}))
    path = write(*records)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE feedback (id INTEGER PRIMARY KEY, trace_id TEXT, rating TEXT, note TEXT, created_at REAL)"
    )
    connection.executemany(
        "INSERT INTO feedback (trace_id, rating) VALUES (?, 'bad')",
        [(f"{trace:032x}",) for trace in (100, 110, 120, 130)],
    )
    connection.commit()
    connection.close()
    assert rows(path, triage) == [("m7", 3), ("m2", 1)]
