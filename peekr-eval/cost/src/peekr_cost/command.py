"""``peekr cost``: what the model calls of a store cost."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, Optional, Tuple

import click

_DIMENSIONS = ("model", "tenant", "user", "session", "feature", "day", "operation", "provider")


class _Moment(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time on the command line, as :func:`peekr.timeparse.parse_time` takes it."""

    name = "time"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        """Become Unix seconds."""
        from peekr.terminal import neutral
        from peekr.timeparse import parse_time

        try:
            return parse_time(value)
        except ValueError as error:
            self.fail("\n".join(map(neutral, str(error).splitlines())), param, ctx)


@click.command()
@click.argument("file", required=False)
@click.option("--by", multiple=True, type=click.Choice(_DIMENSIONS), help="Sum up by this; may be given several times.")
@click.option("--tenant", metavar="ID", help="Calls of this tenant.")
@click.option("--user", metavar="ID", help="Calls of this user.")
@click.option("--session", metavar="ID", help="Calls of this session.")
@click.option("--since", type=_Moment(), help="Started then or later: 2026-01-31T09:00, 15m, 24h, 7d ago.")
@click.option("--until", type=_Moment(), help="Started before.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="The N dearest groups; all by default.")
@click.option("--reprice", is_flag=True, help="Compute all costs anew, and write them into an SQLite database.")
@click.option("--dry-run", is_flag=True, help="With --reprice: only show, write nothing.")
@click.option("--prices", metavar="FILE", help="A JSON file with prices of your own; else PEEKR_PRICES.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the groups as CSV; no cell is a formula.")
def cost(file: Optional[str], by: Tuple[str, ...], as_json: bool, as_csv: bool, **options: Any) -> None:
    """Show what the model calls in FILE cost.

    FILE is a .jsonl file or an SQLite database; without it, traces.db of this directory, else traces.jsonl. Costs are
    those in the spans; a call that bears none is priced by its tokens. Models without a known price are listed, and
    add nothing. --reprice computes all costs from the tokens, at the prices of the time of each call; one that cannot
    be computed stays as it is.

    \b
    peekr cost traces.db --by tenant --since 7d
    peekr cost traces.db --by day --by model --csv
    peekr cost traces.db --reprice --prices my-prices.json
    """
    if as_json and as_csv:
        raise click.UsageError("Give --json or --csv, not both.")
    if options["dry_run"] and not options["reprice"]:
        raise click.UsageError("--dry-run goes with --reprice.")
    from peekr.errors import PeekrError
    from peekr.opening import default_store
    from peekr_cost import output

    try:
        shown = _read(file or default_store(), by, options)
    except PeekrError as error:
        raise click.ClickException(output.safe_lines(str(error))) from error
    if as_json:
        output.line(json.dumps(shown, ensure_ascii=True))
    elif as_csv:
        output.print_csv(shown)
    else:
        output.print_report(shown)


def _read(target: str, by: Tuple[str, ...], options: Dict[str, Any]) -> Dict[str, Any]:
    """Return everything there is to show as one JSON object."""
    from peekr import open_store
    from peekr.selection import Selection
    from peekr_cost.overrides import use_prices_file
    from peekr_cost.report import DEFAULT_BY, TOP, Repricing, report

    if options["prices"]:
        use_prices_file(options["prices"])
    else:
        _use_default_prices_file()
    filters = {name: options[name] for name in ("tenant", "user", "session", "since", "until")}
    selection = Selection(
        tenant_id=filters["tenant"],
        user_id=filters["user"],
        session_id=filters["session"],
        since=filters["since"],
        until=filters["until"],
    )
    groups = tuple(dict.fromkeys(by)) or DEFAULT_BY
    top = 0 if by else TOP
    repricing = Repricing() if options["reprice"] else None
    with open_store(target) as store:
        found = (report if repricing is None else repricing.report)(store, groups, selection, top).as_dict()
        if repricing is not None:
            found["repriced"] = _written(store, repricing, options["dry_run"])
    if options["limit"] is not None:
        found["groups"] = found["groups"][: options["limit"]]
    given = {name: value for name, value in filters.items() if value is not None}
    return {"schema": 1, "store": target, "filters": given, "prices": _source(), **found}


def _use_default_prices_file() -> None:
    """A file that the environment names, and not this command line, must not keep anybody from seeing costs."""
    from peekr.errors import ConfigurationError
    from peekr_cost.output import safe_lines
    from peekr_cost.overrides import use_default_prices_file

    try:
        use_default_prices_file()
    except ConfigurationError as error:
        print(safe_lines(f"{error}. Without it:"), file=sys.stderr)


def _written(store: Any, repricing: Any, dry_run: bool) -> Dict[str, Any]:
    """Write the new costs where that is possible, and tell what became of them."""
    from peekr.errors import StoreError

    outcome = {"changed": len(repricing.changed), "written": 0}
    if not dry_run and repricing.changed:
        try:
            outcome["written"] = store.set_costs(repricing.changed)
        except StoreError as error:
            from peekr_cost.output import safe_lines

            print(safe_lines(f"The new costs are shown, and not stored: {error}"), file=sys.stderr)
    return outcome


def _source() -> str:
    """Where prices come from, with a date (contract D-16)."""
    from peekr_cost.table import GenaiPrices

    return GenaiPrices().source
