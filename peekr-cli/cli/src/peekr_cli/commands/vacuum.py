"""``peekr vacuum``: make a database as small as what is in it."""

from __future__ import annotations

import json
from typing import Optional

import click

from peekr_cli.targets import bytes_text, chosen_target, store_argument


@click.command()
@store_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def vacuum(file: Optional[str], db: Optional[str], as_json: bool) -> None:
    """Give the room of deleted runs back to the disk.

    Needs about as much free room as the database takes; programs that write wait meanwhile.

    \b
    peekr vacuum traces.db
    """
    from peekr import open_store
    from peekr.retention import upkeep_of
    from peekr_cli.progress import Bar

    with open_store(chosen_target(file, db, to_change=True)) as store, Bar("Rewriting"):
        before = store.size_bytes()
        after = upkeep_of(store).vacuum()
    if as_json:
        click.echo(json.dumps({"size_before": before, "size_after": after}))
    else:
        click.echo(f"{bytes_text(before)} before, {bytes_text(after)} now.")
