"""Which store a command means that was given none."""

from __future__ import annotations

import os
from typing import Any, Callable, Optional

import click

from peekr_cli.reading import default_target

_DB = "traces.db"


def store_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``[FILE]`` and ``--db FILE``, which mean the same; :func:`chosen_target` takes them."""
    argument = click.argument("file", required=False)
    option = click.option("--db", metavar="FILE", help="The same as FILE.")
    return argument(option(command))


def chosen_target(file: Optional[str], db: Optional[str] = None, to_change: bool = False) -> str:
    """Return the store that was asked for: else the configured database, else that of the working directory.

    :param to_change: whether a database is wanted, though it holds no span yet.
    """
    if file is not None and db is not None and file != db:
        raise click.UsageError("Give FILE or --db, not both.")
    given = file if file is not None else db
    if given is not None:
        return given
    configured = configured_database()
    if configured is not None:
        return configured
    return _DB if to_change and os.path.exists(_DB) else default_target()


def configured_database() -> Optional[str]:
    """Return the database that somebody configured, or None."""
    path = os.environ.get("TRACE_DB_PATH", "").strip()
    if path:
        return path
    from peekr import configfile

    if not os.path.exists(configfile.config_path()):  # as a rule: then there is no configuration to read
        return None
    from peekr import get_config

    found = get_config().where_set("db_path")
    return None if found is None or not os.path.exists(found) else str(found)


def bytes_text(count: float) -> str:
    """Return ``1.5 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError(unit)


def counted(count: int, one: str, many: Optional[str] = None) -> str:
    """Return ``1 run`` or ``2 runs``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
