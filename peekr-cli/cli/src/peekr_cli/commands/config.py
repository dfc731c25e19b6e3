"""``peekr config``: the settings in force, and the profile that stays."""

from __future__ import annotations

import json
from typing import Any, Optional

import click

PROFILES = click.Choice(["production", "development", "debug"], case_sensitive=False)


@click.command()
@click.option("--show", is_flag=True, help="Print every setting as JSON, secrets masked.")
@click.option("--profile", type=PROFILES, help="Use this profile from now on, in this directory.")
def config(show: bool, profile: Optional[str]) -> None:
    """Show the settings in force, or choose a profile.

    Settings come from TRACE_… variables, then the profile, then peekr.config.json (or the file that PEEKR_CONFIG
    names), then the defaults.

    \b
    peekr config
    peekr config --profile development
    """
    from peekr_cli.terminal import Screen

    screen = Screen.standard()
    if profile is not None:
        path = persist(profile=profile.lower())
        if not show:
            screen.line(f"Profile {profile.lower()} is in force from now on (written to {path}).")
    settings = current()
    if show:
        chosen = settings.profile.value if settings.profile is not None else None
        shown = {"profile": chosen, **settings.to_dict(mask_secrets=True)}
        screen.line(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        describe(screen, settings)
        screen.line("All settings: peekr config --show")


def current() -> Any:
    """Return the configuration of a program that is started here."""
    from peekr.globalconfig import get_config

    return get_config()


def persist(**values: Any) -> str:
    """Write settings into the configuration file, beside those that are there; return its path."""
    from peekr import configfile

    kept = configfile.read_config_file(must_exist=False)
    return configfile.write_config_file({**kept, **values})


def describe(screen: Any, settings: Any) -> None:
    """Print what matters most, a line each."""
    encryption = "on" if settings.encryption_enabled else "off"
    if not settings.encryption_enabled and settings.profile is not None and settings.profile.value == "production":
        encryption += " (no key; make one with: peekr init --profile production)"
    level = f"on, level {settings.compression_level}" if settings.compression_enabled else "off"
    lines = {
        "profile": settings.profile.value if settings.profile is not None else "none",
        "database": settings.db_path,
        "sample rate": f"{settings.sample_rate:g}" + (", only traces with an error" if settings.only_on_error else ""),
        "compression": level,
        "encryption": encryption,
        "log level": settings.log_level,
        "server": f"http://{settings.api_host}:{settings.api_port}",
    }
    for name, value in lines.items():
        screen.line(f"  {name:<12} {value}")
