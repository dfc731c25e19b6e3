"""``peekr export`` and ``peekr import`` (contract CLI-8, DB-5, examples E4-18)."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")
pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")

import peekr as api
from peekr import open_store, trace

Invoke = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path, invoke: Invoke) -> Path:
    """Two runs, one of them within the other's trace, with a rating."""
    path = tmp_path / "traces.db"
    api.instrument(storage="sqlite", db_path=path, console=False, plugins=[])
    try:
        with trace.run("outer", agent_type="test", user_id="ann", purpose="demo"):
            trace.llm(model="gpt-4", prompt="Hi", response="Hello!", prompt_tokens=3, completion_tokens=4)
            trace.tool(tool_name="search", tool_args={"q": "x"}, tool_result=["=1+1"])
            with trace.run("inner"):
                trace.final(answer="done")
        with trace.run("second"):
            trace.memory_write(memory_key="k", memory_value={"a": 1})
    finally:
        api.shutdown()
        api.uninstrument()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE feedback (id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, rating TEXT NOT NULL,"
            " note TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL)"
        )
        connection.execute(
            "INSERT INTO feedback (trace_id, rating, note, created_at)"
            " SELECT trace_id, 'good', 'nice', 5.0 FROM spans WHERE name = 'outer'"
        )
    connection.close()
    return path


def run_ids(path: Path) -> Dict[str, str]:
    """Name → id."""
    with open_store(path) as store:
        return {run["name"]: run["id"] for run in store.list_runs()}


def records(path: Any) -> Dict[str, Any]:
    """Every span of a store, by id."""
    with open_store(path) as store:
        return {span.span_id: span.to_dict() for span in store.iter_spans()}


def test_a_run_is_exported_with_its_timeline_and_decoded_data(database: Path, invoke: Invoke) -> None:
    """CLI-8, DB-5."""
    document = json.loads(invoke("export", run_ids(database)["outer"][:8]).stdout)
    assert document["run"]["name"] == "outer"
    assert document["run"]["tokens_total"] == 7
    assert document["run"]["metadata"] == {"purpose": "demo"}
    assert [event["type"] for event in document["timeline"]] == ["run_start", "llm_call", "tool_call", "run_start"]
    assert document["timeline"][2]["data"]["tool_args"] == {"q": "x"}
    assert [(rating["rating"], rating["note"]) for rating in document["feedback"]] == [("good", "nice")]


def test_all_runs_are_exported_newest_first(database: Path, invoke: Invoke) -> None:
    """CLI-8, DB-5: {"runs", "total"}; --limit bounds the first, not the second."""
    assert "3 runs written" in invoke("export", "--all", "--output", "all.json").stderr
    document = json.loads(Path("all.json").read_text())
    assert document["total"] == 3
    assert [run["name"] for run in document["runs"]] == ["second", "inner", "outer"]
    assert set(document["runs"][0]) >= {"run", "timeline"}
    assert json.loads(invoke("export", "--all", "--limit", "1").stdout)["total"] == 3
    assert len(json.loads(invoke("export", "--all", "--limit", "1").stdout)["runs"]) == 1
    assert json.loads(invoke("export", "--all", "--user", "nobody").stdout) == {"runs": [], "total": 0}


def test_wrong_runs_and_missing_ones_are_user_errors(database: Path, invoke: Invoke) -> None:
    """CLI-8: unknown run, and neither id nor --all → exit 1."""
    assert "has no run 'nowhere'" in invoke("export", "nowhere", code=1).stderr
    assert "--all" in invoke("export", code=1).stderr
    invoke("export", "x" * 16, "--all", code=2)
    assert not Path("one.json").exists()
    invoke("export", "nowhere", "-o", "one.json", code=1)
    assert not Path("one.json").exists(), "no half file is left"


