"""``peekr replay``: the command line."""

from __future__ import annotations

import json
from typing import Any, Optional, Tuple

import click

from peekr_cli.arguments import parted
from peekr_cli.reading import Filters, default_target, filter_options

#: How many traces a replay of a whole file takes unless told otherwise: each of them costs money.
_AT_ONCE = 20


class Setting(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``key=value``; the value is JSON, or else text. ``key=null`` takes a parameter away."""

    name = "key=value"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        """Return the pair."""
        if not isinstance(value, str):
            return value
        key, found, text = value.partition("=")
        if not found or not key.strip():
            self.fail("write key=value, for instance temperature=0", param, ctx)
        try:
            return key.strip(), json.loads(text)
        except ValueError:
            return key.strip(), text


@click.command()
@click.argument("targets", nargs=-1, metavar="[FILE] [ID]...")
@click.option("--db", metavar="PATH", help="The database that the trace is in.")
@click.option("--jsonl", metavar="PATH", help="The JSONL file that the trace is in.")
@click.option("--step", "only_show", is_flag=True, help="Only show the trace, step by step; Enter shows the next.")
@click.option("--run", "only_run", is_flag=True, help="Only send the calls again.")
@click.option("--model", metavar="NAME", help="Send the calls to this model.")
@click.option("--system-file", type=click.File(encoding="utf-8"), help="Give the system prompt in this file.")
@click.option(
    "--set", "settings", type=Setting(), multiple=True, help="Set a parameter; null takes it away. Repeatable."
)
@filter_options
@click.option("--limit", type=click.IntRange(min=1), default=_AT_ONCE, show_default=True, help="The newest N traces.")
@click.option("--force", is_flag=True, help="Send what was stored although it was cut, redacted or sent elsewhere.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before sending the calls of many traces.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(
    targets: Tuple[str, ...],
    db: Optional[str],
    jsonl: Optional[str],
    only_show: bool,
    only_run: bool,
    model: Optional[str],
    system_file: Any,
    settings: Tuple[Tuple[str, Any], ...],
    limit: int,
    force: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Show a trace step by step, then send its LLM calls again.

    ID is a trace or run, or six or more characters of its id. FILE is a .jsonl file or an SQLite database; without
    it, traces.db of this directory, else traces.jsonl. A FILE or filters without an ID mean all traces that fit: what
    they will cost is told first. The new calls are stored in the same file, in a new trace. Tools are not run again;
    calls that were streamed are sent unstreamed; credentials and addresses come from the environment, as the SDKs
    read them.

    \b
    peekr replay 3f2a91bc --db traces.db --model gpt-4o-mini
    peekr replay traces.db 3f2a91bc --run --set temperature=0 --system-file prompt.txt
    peekr replay traces.db --status error --limit 20 --run
    """
    if only_show and only_run:
        raise click.UsageError("Give --step or --run, not both.")
    stores, ids = parted(targets)
    given = [path for path in (*stores, db, jsonl) if path is not None]
    if len(given) > 1:
        raise click.UsageError("Give one trace file.")
    ids += [filters["trace"]] if filters.get("trace") else []
    chosen = Filters(**{**filters, "trace": None})
    if not ids and not given and not chosen.any:
        raise click.UsageError("Give the id of a trace, or a trace file whose traces shall all be replayed.")
    from peekr.replay import Changes
    from peekr_cli.replay.session import Session

    changes = Changes(model, system_file.read() if system_file else None, None, dict(settings), None)
    session = Session(
        given[0] if given else default_target(), changes, force, as_json, show=not only_run, send=not only_show
    )
    worked = session.each(ids) if ids else session.many(chosen, limit, yes)
    if not worked:
        raise click.exceptions.Exit(1)
