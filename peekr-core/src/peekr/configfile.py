"""``peekr.config.json``: settings that stay, and the key file that it may name."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping, Optional

from peekr.errors import ConfigurationError

NAME = "peekr.config.json"
#: Keys of the file beside the fields of TraceConfig.
PROFILE, KEY_FILE = "profile", "encryption_key_file"


def config_path() -> str:
    """Return where the file is or would be: ``PEEKR_CONFIG``, else in the working directory."""
    return os.environ.get("PEEKR_CONFIG") or NAME


def read_config_file(must_exist: bool = True) -> Dict[str, Any]:
    """Return what the file says, its keys not checked yet; nothing where there is no file.

    :param must_exist: whether a file that ``PEEKR_CONFIG`` names has to be there.
    :raises ConfigurationError: if it cannot be read, is no JSON object, or ``PEEKR_CONFIG`` names no file.
    """
    path = config_path()
    try:
        with open(path, encoding="utf-8-sig") as file:
            found = json.load(file)
    except FileNotFoundError:
        if must_exist and os.environ.get("PEEKR_CONFIG"):
            raise ConfigurationError(
                f"PEEKR_CONFIG names {path!r}, which does not exist.\nMake it with: peekr init"
            ) from None
        return {}
    except NotADirectoryError:
        return {}
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}.\nMake it readable, or name another in PEEKR_CONFIG"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is no JSON: {error}.\nCorrect it, or delete it and run: peekr init") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} must hold a JSON object, not {type(found).__name__}.\nRun: peekr init")
    return found


def write_config_file(values: Mapping[str, Any]) -> str:
    """Replace the file whole, or not at all; return its path.

    :raises OSError: if it cannot be written.
    """
    path = config_path()
    folder = os.path.dirname(os.path.abspath(path))
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=f".{NAME}.", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(dict(values), file, indent=2, ensure_ascii=False)
            file.write("\n")
        if "api_key" not in values and "encryption_key" not in values:
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def key_file(values: Mapping[str, Any]) -> Optional[str]:
    """Return the path of the key file that the configuration file names, which is relative to it."""
    named = values.get(KEY_FILE)
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise ConfigurationError(
            f"{KEY_FILE} in {config_path()} must be the path of a file, got {named!r}.\n"
            "Run: peekr init --profile production"
        )
    return os.path.join(os.path.dirname(os.path.abspath(config_path())), named)


def read_key(path: str) -> Optional[str]:
    """Return the key in a key file, or None if it cannot be read or is empty."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def make_key_file(path: str) -> bool:
    """Write a new random Fernet key to a file that only this user may read; keep one that is there.

    :return: whether it was made.
    :raises OSError: if it cannot be written.
    """
    import base64

    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file:
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), 0o600)  # whatever the umask
        file.write(base64.urlsafe_b64encode(os.urandom(32)) + b"\n")
    return True


def key_path_for(db_path: str) -> str:
    """Return where the key of a database lies: beside it."""
    return f"{db_path}.key"
