"""``peekr memory``: what was recalled, and what of it the answers used."""

from __future__ import annotations

import json
from typing import Any, List, Optional

import click

from peekr.terminal import neutral
from peekr_cli.reading import Moment
from peekr_cli.targets import chosen_target, counted, store_argument

_SHOWN = 20
#: Characters of a name or text in a table.
_WIDEST = 80


@click.command()
@store_argument
@click.option("--by", type=click.Choice(["memory", "run"]), default="memory", show_default=True, help="What a row is.")
@click.option("--since", type=Moment(), help="Recalled then or later: 2026-01-31T09:00, 24h, 7d ago.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=_SHOWN, show_default=True, help="Rows of a table; 0 for all."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def memory(file: Optional[str], db: Optional[str], by: str, since: Optional[float], limit: int, as_json: bool) -> None:
    """Show which recalled memories were used.

    Of those that a recall gave, how many the following answer used.

    A memory is used (a hit) if the answer of the LLM call after the recall has 0.3 or more of its five-word
    sequences, or names its id or title. Writes are never read if nothing read their key afterwards.

    \b
    peekr memory traces.db
    peekr memory traces.db --by run --since 7d --json
    """
    from peekr import open_store
    from peekr_cli.progress import Bar
    from peekr_cli.recalled import MemoryReport, memory_spans, report_record
    from peekr_cli.terminal import Screen, safe_json

    target = chosen_target(file, db)
    with open_store(target) as store, Bar("Reading") as bar:
        report = MemoryReport().add(bar.over(memory_spans(store, since)))
    screen = Screen.standard()
    if as_json:
        screen.line(safe_json(json.dumps({"store": target, **report_record(report)}, ensure_ascii=False)))
        return
    if not report.recalls and not report.writes:
        screen.line(f"{neutral(target)} has no recall. Record one with: peekr.recall(query, memories)")
        return
    _print_summary(screen, report)
    _print_usage(screen, report, by, limit or None)
    _print_unread(screen, report, limit or None)


def _percent(rate: Optional[float]) -> str:
    return "–" if rate is None else f"{rate:.0%}".replace("%", " %")


def _print_summary(screen: Any, report: Any) -> None:
    total = report.total
    recalled = sum(each.recalls for each in report.memories.values())
    parts = [
        counted(report.recalls, "recall"),
        counted(recalled, "memory", "memories"),
        counted(total.hits, "hit"),
        f"hit rate {_percent(total.rate)}",
        f"never-read writes {len(report.never_read()):,}",
    ]
    if recalled > total.memories:
        parts.append(f"without an answer {recalled - total.memories:,}")
    screen.line("  ".join(parts))


def _print_usage(screen: Any, report: Any, by: str, limit: Optional[int]) -> None:
    from peekr_cli.recalled import by_recalls
    from peekr_cli.table import print_table

    rows: List[List[Any]]
    if by == "run":
        columns = ["run", "recalls", "memories", "hits", "hit rate"]
        rows = [
            [each.name[:_WIDEST], each.recalls, each.memories, each.hits, _percent(each.rate)]
            for each in report.runs.values()
        ]
    else:
        columns = ["memory", "recalled", "hits", "hit rate", "mean rank", "text"]
        rows = [
            [
                each.name[:_WIDEST],
                each.recalls,
                each.hits,
                _percent(each.rate),
                round(each.ranks / each.recalls, 1),
                each.text[:_WIDEST],
            ]
            for each in by_recalls(report.memories)
        ]
    _print_part(screen, columns, rows, limit, print_table)


def _print_unread(screen: Any, report: Any, limit: Optional[int]) -> None:
    from peekr_cli.render import clock
    from peekr_cli.table import print_table

    unread = report.never_read()
    rows = [
        [each.key[:_WIDEST], each.writes, clock(each.last), each.run_id[:_WIDEST], each.text[:_WIDEST]]
        for each in unread
    ]
    _print_part(screen, ["never read", "writes", "last written", "run", "text"], rows, limit, print_table)


def _print_part(screen: Any, columns: List[str], rows: List[List[Any]], limit: Optional[int], print_table: Any) -> None:
    if not rows:
        return
    screen.line()
    print_table(screen, columns, rows[:limit])
    if limit is not None and len(rows) > limit:
        screen.line(screen.paint(f"… and {len(rows) - limit:,} more: --limit 0", "quiet"))
