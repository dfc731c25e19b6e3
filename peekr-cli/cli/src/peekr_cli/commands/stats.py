"""``peekr stats``: how many runs there are, and what became of them."""

from __future__ import annotations

import json
from typing import Optional

import click

from peekr.terminal import neutral
from peekr_cli.targets import bytes_text, chosen_target, store_argument

_LINES = (
    ("total_runs", "Total runs"),
    ("running_runs", "Running"),
    ("completed_runs", "Completed"),
    ("failed_runs", "Failed"),
    ("total_steps", "Total steps"),
    ("db_size_bytes", "Database size"),
    ("recent_runs_24h", "Runs in the last 24 h"),
)
_STYLES = {"failed_runs": "error", "running_runs": "warning"}


@click.command()
@store_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as GET /v1/stats does.")
def stats(file: Optional[str], db: Optional[str], as_json: bool) -> None:
    """Count the runs in FILE by outcome.

    Running, completed, failed, and those of the last 24 hours.

    FILE is a .jsonl file or an SQLite database; without it, the configured database, else traces.db of this
    directory, else traces.jsonl. A trace without a run counts as one.

    \b
    peekr stats
    peekr stats traces.db --json
    """
    from peekr import open_store
    from peekr_cli.progress import Bar
    from peekr_cli.terminal import Screen, safe_json

    target = chosen_target(file, db)
    with open_store(target) as store, Bar("Counting"):
        counts = store.get_stats()
    screen = Screen.standard()
    if as_json:
        screen.line(safe_json(json.dumps({**counts, "store": target}, ensure_ascii=False)))
        return
    screen.line(screen.paint(neutral(target), "heading"))
    for name, label in _LINES:
        value = counts[name]
        text = bytes_text(value) if name.endswith("_bytes") else f"{value:,}"
        style = _STYLES.get(name, "") if value else ""
        screen.line(f"  {label + ':':<23}{screen.paint(text, style)}")
