"""What :class:`peekr_http.HTTPExporter` was asked for, checked while somebody can still answer."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, Optional, Union
from urllib.parse import SplitResult, urlsplit

import attrs

from peekr.errors import ConfigurationError

PATH = "/v1/spans"


def _number(low: float, whole: bool = False) -> Any:
    def check(_: Any, field: Any, value: Any) -> None:
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value < 1e15:
            noun = "a whole number" if whole else "a number"
            raise ConfigurationError(f"{field.name} must be {noun} of {low:g} or more, got {value!r}.")

    return check


def _gzip(_: Any, field: Any, value: Any) -> None:
    if value not in ("auto", True, False):
        raise ConfigurationError(f"{field.name} must be 'auto', True or False, got {value!r}.")


@attrs.frozen(kw_only=True)
class Options:
    """Settings other than the address and the key; times are seconds. See :class:`peekr_http.HTTPExporter`."""

    batch_size: int = attrs.field(default=100, validator=_number(1, whole=True))
    flush_interval_seconds: float = attrs.field(default=5.0, validator=_number(0))
    timeout_seconds: float = attrs.field(default=10.0, validator=_number(0.001))
    max_retries: int = attrs.field(default=4, validator=_number(0, whole=True))
    gzip: Union[str, bool] = attrs.field(default="auto", validator=_gzip)
    gzip_min_bytes: int = attrs.field(default=1024, validator=_number(0, whole=True))
    max_batch_bytes: int = attrs.field(default=4 * 1024 * 1024, validator=_number(1, whole=True))
    max_buffer_spans: int = attrs.field(default=50_000, validator=_number(1, whole=True))
    max_buffer_bytes: int = attrs.field(default=32 * 1024 * 1024, validator=_number(1, whole=True))
    spool: Optional[str] = None
    spool_max_bytes: int = attrs.field(default=1024**3, validator=_number(1, whole=True))


def checked_endpoint(endpoint: Any) -> str:
    """Return the address that spans are posted to.

    :raises ConfigurationError: if the endpoint is no http(s) URL, or has parts that do not belong there. A password
        in it is not repeated.
    """
    if not endpoint or not isinstance(endpoint, str):
        raise ConfigurationError(
            f"endpoint must be the address of a server, got {endpoint!r}.\n"
            "Give it as HTTPExporter(endpoint='https://traces.example.com', api_key=...)"
        )
    parts = _split(endpoint)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"endpoint={_shown(endpoint)!r} is no http or https URL.\nGive it as 'https://traces.example.com'"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"endpoint at {parts.hostname!r} has a password in it.\nGive the key as api_key=")
    if parts.query or parts.fragment:
        raise ConfigurationError(
            f"endpoint={_shown(endpoint)!r} has a query or fragment.\nGive the address only; {PATH} is added to it"
        )
    address = endpoint.strip().rstrip("/")
    return address if address.endswith(PATH) else address + PATH


def _split(endpoint: str) -> Optional[SplitResult]:
    text = endpoint.strip()
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts


def _shown(endpoint: str) -> str:
    """Return the endpoint without what may be a secret: user, password, query."""
    return re.sub(r"[?#].*", "?…", re.sub(r"//[^/?#]*@", "//…@", endpoint, flags=re.S), flags=re.S)


def checked_key(api_key: Any) -> str:
    """Return the key, fit for a header.

    :raises ConfigurationError: if there is none, or it cannot be sent; it is not repeated.
    """
    if not api_key or not isinstance(api_key, str) or not api_key.strip():
        raise ConfigurationError(
            "api_key is missing: the server would not know whose spans these are.\n"
            "Give it as HTTPExporter(endpoint=..., api_key='...')"
        )
    key = api_key.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigurationError(
            "api_key has spaces, line breaks or letters that a header cannot carry.\nCopy it again from the server"
        )
    return key


def is_unprotected(address: str) -> bool:
    """Whether the key would cross a network in the clear."""
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return True


def checked_folder(spool: Any) -> str:
    """Return the absolute path of the spool, made if it is not there, readable by its owner only.

    :raises ConfigurationError: if it cannot be made or written.
    """
    try:
        folder: str = os.path.abspath(os.fspath(spool))
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except (TypeError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"spool={spool!r} cannot be made a directory: {error}.\nGive a directory that this user may write to"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK | os.R_OK):
        raise ConfigurationError(
            f"spool={spool!r} cannot be written by this user.\nChange its permissions, or give another directory"
        )
    return folder
