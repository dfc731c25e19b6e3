"""``peekr feedback`` and ``peekr export-feedback``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Optional

import attrs
import click

from peekr.terminal import neutral
from peekr_feedback import export, ratings

_DB = click.option("--db", metavar="FILE", help="Database of the ratings; traces.db by default.")
_JSONL = click.option("--jsonl", metavar="FILE", help="File with the spans, if they are not in the database.")


@click.command()
@click.argument("trace_id", metavar="[TRACE_ID]", required=False)
@click.argument("rating", metavar="[good|bad]", type=click.Choice(ratings.RATINGS), required=False)
@click.option("--note", default="", help="Why.")
@_DB
@_JSONL
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def feedback(
    trace_id: Optional[str], rating: Optional[str], note: str, db: Optional[str], jsonl: Optional[str], as_json: bool
) -> None:
    """Rate a trace; without arguments, list the ratings.

    A trace is named by its id or six or more of its first characters.

    \b
    peekr feedback 4f3a91 good
    peekr feedback 4f3a91 bad --note "made up a price"
    peekr feedback
    """
    if trace_id is None:
        _list(ratings.told_apart(db, jsonl)[0], as_json)
        return
    if rating is None:
        raise click.UsageError("Say what you think of it: peekr feedback TRACE_ID good, or bad.")
    if not trace_id.strip():
        raise click.UsageError("Say which trace it is: list them with peekr traces --list.")
    whole = ratings.feedback(trace_id, rating, note, db_path=db, jsonl_path=jsonl)
    if as_json:
        click.echo(json.dumps({"trace_id": whole, "rating": rating, "note": note}))
    else:
        click.echo(f"Trace {neutral(whole[:8])} is rated {rating}.")


def _list(db: Optional[ratings.Path], as_json: bool) -> None:
    found = ratings.latest_ratings(ratings.ratings_path(db))
    if as_json:
        click.echo(json.dumps([attrs.asdict(each) for each in found], indent=2))
        return
    for each in found:
        when = datetime.fromtimestamp(each.created_at).strftime("%Y-%m-%d %H:%M")
        click.echo(f"{when}  {neutral(each.trace_id[:8])}  {neutral(each.rating):4}  {neutral(each.note)}".rstrip())
    if not found:
        click.echo("No trace is rated yet. Rate one with: peekr feedback TRACE_ID good")


@click.command(name="export-feedback", short_help="Write rated traces as training data (JSONL).")
@_DB
@_JSONL
@click.option("--filter", "chosen", type=click.Choice(ratings.RATINGS), help="Only traces with this rating.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(list(export.FORMATS)),
    default="openai-ft",
    show_default=True,
    help="Messages for fine-tuning, or the rating with all spans.",
)
@click.option(
    "-o", "--output", default="training.jsonl", show_default=True, metavar="FILE", help="The file that is written."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export_feedback(
    db: Optional[str], jsonl: Optional[str], chosen: Optional[str], layout: str, output: str, as_json: bool
) -> None:
    """Write rated traces as training data, one JSON object a line.

    \b
    peekr export-feedback --filter good -o training.jsonl
    peekr export-feedback --format raw -o rated.jsonl
    """
    try:
        written = export.export_feedback(db, chosen, output, layout, jsonl_path=jsonl)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror or error}.") from error
    if as_json:
        click.echo(json.dumps({"records": written, "output": output, "format": layout}))
    else:
        click.echo(f"{written} {'record' if written == 1 else 'records'} written to {output}")
