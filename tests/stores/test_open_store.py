"""open_store and query: which store answers, and what is said when none does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

import peekr
from peekr.errors import StoreError
from peekr.stores import ReadStore


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    """CLI-VIEW-8"""
    with pytest.raises(StoreError, match=r"missing\.db does not exist\.\nGive the path of a trace file"):
        peekr.open_store(tmp_path / "missing.db")


def test_a_directory_is_a_sentence(tmp_path: Path) -> None:
    """CLI-VIEW-8"""
    with pytest.raises(StoreError, match=r"is a directory\.\nGive the trace file in it"):
        peekr.open_store(tmp_path)


def test_unknown_content_is_a_sentence(tmp_path: Path) -> None:
    """CLI-VIEW-8: it names the stores that were asked."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(StoreError, match=r"no trace store that the installed plugins \(.*jsonl, sqlite.*\) know"):
        peekr.open_store(path)


def test_without_store_plugins_the_message_names_them(tmp_path: Path) -> None:
    """PKG-6, IFACE-2"""
    path = tmp_path / "traces.jsonl"
    path.write_text("")
    code = f"""
import peekr
try: peekr.open_store({str(path)!r})
except peekr.PeekrError as error: print(error)
"""
    environment = {**os.environ, "PEEKR_PLUGINS_DISABLE": "peekr.stores:jsonl,peekr.stores:sqlite"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    assert "no store plugin is installed" in done.stdout
    assert "pip install peekr-jsonl peekr-sqlite" in done.stdout


def test_a_store_that_fails_to_look_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """INST-13: a plugin's failure is reported and skipped."""
    from peekr import plugins
    from peekr_jsonl import JSONLStore

    class Broken:
        @classmethod
        def recognises(cls, target: str) -> bool:
            raise RuntimeError("boom")

    path = tmp_path / "traces.jsonl"
    path.write_text("")
    monkeypatch.setattr(plugins, "load_group", lambda group, **_: iter([("broken", Broken), ("jsonl", JSONLStore)]))
    with peekr.open_store(path) as store:
        assert isinstance(store, JSONLStore)
    assert "RuntimeError: boom" in caplog.text


def test_reading_needs_no_sqlite3_at_import() -> None:
    """PKG-7: import peekr, and even peekr.stores, loads neither sqlite3 nor a plugin."""
    code = "import sys, peekr, peekr.stores; assert not {'sqlite3', 'peekr_jsonl', 'stevedore'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_abstract_store_needs_three_methods() -> None:
    """IFACE-2"""
    assert ReadStore.__abstractmethods__ == {"recognises", "__init__", "iter_spans"}


# -- query ------------------------------------------------------------------------------------------------------------


#: The stores that open_store finds.
installed = pytest.mark.parametrize("target", ["jsonl", "sqlite"], indirect=True)


@installed
def test_every_store_answers_sql(target: str) -> None:
    """JSONL-4: the same table and views."""
    found = peekr.query(target, "SELECT kind, COUNT(*) AS n FROM spans GROUP BY kind ORDER BY n DESC, kind")
    assert found[:2] == [{"kind": "llm", "n": 3}, {"kind": "run", "n": 2}]
    assert peekr.query(target, "SELECT COUNT(*) AS n FROM runs") == [{"n": 4}]
    costs = peekr.query(target, "SELECT tenant_id, SUM(tokens_total * price) AS usd FROM span_costs GROUP BY 1")
    assert costs == [{"tenant_id": "acme", "usd": pytest.approx(0.004)}, {"tenant_id": "globex", "usd": None}]


@installed
def test_parameters_are_bound(target: str) -> None:
    """design.md section 9"""
    text = "x' OR '1'='1"
    assert peekr.query(target, "SELECT * FROM spans WHERE name = ?", [text]) == []
    assert len(peekr.query(target, "SELECT * FROM spans WHERE user_id = :user", {"user": "bob"})) == 1


@installed
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC", "syntax error"),
        ("SELECT colour FROM spans", "no such column: colour"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("DELETE FROM spans", "readonly"),
        ("DROP TABLE spans", "readonly"),
        ("SELECT ?", "Incorrect number of bindings|bindings"),
    ],
)
def test_a_wrong_statement_is_a_sentence(target: str, statement: str, message: str) -> None:
    """CLI-11, JSONL-4: queries read only."""
    with pytest.raises(StoreError, match=message):
        peekr.query(target, statement)


@installed
def test_other_files_cannot_be_written_through_a_query(target: str, tmp_path: Path) -> None:
    """design.md section 9: ATTACH is no way out."""
    other = tmp_path / "other.db"
    try:
        peekr.query(target, f"ATTACH '{other}' AS other")
    except StoreError:
        pass
    assert not other.exists() or other.stat().st_size == 0


def test_repeated_spans_count_once_in_sql(tmp_path: Path, records: List[Dict[str, Any]]) -> None:
    """JSONL-3, JSONL-4"""
    import json

    path = tmp_path / "traces.jsonl"
    lines = [*records, {**records[0], "name": "again"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = peekr.query(path, "SELECT COUNT(*) AS n, SUM(name = 'again') AS again FROM spans")
    assert found == [{"n": 9, "again": 1}]