@pytest.mark.parametrize("name", ["all.json", "all.jsonl"])
def test_what_was_exported_comes_back_whole_and_twice_changes_nothing(
    database: Path, invoke: Invoke, name: str
) -> None:
    """DB-5: export and import are inverse; spans, scores and (in JSON) ratings."""
    invoke("export", "--all", "-o", name)
    first = json.loads(invoke("import", name, "--db", "copy.db", "--json").stdout)
    assert (first["read"], first["added"]) == (7, 7)
    assert first["ratings"] == (1 if name == "all.json" else 0)
    again = json.loads(invoke("import", name, "--db", "copy.db", "--json").stdout)
    assert (again["added"], again["known"], again["ratings"]) == (0, 7, 0)
    assert records("copy.db") == records(database)


@pytest.mark.parametrize("name", ["all.json", "all.jsonl", "pretty.json"])
@pytest.mark.parametrize("store", ["kept.db", "kept.jsonl"])
def test_spans_whose_run_is_not_there_come_back_too(database: Path, invoke: Invoke, name: str, store: str) -> None:
    """DB-5: the first span of a trace is lost where a program was killed, and is not there yet while it runs."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM spans WHERE name = 'second'")
    invoke("import", database, "--jsonl" if store.endswith("l") else "--db", store)
    said = invoke("export", "--all", "--db", store, "-o", name)
    assert f"2 runs written to {name}, and 1 span whose run is not in the store." in said.stderr
    if name == "pretty.json":  # as another program writes it again
        Path(name).write_text(json.dumps(json.loads(Path(name).read_text()), indent=1))
    invoke("import", name, "--db", "copy.db")
    assert records("copy.db") == records(database) and len(records("copy.db")) == 6


def test_what_was_asked_for_is_exported_without_spans_of_no_run(database: Path, invoke: Invoke) -> None:
    """CLI-8: filters and limits are about runs; so is a table."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM spans WHERE name = 'second'")
    for arguments in (["--limit", "1"], ["--user", "ann"], ["--format", "csv"]):
        assert "loose" not in invoke("export", "--all", *arguments).stdout
    assert "loose" in invoke("export", "--all").stdout


def test_one_exported_run_comes_back_with_the_runs_inside_of_it(database: Path, invoke: Invoke) -> None:
    """DB-5: a single document."""
    invoke("export", run_ids(database)["outer"], "-o", "one.json")
    invoke("import", "one.json", "--db", "copy.db")
    assert set(run_ids(Path("copy.db"))) == {"outer", "inner"}


def test_a_database_becomes_lines_and_lines_a_database(database: Path, invoke: Invoke) -> None:
    """CLI-15: both ways, idempotent, and back to the same spans."""
    invoke("import", database, "--jsonl", "lines.jsonl")
    size = os.path.getsize("lines.jsonl")
    assert "0 new in lines.jsonl, 7 known" in invoke("import", database, "--jsonl", "lines.jsonl").stdout
    assert os.path.getsize("lines.jsonl") == size
    invoke("import", "lines.jsonl", "--db", "back.db")
    assert records("back.db") == records(database)


def test_lines_have_no_place_for_ratings_and_that_is_said(database: Path, invoke: Invoke) -> None:
    """DB-5: nothing is lost silently."""
    invoke("export", "--all", "-o", "all.json")
    said = invoke("import", "all.json", "--jsonl", "lines.jsonl")
    assert "7 new in lines.jsonl" in said.stdout and said.stderr.startswith("1 rating left out")


