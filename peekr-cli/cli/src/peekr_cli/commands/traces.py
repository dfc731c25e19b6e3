"""``peekr traces``: the traces of a store, in a browser or as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List, Optional

import click

from peekr.terminal import neutral
from peekr_cli.reading import Filters, filter_options
from peekr_cli.targets import chosen_target

#: How many traces a terminal shows unless told otherwise; a pipe gets all.
_ON_TERMINAL = 20
_REPORT = "dashboard.html"
_COLUMNS = ("trace", "started", "name", "ms", "spans", "tokens", "cost $", "errors", "tenant", "user", "session")


@click.command()
@click.argument("file", required=False)
@click.option("--list", "as_list", is_flag=True, help="Print a table instead of opening a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, one trace a line.")
@click.option("-o", "--output", default=_REPORT, show_default=True, metavar="FILE", help="The page that is written.")
@filter_options
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="The newest N traces; 0 for all.")
def traces(
    file: Optional[str], as_list: bool, as_json: bool, output: str, limit: Optional[int], **filters: Any
) -> None:
    """Open the traces in FILE in a browser, or list them.

    FILE is a .jsonl file or an SQLite database; without it, the configured database, else traces.db of this
    directory, else traces.jsonl. The browser shows the page of peekr dashboard. The filters are for the list, and
    choose whole traces.

    \b
    peekr traces
    peekr traces traces.db --list --since 24h --status error
    """
    target, chosen = chosen_target(file), Filters(**filters)
    if not (as_list or as_json or chosen.any or limit is not None):
        if _open_in_browser(target, output):
            return
        click.echo("There is no dashboard to open: pip install peekr-dashboard. Here is the list.", err=True)
    _print(target, chosen, limit, as_json)


def _open_in_browser(target: str, output: str) -> bool:
    """Write the dashboard and open it; False if none is installed."""
    from peekr_cli.lazy import Commands

    dashboard = Commands().load("dashboard")
    if not isinstance(dashboard, click.Command):
        return False
    import webbrowser

    dashboard.main([target, "-o", output], prog_name="peekr dashboard", standalone_mode=False)
    page = Path(output).resolve().as_uri()
    if not webbrowser.open(page):
        click.echo(f"No browser could be started. Open it by hand: {neutral(page)}")
    return True


def _print(target: str, filters: Filters, limit: Optional[int], as_json: bool) -> None:
    from peekr import open_store
    from peekr_cli.progress import Bar
    from peekr_cli.terminal import Screen

    screen = Screen.standard()
    if limit is None and screen.width is not None and not as_json:
        limit = _ON_TERMINAL
    with open_store(target) as store, Bar("Reading"):
        found = _found(store, filters, limit or None)
    if as_json:
        _print_json(screen, found)
    elif not found:
        screen.line(f"{neutral(target)} has no trace{' that fits' if filters.any else ' yet'}.")
    else:
        _print_table(screen, found)


def _found(store: Any, filters: Filters, limit: Optional[int]) -> List[Any]:
    """The summaries that were asked for, the newest first."""
    if filters.trace is None:
        return list(store.traces(**filters.arguments(), newest_first=True, limit=limit))
    from peekr.summary import fits, trace_tallies

    found = [tally.summary() for tally in trace_tallies(store.trace(filters.trace))]
    return [each for each in found if fits(each, filters.selection())]


def _print_json(screen: Any, found: List[Any]) -> None:
    import attrs

    from peekr_cli.terminal import safe_json

    lines = (safe_json(json.dumps(attrs.asdict(each), ensure_ascii=False)) for each in found)
    screen.line("[" + ",\n ".join(lines) + "]")


def _print_table(screen: Any, found: List[Any]) -> None:
    from peekr_cli.table import print_table

    rows = [_row(each) for each in found]
    kept = [at for at in range(len(_COLUMNS)) if at < 5 or any(row[at] not in ("", 0) for row in rows)]
    print_table(
        screen,
        [_COLUMNS[at] for at in kept],
        [[row[at] for at in kept] for row in rows],
        ["error" if each.status == "error" else None for each in found],
    )


def _row(each: Any) -> List[Any]:
    from peekr_cli.render import clock

    return [
        each.trace_id[:8],
        clock(each.start_time),
        each.name[:200],
        "" if each.duration_ms is None else round(each.duration_ms, 1 if each.duration_ms < 100 else None),
        each.span_count,
        each.tokens_total,
        "" if each.cost_usd is None else f"{each.cost_usd:.6f}".rstrip("0").rstrip("."),
        each.error_count,
        *((who or "")[:200] for who in (each.tenant_id, each.user_id, each.session_id)),
    ]
