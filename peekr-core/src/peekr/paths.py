"""Checks on a file that an exporter will write, made where they can still be answered: inside instrument()."""

from __future__ import annotations

import os
from typing import Any

from peekr.errors import ConfigurationError


def writable_path(path: Any, option: str) -> str:
    """Return the absolute path of a file that can be written, as far as that can be told without making it.

    :param option: the argument it came from, for the message.
    :raises ConfigurationError: saying why not, and what to do.
    """
    try:
        given: str = os.fspath(path)
        target: str = os.path.abspath(given)
        is_directory = os.path.isdir(target)
        if not given or not isinstance(given, str) or "\0" in given:
            raise ValueError(given)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{option} must be the path of a file, got {path!r}.") from None
    if is_directory:
        inside = os.path.join(given, "traces")
        raise ConfigurationError(f"{option}={given!r} is a directory.\nGive a file in it, for instance {inside!r}")
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise ConfigurationError(
            f"{option}={given!r} cannot be written: there is no directory {folder!r}.\n"
            f"Create it with: mkdir -p {folder}"
        )
    _ask_the_system(target, f"{option}={given!r}")
    if not os.access(target if os.path.exists(target) else folder, os.W_OK):
        raise ConfigurationError(
            f"{option}={given!r} cannot be written by this user.\nChange the permissions, or give another path"
        )
    return target


def _ask_the_system(target: str, what: str) -> None:
    """Find out about names that no file can have, and links that lead nowhere."""
    try:
        os.stat(target)
    except FileNotFoundError:
        return
    except OSError as error:
        shown = what if len(what) <= 200 else f"{what[:200]}…"
        raise ConfigurationError(f"{shown} cannot be written: {error.strerror or error}.\nGive another path") from None
