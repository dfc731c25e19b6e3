"""``peekr query``: SQL over a trace file."""

from __future__ import annotations

import csv
import json
import re
from typing import Any, Dict, List, Tuple, Union

import click

_NUMBER = re.compile(r"[+-]?(\d{1,18}|\d+\.\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Value = Union[str, int, float, None]


@click.command()
@click.argument("file")
@click.argument("sql")
@click.argument("params", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects, one row a line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; cells that a spreadsheet would run get a leading '.")
def query(file: str, sql: str, params: Tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    """Ask the spans in FILE with SQL.

    FILE is a .jsonl file or an SQLite database. The table is called spans, the views runs, steps and span_costs; the
    dialect is SQLite's, and nothing is written. PARAMS take the places of the ? in the statement; what looks like a
    number is bound as one. Put -- before a negative number.

    \b
    peekr query traces.jsonl "SELECT name, AVG(duration_ms) FROM spans GROUP BY name"
    peekr query traces.db "SELECT * FROM spans WHERE tenant_id = ?" acme
    """
    if as_json and as_csv:
        raise click.UsageError("Give --json or --csv, not both.")
    from peekr import query as run
    from peekr_cli.terminal import Screen

    rows = [{name: plain(value) for name, value in row.items()} for row in run(file, sql, [bound(p) for p in params])]
    screen = Screen.standard()
    if as_json:
        _print_json(screen, rows)
    elif as_csv:
        _print_csv(screen, rows)
    else:
        _print_table(screen, rows)


def bound(text: str) -> Value:
    """Return a parameter of the command line as the value to bind."""
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def plain(value: Any) -> Value:
    """Return a value of a result as text or number; bytes that are text as text, others as hexadecimal digits."""
    if not isinstance(value, bytes):
        return value  # type: ignore[no-any-return]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def harmless(value: Value) -> Value:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


def _print_json(screen: Any, rows: List[Dict[str, Value]]) -> None:
    from peekr_cli.terminal import safe_json

    lines = [safe_json(json.dumps(row, ensure_ascii=False)) for row in rows]
    screen.line("[" + ",\n ".join(lines) + "]")


def _print_csv(screen: Any, rows: List[Dict[str, Value]]) -> None:
    from peekr.terminal import neutral

    def cell(value: Value) -> Value:
        value = harmless(value)
        if not isinstance(value, str):
            return value
        # somebody may show the file on a terminal; only there a line break would be in the way
        return neutral(value) if screen.width is not None else "\n".join(map(neutral, value.split("\n")))

    writer = csv.writer(_Lines(screen), lineterminator="")
    if rows:
        writer.writerow([cell(name) for name in rows[0]])
    for row in rows:
        writer.writerow([cell(value) for value in row.values()])


class _Lines:
    """The file that :mod:`csv` writes to."""

    def __init__(self, screen: Any) -> None:
        self.write = screen.line


def _print_table(screen: Any, rows: List[Dict[str, Value]]) -> None:
    from peekr_cli.table import print_table

    if not rows:
        screen.line("No rows.")
        return
    print_table(screen, list(rows[0]), [list(row.values()) for row in rows])
    if screen.width is not None:
        screen.line(screen.paint(f"{len(rows):,} rows" if len(rows) > 1 else "1 row", "quiet"))
