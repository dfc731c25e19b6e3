"""``peekr import``: traces of other files into a store."""

from __future__ import annotations

import json
import os
from typing import Any, List, Optional, Tuple

import click

from peekr.terminal import neutral
from peekr_cli.targets import configured_database, counted

_BATCH = 1000


@click.command(name="import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--db", metavar="FILE", help="The database that is written to; the configured one, or traces.db.")
@click.option("--jsonl", metavar="FILE", help="Write to a file of lines instead.")
@click.option("--redact", is_flag=True, help="Redact what the configuration says, as tracing does.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(files: Tuple[str, ...], db: Optional[str], jsonl: Optional[str], redact: bool, as_json: bool) -> None:
    """Load traces into a database or a file.

    FILE is a .jsonl file, an SQLite database (of any version, peekr 0.9.3's too), a document that peekr export
    wrote, or a database of Agent Inspector. Doing it twice changes nothing: spans are known by their ids.

    \b
    peekr import traces.jsonl --db traces.db
    peekr import traces.db --jsonl traces.jsonl
    peekr import all.json
    """
    if db is not None and jsonl is not None:
        raise click.UsageError("Give --db or --jsonl, not both.")
    from peekr_cli.importing import Database, Lines
    from peekr_cli.sources import source_of

    target = jsonl if jsonl is not None else db if db is not None else configured_database() or "traces.db"
    _refuse_itself(files, target)
    sources = [source_of(file) for file in files]
    redactor = _redactor() if redact else None
    with Lines(target) if jsonl is not None else Database(target) as destination:
        read = sum(_load(source, destination, redactor) for source in sources)
    skipped = sum(source.skipped for source in sources)
    if as_json:
        record = {"store": target, "read": read, "added": destination.added, "known": destination.known}
        click.echo(json.dumps({**record, "ratings": destination.ratings, "skipped": skipped}))
        return
    said = f"{counted(read, 'span')} read, {destination.added:,} new in {neutral(target)}, {destination.known:,} known"
    if destination.ratings:
        said += f", {counted(destination.ratings, 'rating')}"
    click.echo(said + (f"; {counted(skipped, 'record')} left out that are no spans." if skipped else "."))
    if destination.left_out:
        ratings = counted(destination.left_out, "rating")
        click.echo(f"{ratings} left out: a file of lines holds none. Import into a database with --db.", err=True)


def _refuse_itself(files: Tuple[str, ...], target: str) -> None:
    for file in files:
        if os.path.exists(target) and os.path.exists(file) and os.path.samefile(file, target):
            raise click.ClickException(
                f"{neutral(file)} is what would be written to.\nName another store with --db or --jsonl."
            )


def _redactor() -> Any:
    from peekr import get_config
    from peekr.redaction import Redactor

    config = get_config()
    return Redactor(config.redact_keys, config.redact_patterns)


def _load(source: Any, destination: Any, redactor: Any) -> int:
    """Load a source; return how many spans it had."""
    from peekr_cli.progress import Bar

    read = 0
    batch: List[Any] = []
    ratings: List[Any] = []
    with Bar("Loading") as bar:
        for span, rated in source.items():
            ratings += rated
            if span is not None:
                if redactor is not None:
                    redactor.process(span)
                batch.append(span)
                read += 1
            if len(batch) >= _BATCH:
                destination.write(batch)
                batch = []
                bar.update(read)
        destination.write(batch)
        destination.rate(ratings)
    return read
