"""``peekr init``: a configuration file and a database to begin with."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

import click

from peekr_cli.commands.config import PROFILES, current, describe, persist

#: What a first configuration file says where no profile does.
_STARTER = ("sample_rate", "only_on_error", "db_path", "retention_days", "compression_enabled", "log_level")


@click.command()
@click.option("--profile", type=PROFILES, help="What the settings are made for.")
def init(profile: Optional[str]) -> None:
    """Make peekr.config.json and a database here.

    What is there is kept: settings that the file has, and all data. With --profile production a key is made beside
    the database, readable for this user only, and content is encrypted with it.

    \b
    peekr init
    peekr init --profile production
    """
    from peekr import configfile
    from peekr.plugins import driver
    from peekr.storage import StorageExporter
    from peekr_cli.terminal import Screen

    driver("peekr.exporters", "sqlite", "Install it with: pip install peekr-sqlite")  # before a file is written
    chosen = profile.lower() if profile is not None else None
    kept = configfile.read_config_file(must_exist=False)
    path = persist(**_first_settings(kept, chosen))
    made = _make_key(kept) if chosen == "production" else None
    settings = current()
    database = StorageExporter(settings)
    database.create()
    database.shutdown()

    screen = Screen.standard()
    screen.line(f"Configuration: {path}")
    if made is not None:
        screen.line(f"Key file:      {made} (keep a copy: what it encrypts cannot be read without it)")
    describe(screen, settings)
    screen.line("Look at what is recorded with: peekr view")


def _first_settings(kept: Dict[str, Any], profile: Optional[str]) -> Dict[str, Any]:
    from peekr.traceconfig import SETTINGS

    if profile is not None:
        return {"profile": profile}
    if kept:
        return {}
    return {name: SETTINGS[name]["default"] for name in _STARTER}


def _make_key(kept: Dict[str, Any]) -> Optional[str]:
    """Make the key file and name it in the configuration file, unless there is a key from elsewhere."""
    from peekr import configfile
    from peekr.traceconfig import TraceConfig

    if os.environ.get("TRACE_ENCRYPTION_KEY") or kept.get("encryption_key"):
        return None
    named = configfile.key_file(kept)
    # the profile of the file would complain that there is no key yet
    path = named or os.path.abspath(configfile.key_path_for(TraceConfig(profile="debug").db_path))
    configfile.make_key_file(path)
    folder = os.path.dirname(os.path.abspath(configfile.config_path()))
    shown = os.path.basename(path) if os.path.dirname(path) == folder else path
    persist(**{configfile.KEY_FILE: shown})
    return os.path.relpath(path) if named is None else path
