"""``peekr dashboard``: the report of a store as one HTML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional

import click

from peekr.terminal import neutral


@click.command()
@click.argument("store", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dashboard.html"),
    show_default=True,
    help="The file to write.",
)
@click.option("--open", "show", is_flag=True, help="Open it in the browser afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def dashboard(store: Optional[str], output: Path, show: bool, as_json: bool) -> None:
    """Write the report of STORE as one HTML file.

    The file needs no server and no network: it opens from disk. STORE is a .jsonl file or an SQLite database; without
    it, traces.db of this directory, else traces.jsonl.

    \b
    Example: peekr dashboard traces.db -o report.html
    """
    from peekr import open_store
    from peekr_cli.progress import Bar
    from peekr_cli.reading import default_target
    from peekr_dashboard.page import build

    target = store or default_target()
    _refuse_to_overwrite(target, output)
    with open_store(target) as opened, Bar("Reading spans") as bar:
        page = build(opened, progress=bar.update)
    _write(output, page.html)
    facts = {"output": str(output), "size_bytes": len(page.html), **page.facts}
    if as_json:
        import json

        click.echo(json.dumps(facts))
    else:
        _say(target, facts)
    if show:
        click.launch(output.resolve().as_uri())


def _refuse_to_overwrite(target: str, output: Path) -> None:
    """A slip of the hand must not replace the traces by their report."""
    if output.exists() and os.path.exists(target) and os.path.samefile(target, output):
        from peekr.errors import StoreError

        raise StoreError(f"{output} is the trace file itself.\nName another file with -o report.html")


def _write(output: Path, content: bytes) -> None:
    """Put the file in place at once: a browser that reloads never sees half of it."""
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, output)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = str(output)
        raise


def _say(target: str, facts: Any) -> None:
    size = facts["size_bytes"] / 1_000_000
    click.echo(
        f"{neutral(str(facts['output']))}: {_many(facts['calls'], 'LLM call')} of {_many(facts['spans'], 'span')} in"
        f" {neutral(target)}, {size:.1f} MB"
    )
    for note in facts["notes"]:
        click.echo(f"  {neutral(note)}")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)
