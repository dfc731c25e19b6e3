"""One POST, without redirections, and without its address in any error."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

import attrs

from peekr.errors import ConfigurationError

#: Seconds to connect, and between two bytes of the answer.
TIMEOUT_S = 5.0


class SendingFailed(Exception):
    """A notice was not taken; the message names the host only."""


@attrs.define(slots=True, frozen=True)
class Address:
    """Where to post.

    :ivar host: what may be shown of it.
    """

    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    host: str


def web_address(url: Any, headers: Optional[Mapping[str, str]] = None) -> Address:
    """Return the checked address.

    :raises ConfigurationError: if it is no address of the web, or a header no text. It does not show the address.
    """
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        host = None if parts is None or parts.scheme not in ("http", "https") else parts.hostname
    except ValueError:
        host = None
    if not host or any(c.isspace() for c in url):
        raise ConfigurationError("the URL of a sink must begin with http:// or https:// and name a host.")
    given = dict(headers or {})
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str) or set(name + value) & set("\r\n\0"):
            raise ConfigurationError(f"the header {name!r} of a sink must be one line of text.")
    return Address(url, given, host)


def post_json(address: Address, body: Any) -> None:
    """Post a body as JSON.

    :raises SendingFailed: if it was not taken.
    """
    data = json.dumps(body, default=str).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "peekr-alert", **address.headers}
    try:
        request = urllib.request.Request(address.url, data, headers, method="POST")
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        with error:
            raise SendingFailed(f"{address.host} answered {error.code}") from None
    except Exception as error:  # "from None" and no text of it: it may name the address
        reason = getattr(error, "reason", error)
        said = type(reason).__name__ if isinstance(reason, BaseException) else type(error).__name__
        raise SendingFailed(f"{address.host} could not be reached: {said}") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and would take the headers to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)
