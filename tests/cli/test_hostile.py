"""What a trace contains is hostile: no command lets it reach the terminal or a spreadsheet (CLI-VIEW-10, issue 6)."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")
pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")

Invoke = Callable[..., Any]

HOSTILE = {
    "ansi": "\x1b[31mred\x1b[0m\x1b[2J",
    "osc": "\x1b]0;title\x07\x1b]8;;http://evil\x1b\\link",
    "c1": "\x9b31mred\x9d0;title\x9c",
    "bidi": "\u202efdp.exe\u2066x\u200b",
    "newline": "line\n  Total runs: 0\r\ntraces.db: 9 runs deleted",
    "formula": '=HYPERLINK("http://evil","x")',
    "plus": "+1+cmd|' /C calc'!A0",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "null": "a\x00b",
    "markup": "[red]x[/red]<script>alert(1)</script>",
    "long": "x" * 1_000_000,
}
#: What may stand in output: printable characters, and the line break that ends a line.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def hostile_records(text: str, make: Callable[..., Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Spans with the text in every field that a program or a model can fill."""
    who = {"tenant_id": text, "user_id": text, "session_id": text}
    trace_id = "ab" * 16
    run = make(f"r{text[:50]}", name=text, trace_id=trace_id, **who, attributes={"kind": "run", "agent_type": text})
    run["attributes"]["run_id"] = run["span_id"]
    memories = [{"id": text, "text": text, "rank": 1, "reason": text}]
    inside = [
        {"kind": "llm", "model": text, "input": text, "output": text, "provider": text, "tokens_total": 5},
        {"kind": "tool", "tool_name": text, "input": text, "error": text, "error_reason": text},
        {"kind": "memory_read", "recall": True, "memories": memories, "memory_query": text, "memory_key": text},
        {"kind": "memory_write", "memory_key": text + "2", "input": text},
        {"kind": text, text[:100]: text, "eval_scores": {text[:100]: 0.5}},
    ]
    return [
        run,
        *(
            make(f"s{number}", run["span_id"], text, number + 1, trace_id=trace_id, **who,
                 status="error" if number == 1 else "ok", attributes={**each, "run_id": run["span_id"]})
            for number, each in enumerate(inside)
        ),
    ]  # fmt: skip


COMMANDS: List[List[str]] = [
    ["view", "FILE", "--io"],
    ["view", "FILE", "--json"],
    ["traces", "FILE", "--list"],
    ["traces", "FILE", "--json"],
    ["stats", "FILE"],
    ["memory", "FILE"],
    ["memory", "FILE", "--by", "run"],
    ["memory", "FILE", "--json"],
    ["export", "--all", "--db", "FILE"],
    ["export", "--all", "--db", "FILE", "--format", "csv"],
    ["export", "--all", "--db", "FILE", "--format", "jsonl"],
    ["export", "abababab", "--db", "FILE"],
    ["export", "abababab", "--db", "FILE", "--format", "csv"],
    ["query", "FILE", "SELECT name, attributes, user_id FROM spans"],
    ["query", "FILE", "SELECT name, user_id FROM spans", "--json"],
    ["prune", "FILE", "--dry-run", "--retention-days", "1"],
]


#: Those that show rather than copy: 1 MB in every field is 100 MB of JSON.
_SHOWN = [command for command in COMMANDS if command[0] not in ("export", "query") and "--json" not in command]


@pytest.fixture(params=sorted(HOSTILE))
def stored(request: Any, write: Any, record: Any, invoke: Invoke) -> str:
    """A database with one of the texts in every field."""
    text = HOSTILE[request.param]
    records = hostile_records(text[:5000], record)
    records[0]["name"] = records[1]["attributes"]["output"] = text
    records[3]["attributes"]["memories"][0].update(id=text, text=text)
    write(records)
    invoke("import", "traces.jsonl", "--db", "traces.db")
    return str(request.param)


def test_no_command_lets_it_through(stored: str, invoke: Invoke) -> None:
    """CLI-VIEW-10, issue 6: every command, every field; nothing breaks, and JSON stays JSON."""
    for command in COMMANDS if stored != "long" else _SHOWN:
        result = invoke(*["traces.db" if word == "FILE" else word for word in command])
        said = result.stdout + result.stderr
        found = _UNSAFE.search(said)
        assert found is None, (command, stored, said[max(0, found.start() - 40) : found.end() + 40])
        if "--json" in command and command[0] in ("traces", "memory", "query"):
            json.loads(result.stdout)


def test_no_line_of_a_list_is_forged(write: Any, record: Any, invoke: Invoke) -> None:
    """CLI-VIEW-10: a line break in a name makes no line."""
    write(hostile_records(HOSTILE["newline"], record))
    for command in (["traces", "traces.jsonl", "--list"], ["memory", "traces.jsonl"]):
        lines = invoke(*command).stdout.splitlines()
        assert not [line for line in lines if line.strip().startswith(("Total runs", "traces.db: 9"))]


@pytest.mark.parametrize("name", ["formula", "plus", "at", "tab", "newline", "ansi", "null"])
def test_no_cell_of_csv_is_a_formula_or_two_lines(write: Any, record: Any, invoke: Invoke, name: str) -> None:
    """Issue 6: a spreadsheet runs nothing, in a file either."""
    write(hostile_records(HOSTILE[name], record))
    for arguments in (["--all"], ["abababab"]):
        invoke("export", *arguments, "--db", "traces.jsonl", "-o", "table.csv")
        text = Path("table.csv").read_bytes().decode()
        assert _UNSAFE.search(text) is None
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) == len(text.splitlines())
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_names_of_files_are_hostile_too(invoke: Invoke) -> None:
    """CLI-11: what a message repeats is harmless."""
    for command in (["stats"], ["memory"], ["traces"], ["prune"], ["vacuum"]):
        said = invoke(*command, "no\x1b[31msuch.db", code=1).stderr
        assert "\x1b" not in said and "does not exist" in said