def test_lines_are_encrypted_where_the_configuration_says_so(
    database: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PIPE-8: as a database is, and as tracing writes them."""
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    before = records(database)
    monkeypatch.setenv("TRACE_ENCRYPTION_ENABLED", "true")
    monkeypatch.setenv("TRACE_ENCRYPTION_KEY", "a passphrase")
    invoke("import", database, "--jsonl", "lines.jsonl")
    assert "Hello!" not in Path("lines.jsonl").read_text(encoding="utf-8")
    assert records("lines.jsonl") == before
    assert "0 new in lines.jsonl, 7 known" in invoke("import", database, "--jsonl", "lines.jsonl").stdout


def test_a_span_that_changed_is_written_again(database: Path, invoke: Invoke) -> None:
    """JSONL-3: scores that came later; the last line counts."""
    invoke("import", database, "--jsonl", "lines.jsonl")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE spans SET attributes = json_set(attributes, '$.eval_scores', json('{\"A\": 0.5}'))"
            " WHERE kind = 'llm'"
        )
    connection.close()
    said = json.loads(invoke("import", database, "--jsonl", "lines.jsonl", "--json").stdout)
    assert (said["added"], said["known"]) == (0, 7)
    scores = [each["attributes"].get("eval_scores") for each in records("lines.jsonl").values()]
    assert [each for each in scores if each] == [{"A": 0.5}]


def test_files_of_the_original_are_imported(invoke: Invoke, tmp_path: Path) -> None:
    """CLI-15: peekr 0.9.3's lines and databases, whose rows know neither run nor kind."""
    old = {
        "trace_id": "t1",
        "parent_id": None,
        "start_time": 1.0,
        "end_time": 2.0,
        "duration_ms": 1000.0,
        "status": "ok",
    }
    root = {**old, "span_id": "s1", "name": "step", "attributes": {}}
    call = {**old, "span_id": "s2", "parent_id": "s1", "name": "openai.chat", "attributes": {"model": "gpt-4o"}}
    Path("old.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (root, call)) + '{"half')
    with closing(sqlite3.connect("old.db")) as connection, connection:
        connection.execute(
            "CREATE TABLE spans (trace_id TEXT, span_id TEXT PRIMARY KEY, parent_id TEXT, name TEXT, start_time REAL,"
            " end_time REAL, duration_ms REAL, status TEXT, attributes TEXT)"
        )
        for each in (root, call):
            connection.execute(
                "INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [*(each[name] for name in (
                    "trace_id", "span_id", "parent_id", "name", "start_time", "end_time", "duration_ms", "status"
                )), json.dumps(each["attributes"])],
            )  # fmt: skip
    connection.close()
    invoke("import", "old.jsonl", "old.db", "--db", "new.db")
    found = records("new.db")
    assert {each["name"]: each["attributes"]["kind"] for each in found.values()} == {
        "step": "function",
        "openai.chat": "llm",
    }
    assert json.loads(invoke("stats", "new.db", "--json").stdout)["total_runs"] == 1


def test_a_database_of_agent_inspector_is_imported(invoke: Invoke) -> None:
    """CLI-15, SQLITE-7: runs and steps become spans; data as JSON, plain and compressed."""
    with closing(sqlite3.connect("inspector.db")) as connection, connection:
        connection.execute(
            "CREATE TABLE runs (id TEXT PRIMARY KEY, name TEXT, status TEXT, started_at INTEGER, completed_at INTEGER,"
            " duration_ms INTEGER, agent_type TEXT, user_id TEXT, session_id TEXT, metadata TEXT, created_at INTEGER)"
        )
        connection.execute(
            "CREATE TABLE steps (id TEXT PRIMARY KEY, run_id TEXT, timestamp INTEGER, type TEXT, name TEXT,"
            " status TEXT, duration_ms INTEGER, data BLOB, parent_event_id TEXT, created_at INTEGER)"
        )
        connection.execute(
            "INSERT INTO runs VALUES ('run-1', 'agent', 'failed', 1000, 3000, 2000, 'bot', 'ann', 's', '{}', 1000)"
        )
        call = json.dumps({"model": "gpt-4", "prompt": "Hi", "response": "Hello!", "total_tokens": 7}).encode()
        tool = gzip.compress(json.dumps({"tool_name": "search", "tool_args": {"q": 1}, "tool_result": "x"}).encode())
        rows = [
            ("e0", "run_start", "agent", b"{}"),
            ("e1", "llm_call", "gpt-4", call),
            ("e2", "tool_call", "search", tool),
        ]
        rows.append(("e3", "custom", "note", b"gAAAAAnonsense"))
        for number, (key, kind, name, data) in enumerate(rows):
            connection.execute(
                "INSERT INTO steps VALUES (?, 'run-1', ?, ?, ?, 'completed', 5, ?, NULL, 0)",
                (key, 1000 + number, kind, name, data),
            )
    connection.close()
    assert json.loads(invoke("import", "inspector.db", "--db", "new.db", "--json").stdout)["read"] == 4
    with open_store("new.db") as store:
        run = store.get_run("run-1")
        assert run is not None
        assert (run["name"], run["status"], run["duration_ms"], run["user_id"]) == ("agent", "failed", 2000, "ann")
        steps = {step["type"]: step["data"] for step in store.get_run_steps("run-1")}
    assert (steps["llm_call"]["prompt"], steps["llm_call"]["tokens_total"]) == ("Hi", 7)
    assert steps["tool_call"]["tool_args"] == {"q": 1}
    assert "custom" in steps, "a step whose data cannot be read is there all the same"


