"""Who may ask, from where: the key, the Host header, foreign pages; and the headers of every answer."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any, Awaitable, Callable, Dict, FrozenSet, List, Mapping, MutableMapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from peekr.traceconfig import TraceConfig
from peekr_server.answers import Answer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_LOCAL_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
#: Of every answer, unless it says something else itself.
_HEADERS: Dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
}
#: Of pages: nothing from elsewhere, no inline script, in nobody's frame.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


# -- the key ----------------------------------------------------------------------------------------------------------


class Keys:
    """Checks the key of a request: that of ``X-API-Key``, or of ``Authorization: Bearer``.

    Reading asks for it where ``api_key_required`` says so, writing wherever there is a key (contract API-12, API-13).
    """

    def __init__(self, config: TraceConfig) -> None:
        self._key = (config.api_key or "").strip() or None
        self.required = config.api_key_required

    async def reader(self, request: Request) -> None:
        """Raise 401 without a key, 403 with a wrong one, if reading asks for one."""
        if self.required:
            self._check(request)

    async def writer(self, request: Request) -> None:
        """Raise likewise if there is a key."""
        if self._key is not None:
            self._check(request)

    def fits(self, given: str) -> bool:
        """Whether this is the key; takes as long for any wrong one."""
        return self._key is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self._key.encode())

    def _check(self, request: Request) -> None:
        given = key_of(request.headers)
        if given is None:
            raise HTTPException(401, "Missing API key: send it as X-API-Key", {"WWW-Authenticate": "Bearer"})
        if not self.fits(given):
            raise HTTPException(403, "Wrong API key")


def key_of(headers: Mapping[str, str]) -> Optional[str]:
    """Return the key that a request bears."""
    given = headers.get("x-api-key", "")
    if not given:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
    return given.encode("latin-1", "replace").decode("utf-8", "replace") or None  # ASGI has bytes there


# -- the Host header --------------------------------------------------------------------------------------------------


def is_loopback(host: str) -> bool:
    """Whether a server bound to this address can be reached from this machine only."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def allowed_hosts(bound: str) -> Optional[FrozenSet[str]]:
    """Return the names under which a server bound to an address may be asked; None: any."""
    return _LOCAL_NAMES | {bound.lower().strip("[]")} if is_loopback(bound) else None


def name_of(host: str) -> str:
    """Return a Host header without its port: ``[::1]:8000`` is ``::1``."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def is_allowed(host: str, allowed: Optional[FrozenSet[str]]) -> bool:
    """Whether a Host header names this server, rather than a page that had its own name point here (DNS rebinding)."""
    if allowed is None:
        return True
    name = name_of(host)
    return name in allowed or name.endswith(".localhost")


def is_foreign(origin: str, host: str, origins: Sequence[str]) -> bool:
    """Whether a page of another origin sent this; browsers say so with every request that is not a GET."""
    if "*" in origins or origin.rstrip("/") in origins:
        return False
    try:
        return urlsplit(origin).netloc.lower() != host.strip().lower()
    except ValueError:
        return True


class Gate:
    """ASGI middleware: turns foreign hosts and pages away, and puts the headers on every answer.

    :param hosts: what :func:`allowed_hosts` returns.
    :param origins: whose pages may write.
    """

    def __init__(self, app: App, hosts: Optional[FrozenSet[str]], origins: Sequence[str]) -> None:
        self._app, self._hosts, self._origins = app, hosts, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(list(message.get("headers", ())))
            await send(message)

        await (self._app if refusal is None else refusal)(scope, receive, sending)

    def _refusal(self, scope: Scope) -> Optional[App]:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not is_allowed(host, self._hosts):
            return Answer({"detail": "This server is for the machine it runs on: unknown Host header"}, 400)
        origin = headers.get(b"origin")
        if scope["method"] not in _SAFE and origin and is_foreign(origin, host, self._origins):
            return Answer({"detail": "Pages of another origin may not write here"}, 403)
        return None


def _completed(headers: List[Tuple[bytes, bytes]]) -> List[Tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    return headers + [(name, value) for name, value in _HEADERS.items() if name not in present]
