"""``peekr-mcp`` and ``peekr mcp``: a trace store for a model to read, over the Model Context Protocol."""

from __future__ import annotations

import sys
from typing import Optional

import click

from peekr.errors import PeekrError, PluginNotInstalled
from peekr.terminal import neutral

_NEEDED = (3, 10)
_INTERRUPTED = 130


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", required=False)
@click.option("--db", metavar="FILE", help="The database to read; the same as FILE.")
@click.option("--jsonl", metavar="FILE", help="The .jsonl file to read; the same as FILE.")
def mcp(file: Optional[str], db: Optional[str], jsonl: Optional[str]) -> None:
    """Let a model read the traces in FILE (an MCP server).

    It changes nothing. An MCP client starts it and talks to it on standard input and output; there is nothing to see in
    a terminal. FILE is a .jsonl file or an SQLite database, which may come into being later; without it, the configured
    database, else traces.db of this directory, else traces.jsonl. Needs Python 3.10.

    \b
    peekr mcp traces.db
    peekr-mcp --db traces.db
    peekr-mcp --jsonl traces.jsonl
    """
    given = {path for path in (file, db, jsonl) if path is not None}
    if len(given) > 1:
        raise click.UsageError("Give one of FILE, --db and --jsonl.")
    check_python()
    check_sdk()
    from peekr_mcp.server import serve
    from peekr_mcp.source import Source

    source = Source(next(iter(given), None))
    if sys.stdin.isatty():
        click.echo(
            f"Serving {neutral(source.target())} to an MCP client on standard input. Ctrl-C ends this.", err=True
        )
    serve(source)


def check_python() -> None:
    """Raise if this Python is too old for the SDK.

    :raises click.ClickException: one sentence that says so.
    """
    if sys.version_info < _NEEDED:
        raise click.ClickException(
            f"peekr-mcp needs Python 3.10 or newer, because the MCP SDK does; this is Python {sys.version.split()[0]}."
        )


def check_sdk() -> None:
    """Raise if the SDK is not there.

    :raises PluginNotInstalled: (a PeekrError) naming what to install.
    """
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise PluginNotInstalled("peekr-mcp", "mcp")


def main() -> None:
    """Run as the console script ``peekr-mcp``; user errors end as a sentence on stderr, exit code 1 or 2."""
    from peekr_cli.terminal import neutral_lines, show_warnings

    show_warnings()
    try:
        code = mcp.main(prog_name="peekr-mcp", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except PeekrError as error:
        click.echo(f"Error: {neutral_lines(str(error))}", err=True)
        code = 1
    except (click.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)
