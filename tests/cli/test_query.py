"""``peekr query`` (contract JSONL-4, IFACE-13, examples E0-12 to E0-15)."""

from __future__ import annotations

import csv
import io
import json

import pytest

SLOWEST = "SELECT name, ROUND(AVG(duration_ms)) avg_ms FROM spans GROUP BY name ORDER BY avg_ms DESC"


@pytest.fixture
def traces(write, record):
    """A file of three spans."""
    return write(
        [
            record("a", None, "root", ms=100),
            record("b", "a", "tool.search", ms=60, status="error", error="=cmd|' /C calc'!A0"),
            record("c", "a", "chat", ms=30, model="gpt-4o", tokens_total=12, output="\x1b[31mred\u202e"),
        ]
    )


def test_rows_are_aligned_columns_in_a_pipe(peekr, traces):
    """E0-12 on a JSONL file."""
    assert peekr("query", traces, SLOWEST).splitlines() == [
        "name         avg_ms",
        "-----------  ------",
        "root          100.0",
        "tool.search    60.0",
        "chat           30.0",
    ]


def test_rows_as_json(peekr, traces):
    """One array; a row a line."""
    rows = json.loads(peekr("query", "--json", traces, "SELECT name, parent_id FROM spans ORDER BY name"))
    assert rows[0] == {"name": "chat", "parent_id": "a"}
    assert rows[1] == {"name": "root", "parent_id": None}
    assert json.loads(peekr("query", "--json", traces, "SELECT 1 one WHERE 0")) == []


def test_csv_has_no_formulas(peekr, traces):
    """What a model says must not run in a spreadsheet; numbers stay numbers."""
    statement = "SELECT json_extract(attributes, '$.error') error, -1 number FROM spans WHERE status = 'error'"
    assert list(csv.reader(io.StringIO(peekr("query", traces, statement, "--csv")))) == [
        ["error", "number"],
        ["'=cmd|' /C calc'!A0", "-1"],
    ]


def test_csv_and_json_exclude_each_other(peekr, traces):
    assert "not both" in peekr.fails("query", traces, SLOWEST, "--csv", "--json", code=2)


@pytest.mark.parametrize(
    ("condition", "parameter", "found"),
    [
        ("name = ?", "chat", ["chat"]),
        ("duration_ms > ?", "50", ["root", "tool.search"]),
        ("json_extract(attributes, '$.tokens_total') = ?", "12", ["chat"]),
        ("name = ?", "x' OR '1' = '1", []),
    ],
)
def test_parameters_are_bound(peekr, traces, condition, parameter, found):
    """JSONL-4: never pasted into the statement; numbers compare as numbers."""
    statement = f"SELECT name FROM spans WHERE {condition} ORDER BY name"
    rows = json.loads(peekr("query", "--json", traces, statement, parameter))
    assert [row["name"] for row in rows] == found


def test_a_parameter_that_is_too_big_for_a_number_is_text(peekr, traces):
    digits = "9" * 40
    assert json.loads(peekr("query", "--json", traces, "SELECT ? AS given", digits)) == [{"given": digits}]


@pytest.mark.parametrize(
    ("statement", "parameters", "named"),
    [
        ("SELEC name FROM spans", [], "SELEC"),
        ("SELECT nope FROM spans", [], "nope"),
        ("DELETE FROM spans", [], "readonly"),
        ("SELECT ?", [], "binding"),
        ("SELECT 1; SELECT 2", [], "one statement"),
    ],
)
def test_a_wrong_statement_is_a_sentence(peekr, traces, statement, parameters, named):
    """CLI-11; nothing can be written."""
    assert named in peekr.fails("query", traces, statement, *parameters)


def test_a_missing_file_is_a_sentence(peekr):
    """CLI-11."""
    assert "nowhere.jsonl" in peekr.fails("query", "nowhere.jsonl", "SELECT 1")


def test_no_rows_says_so(peekr, traces):
    assert peekr("query", traces, "SELECT name FROM spans WHERE 0") == "No rows.\n"


def test_hostile_content_is_written_out(peekr, traces):
    """CLI-VIEW-10 holds for every reader."""
    statement = "SELECT json_extract(attributes, '$.output') FROM spans WHERE name = 'chat'"
    for arguments in ([], ["--json"], ["--csv"]):
        out = peekr("query", traces, statement, *arguments)
        assert "red" in out
        assert "\x1b" not in out
        assert "\u202e" not in out
    assert "\u202e" not in peekr.on_terminal("query", traces, statement, "--csv")


def test_a_terminal_gets_a_table_that_fits(peekr, traces):
    """Long cells are cut; so many columns that none could be read become one field a line."""
    statement = "SELECT name, duration_ms, attributes, span_id, parent_id FROM spans"
    table = peekr.on_terminal("query", traces, statement, NO_COLOR="1").splitlines()
    assert max(map(len, table)) <= 80
    assert table[0].split() == ["name", "duration_ms", "attributes", "span_id", "parent_id"]
    assert "tool.search         60.0  {" in table[3]
    assert table[-1] == "3 rows"
    fields = peekr.on_terminal("query", traces, "SELECT * FROM spans LIMIT 1", NO_COLOR="1").splitlines()
    assert fields[0].split() == ["trace_id", "ab" * 16]
