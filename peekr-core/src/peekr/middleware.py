"""One span per HTTP request of an ASGI application: FastAPI, Starlette, or any other."""

from __future__ import annotations

import re
from contextvars import Token
from functools import lru_cache
from http import HTTPStatus
from typing import (
    Any,
    Awaitable,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    MutableMapping,
    Optional,
    Pattern,
    Tuple,
)

from peekr.context import current, restore
from peekr.propagation import extract
from peekr.scope import Scope, root_scope
from peekr.spans import Anchor, Parent, Span
from peekr.tracer import close_span, open_span

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

SKIP_PATHS = ("/healthz", "/health", "/metrics", "/ping")
#: A parameter of a route, as Starlette and FastAPI write it: ``{id}``, ``{id:int}``, ``{rest:path}``.
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


class PeekrASGIMiddleware:
    """Trace each HTTP request: ``app.add_middleware(peekr.FastAPIMiddleware)``.

    The span is the root of a trace, or continues the one that the request's ``traceparent`` names. It is called
    ``<METHOD> <route>``, is of kind ``http``, and carries ``endpoint`` (the route's template, such as
    ``/items/{id}``, or the path where none is known), ``http.method``, ``http.path``, ``http.status_code`` and the
    ``feature`` ``http_request``; an ``endpoint`` or ``feature`` that the program sets itself stays. It ends with the
    last byte of the response; a status of 500 or more, and an exception, make it an error. Query strings, headers
    and bodies are not recorded. WebSockets pass through untraced.

    :param app: the application.
    :param tenant_header: request header of the tenant, which every span inside takes over; None: not looked at. It is
        believed, so let a gateway set it.
    :param user_header: the same of the user.
    :param skip_paths: paths, compared as they are, of which nothing is recorded.
    :raises ValueError: if a parameter is none of that.
    """

    def __init__(
        self,
        app: ASGIApp,
        tenant_header: Optional[str] = "X-Tenant-Id",
        user_header: Optional[str] = "X-User-Id",
        skip_paths: Optional[Iterable[str]] = SKIP_PATHS,
    ) -> None:
        self.app = app
        self._headers = {
            _header("tenant_header", tenant_header): "tenant_id",
            _header("user_header", user_header): "user_id",
        }
        self._skipped = _paths(SKIP_PATHS if skip_paths is None else skip_paths)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI wants it."""
        if scope["type"] != "http" or scope.get("path") in self._skipped:
            await self.app(scope, receive, send)
            return
        headers = scope.get("headers") or ()
        with extract(headers):
            request = _Request(scope, self._who(headers))
            try:
                await self.app(scope, receive, request.sending(send))
            except BaseException as error:
                request.failed(error)
                raise
            finally:
                request.leave()

    def _who(self, headers: Iterable[Tuple[bytes, bytes]]) -> Dict[str, str]:
        """Return the fields of a :class:`~peekr.scope.Scope` that the request names."""
        found = {}
        for name, value in headers:
            field = self._headers.get(bytes(name).lower())
            text = _text(bytes(value)).strip() if field else ""
            if field and text:
                found[field] = text
        return found


#: The same under the name that FastAPI's users look for.
FastAPIMiddleware = PeekrASGIMiddleware


class _Request:
    """One request's span, current from the start to :meth:`leave`, and over with the last byte."""

    def __init__(self, scope: MutableMapping[str, Any], who: Mapping[str, str]) -> None:
        self._scope = scope
        self._method = str(scope.get("method", "?"))
        self._path = str(scope.get("path", ""))  # now: routers of old rewrite it
        self._status: Optional[int] = None
        self._name = f"{self._method} {self._path}"
        parent = current.get()
        if who:
            inherited: Scope = root_scope.value if parent is None else parent.scope
            parent = Anchor(inherited.with_values(**who), parent)
        self.span: Span = open_span(self._name, parent, "http")
        self._token: Token[Parent] = current.set(self.span)

    def sending(self, send: Send) -> Send:
        """Return the ``send`` that the application gets."""

        async def sending(message: Message) -> None:
            await send(message)
            kind, status = message.get("type"), message.get("status")
            if kind == "http.response.start" and isinstance(status, int):  # else the server has said so, or will
                self._status = status
            elif kind == "http.response.pathsend" or (
                kind == "http.response.body" and not message.get("more_body", False)
            ):
                self._end()

        return sending

    def failed(self, error: BaseException) -> None:
        """Note what the application raised; after the last byte it is no concern of the request any more."""
        if not self.span.ended:
            self.span.record_error(error)
            if self._status is None and isinstance(error, Exception):
                self._status = 500  # what the server answers in its place

    def leave(self) -> None:
        """The application is done with the request."""
        self._end()
        restore(self._token)

    def _end(self) -> None:
        if self.span.ended:
            return
        attributes = self.span.attributes
        try:
            route = route_of(self._scope, self._path)
        except Exception:  # a framework that leaves something else in the scope
            route = self._path
        if self.span.name == self._name:
            self.span.name = f"{self._method} {route}"
        attributes.setdefault("endpoint", route)
        attributes.setdefault("feature", "http_request")
        attributes.update({"http.method": self._method, "http.path": self._path})
        if self._status is not None:
            attributes["http.status_code"] = self._status
            if self._status >= 500:
                self.span.status = "error"
                attributes.setdefault("error", _phrase(self._status))
                attributes.setdefault("error_reason", "server_error")
        close_span(self.span)