def test_a_table_of_runs_or_steps_holds_no_formula(database: Path, invoke: Invoke) -> None:
    """CLI-8: CSV that a spreadsheet may open."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE spans SET name = '=cmd|calc' || char(10) || ',x' WHERE name = 'outer'")
    connection.close()
    table = list(csv.DictReader(io.StringIO(invoke("export", "--all", "--format", "csv").stdout)))
    assert [row["name"] for row in table] == ["second", "inner", "'=cmd|calc\\n,x"]
    assert table[2]["rating"] == "good"
    steps = list(csv.DictReader(io.StringIO(invoke("export", table[2]["id"], "--format", "csv").stdout)))
    assert [row["type"] for row in steps] == ["run_start", "llm_call", "tool_call", "run_start"]
    assert steps[1]["tokens_total"] == "7"


def test_lines_are_exported_as_a_database_is(database: Path, invoke: Invoke) -> None:
    """CLI-8 with API-15: any store."""
    invoke("import", database, "--jsonl", "lines.jsonl")
    for document in ("database.json", "lines.json"):
        invoke("export", "--all", "-o", document, "--db", "traces.db" if document == "database.json" else "lines.jsonl")
    one, other = (json.loads(Path(name).read_text()) for name in ("database.json", "lines.json"))
    for document in (one, other):
        for run in document["runs"]:
            run.pop("feedback")
    assert one == other


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"runs": [\n{"run": {}', "damaged"),
        ('{"runs": [\n{"run": {}, "spans": []},\n', "ends early"),
        ('{"runs": [{"run": {}, "timeline": []}], "total": 1}', "without their spans"),
        ('{"run": [', "no JSON"),
        ("hello", "no trace store"),
    ],
)
def test_what_cannot_be_imported_is_explained(invoke: Invoke, content: str, message: str) -> None:
    """CLI-11: a sentence and exit code 1."""
    Path("wrong.txt").write_text(content)
    assert message in invoke("import", "wrong.txt", "--db", "new.db", code=1).stderr


@pytest.mark.parametrize("file", ["missing.jsonl", "hello.txt"])
def test_what_is_no_store_leaves_no_database_behind(invoke: Invoke, file: str) -> None:
    """CLI-11: said before anything is written."""
    Path("hello.txt").write_text("hello")
    invoke("import", file, "--db", "new.db", code=1)
    assert not Path("new.db").exists()


def test_nothing_is_imported_into_itself(database: Path, invoke: Invoke) -> None:
    """CLI-15."""
    assert "is what would be written to" in invoke("import", database, "--db", database, code=1).stderr
    invoke("import", database, "--db", "a.db", "--jsonl", "b.jsonl", code=2)
    invoke("import", code=2)


def test_content_can_be_redacted_on_the_way(invoke: Invoke) -> None:
    """PIPE-3: files of versions that did not redact."""
    span = {
        "trace_id": "t",
        "span_id": "s",
        "name": "step",
        "start_time": 1.0,
        "attributes": {"output": "password=hunter2"},
    }
    Path("old.jsonl").write_text(json.dumps({**span, "end_time": 2.0}) + "\n")
    invoke("import", "old.jsonl", "--db", "plain.db")
    invoke("import", "old.jsonl", "--db", "clean.db", "--redact")
    assert "hunter2" in str(records("plain.db"))
    assert "hunter2" not in str(records("clean.db"))


def test_memory_does_not_grow_with_a_long_list(database: Path, invoke: Invoke) -> None:
    """CLI-8: a document is written run by run, each on a line of its own."""
    invoke("export", "--all", "-o", "all.json")
    lines: List[str] = Path("all.json").read_text().splitlines()
    assert len(lines) == 5
    assert all(json.loads(line.rstrip(",")) for line in lines[1:4])
