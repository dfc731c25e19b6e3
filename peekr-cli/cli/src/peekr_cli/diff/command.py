"""``peekr diff``: the command line."""

from __future__ import annotations

import json
import re
from typing import Any, Optional, Tuple

import click

from peekr_cli.diff.sides import Range, Times
from peekr_cli.reading import Filters


@click.command(short_help="Show what differs between two traces, files or times.")
@click.argument("sides", nargs=-1, metavar="A B")
@click.option("--before", type=Range(), metavar="FROM..TO", help="Compare this time of one file: 24h..12h.")
@click.option("--after", type=Range(), metavar="FROM..TO", help="With this time: 12h.. is until now.")
@click.option("--tenant", metavar="ID", help="Only traces of this tenant, where files or times are compared.")
@click.option("--user", metavar="ID", help="Only of this user.")
@click.option("--session", metavar="ID", help="Only of this session.")
@click.option(
    "--slower", type=click.FloatRange(min=0), metavar="PERCENT", help="How much slower counts.  [default: 20]"
)
@click.option("--ignore", multiple=True, metavar="REGEX", help="Leave this out of inputs and outputs. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Show all steps, also those without a difference.")
@click.option("--exit-code", is_flag=True, help="End with 1 if something differs; times count only with --slower.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(
    sides: Tuple[str, ...],
    before: Optional[Times],
    after: Optional[Times],
    slower: Optional[float],
    ignore: Tuple[str, ...],
    everything: bool,
    exit_code: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Show what is different between two traces, two files or two times.

    First what a tool returned that it did not return for the same input on the other side, then which steps are
    new, gone, failed, slower, or used other tokens, cost and scores. A and B are traces (six or more characters of
    their ids, after the file they are in, else of traces.db or traces.jsonl here) or files. Two traces are laid upon
    each other step by step; of more, the steps of the same name are compared.

    \b
    peekr diff traces.db 4f3a91 9c22d0
    peekr diff prod.jsonl local.jsonl --exit-code
    peekr diff traces.db --before 24h..12h --after 12h..
    """
    from peekr_cli.diff.compare import Rules, pattern
    from peekr_cli.diff.render import print_report
    from peekr_cli.diff.sides import compared
    from peekr_cli.diff.sides import sides as sides_of
    from peekr_cli.terminal import Screen, safe_json

    try:
        rules = Rules(0.2 if slower is None else slower / 100, pattern(ignore))
    except re.error as error:
        raise click.BadParameter(f"it is no regular expression: {error}", param_hint="--ignore") from error
    report = compared(sides_of(sides, before, after, Filters(**filters)), rules)
    screen, counts = Screen.standard(), slower is not None
    if as_json:
        screen.line(safe_json(json.dumps(report.data(counts), ensure_ascii=False)))
    else:
        print_report(report, screen, everything)
    if exit_code and report.differs(counts):
        raise click.exceptions.Exit(1)
