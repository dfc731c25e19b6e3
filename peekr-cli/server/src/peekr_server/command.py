"""``peekr server``: a trace store over HTTP."""

from __future__ import annotations

from typing import Any, Optional

import click

_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@click.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 by default, for this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 8000 by default, 0 for any free one.")
@click.option("--db", metavar="FILE", help="The database or .jsonl file to serve.")
@click.option("--log-level", type=click.Choice(_LEVELS, case_sensitive=False), help="INFO shows every request.")
@click.option("--log-file", metavar="FILE", type=click.Path(dir_okay=False), help="Write the log there as well.")
def server(
    host: Optional[str], port: Optional[int], db: Optional[str], log_level: Optional[str], log_file: Optional[str]
) -> None:
    """Serve traces as a live web page and a REST API.

    Other programs may send their spans to it (peekr.HTTPExporter). Without --db it is the configured database, else
    traces.db of this directory, else traces.jsonl. A file that is not there yet is served as soon as it is. Settings
    are those of TRACE_API_… and peekr.config.json.

    \b
    peekr server
    peekr server --db traces.jsonl --port 8080
    """
    from peekr_server.running import Addresses, greeting, run_server

    def greet(addresses: Addresses) -> Any:
        click.echo(greeting(addresses))

    run_server(host, port, db=db, log_level=log_level and log_level.upper(), log_file=log_file, on_start=greet)
