"""``peekr backup``: a complete copy of a database that may be in use."""

from __future__ import annotations

import json
from typing import Optional

import click

from peekr.terminal import neutral
from peekr_cli.targets import bytes_text, chosen_target


@click.command()
@click.argument("path")
@click.option("--db", metavar="FILE", help="The database; the configured one, or traces.db, by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backup(path: str, db: Optional[str], as_json: bool) -> None:
    """Copy the database to PATH while programs write to it.

    The copy is complete and consistent: the database as it was at one moment. An older copy is replaced.

    \b
    peekr backup copy.db
    peekr backup /mnt/backup/monday.db --db traces.db
    """
    from peekr import open_store
    from peekr.retention import upkeep_of
    from peekr_cli.progress import Bar

    target = chosen_target(db, to_change=True)
    with open_store(target) as store, Bar("Copying") as bar:
        size = upkeep_of(store).backup(path, bar.update)
    if as_json:
        click.echo(json.dumps({"store": target, "path": path, "size_bytes": size}))
    else:
        click.echo(f"{neutral(target)} is copied to {neutral(path)}: {bytes_text(size)}.")
