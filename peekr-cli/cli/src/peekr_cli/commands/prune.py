"""``peekr prune``: forget old runs."""

from __future__ import annotations

import json
from typing import Any, Optional

import click

from peekr.terminal import neutral
from peekr_cli.targets import bytes_text, chosen_target, counted, store_argument


@click.command()
@store_argument
@click.option(
    "--retention-days", type=float, metavar="N", help="Delete runs that began more than N days ago; 0 keeps them all."
)
@click.option(
    "--retention-max-bytes",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="Then delete the oldest runs until the file is no larger; 0 for any size. Implies a vacuum.",
)
@click.option(
    "--classes", metavar="NAME=DAYS,…", help="Days for each retention class; TRACE_RETENTION_CLASSES by default."
)
@click.option("--vacuum", is_flag=True, help="Give the room back to the disk afterwards.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prune(
    file: Optional[str],
    db: Optional[str],
    retention_days: Optional[float],
    retention_max_bytes: Optional[int],
    classes: Optional[str],
    vacuum: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete old runs, with all their spans, from a database.

    Days and bytes are those of the configuration where they are not given (retention_days, 30 by default, and
    retention_max_bytes). Runs of a class that --classes names are kept as long as that says, whatever the days are.

    \b
    peekr prune --retention-days 30 --vacuum
    peekr prune --retention-days 30 --retention-max-bytes 200000000
    peekr prune --classes "short=7,default=30,long=365,pii=7" --dry-run
    """
    from peekr import get_config, open_store
    from peekr.retention import Policy, upkeep_of
    from peekr_cli.progress import Bar

    config = get_config()
    max_bytes = config.retention_max_bytes if retention_max_bytes is None else retention_max_bytes or None
    policy = Policy.of(retention_days, max_bytes, classes, config.retention_days)
    target = chosen_target(file, db, to_change=True)
    with open_store(target) as store, Bar("Deleting") as bar:
        found = upkeep_of(store).prune(policy, vacuum=vacuum, dry_run=dry_run, progress=bar.update)
    if as_json:
        click.echo(json.dumps(_record(target, found)))
    else:
        _say(target, found, policy)


def _record(target: str, found: Any) -> Any:
    return {
        "store": target,
        "deleted_runs": found.runs,
        "by_age": found.by_age,
        "by_size": found.by_size,
        "deleted_spans": found.spans,
        "deleted_ratings": found.ratings,
        "classes": found.classes,
        "size_before": found.size_before,
        "size_after": found.size_after,
        "vacuumed": found.vacuumed,
        "dry_run": found.dry_run,
    }


def _say(target: str, found: Any, policy: Any) -> None:
    verb = "would be deleted" if found.dry_run else "deleted"
    click.echo(f"{neutral(target)}: {counted(found.runs, 'run')} {verb}, {counted(found.spans, 'span')}.")
    if found.by_age:
        classes = ", ".join(f"{neutral(name)} {count:,}" for name, count in found.classes.items())
        click.echo(f"  too old: {counted(found.by_age, 'run')} ({classes})")
    if found.by_size:
        click.echo(f"  for the sake of the size: {counted(found.by_size, 'run')}")
    if found.ratings:
        click.echo(f"  with {counted(found.ratings, 'rating')} of traces that are gone")
    about = "about " if found.dry_run else ""
    click.echo(f"  {bytes_text(found.size_before)} before, {about}{bytes_text(found.size_after)} now")
    if policy.max_bytes is not None and found.size_after > policy.max_bytes:
        click.echo(f"  still more than {bytes_text(policy.max_bytes)}: no run is left that may be deleted")
    elif found.runs and not found.vacuumed and not found.dry_run:
        click.echo("  The room is used again by new runs; --vacuum, or peekr vacuum, gives it back to the disk.")