def route_of(scope: Mapping[str, Any], path: str) -> str:
    """Return the template of the route that a request took, such as ``/items/{id}``, or its path.

    Frameworks leave the route in the ASGI scope, in part: without the prefix of the application or router that it is
    mounted in. What of the path comes before the route is that prefix, with its own parameters in it.
    """
    parameters = dict(scope.get("path_params") or {})
    template = getattr(scope.get("route"), "path", None)
    if not isinstance(template, str):
        return _with_names(path, parameters)
    pattern, names = _pattern(template)
    match = pattern.fullmatch(path)
    if match is None:  # the mount that was asked has no such route
        return path
    outer = {name: value for name, value in parameters.items() if name not in names}
    return _with_names(match[1], outer) + _PARAMETER.sub(r"{\1}", template)


@lru_cache(maxsize=1024)
def _pattern(template: str) -> Tuple[Pattern[str], List[str]]:
    """Return what matches a path that ends in this template, and the names of its parameters."""
    pieces, names, last = ["(.*?)"], [], 0
    for parameter in _PARAMETER.finditer(template):
        pieces += [re.escape(template[last : parameter.start()]), ".*" if parameter[2] == "path" else "[^/]+"]
        names.append(parameter[1])
        last = parameter.end()
    return re.compile("".join([*pieces, re.escape(template[last:])]), re.DOTALL), names


def _with_names(path: str, parameters: Mapping[str, Any]) -> str:
    """Put the names of parameters in the place of their values."""
    segments = path.split("/")
    for name, value in parameters.items():
        if value != "" and str(value) in segments:
            segments[segments.index(str(value))] = f"{{{name}}}"
    return "/".join(segments)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # a status of the application's own
        return str(status)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _header(parameter: str, name: Optional[str]) -> Optional[bytes]:
    if name is None:
        return None
    try:
        return name.lower().encode("latin-1")
    except (AttributeError, UnicodeEncodeError):
        raise ValueError(f"{parameter}={name!r} is no name of an HTTP header; None leaves it out") from None


def _paths(paths: Iterable[str]) -> FrozenSet[str]:
    if isinstance(paths, Iterable) and not isinstance(paths, str):
        found = list(paths)
        if all(isinstance(path, str) for path in found):
            return frozenset(found)
    raise ValueError(f"skip_paths={paths!r} is no list of paths; pass for instance {list(SKIP_PATHS)!r}")
