"""Running the server: the socket, the greeting, the end."""

from __future__ import annotations

import copy
import errno
import os
import socket
import sys
from typing import Any, Callable, Dict, Optional

import attrs

from peekr import logs
from peekr.errors import ConfigurationError
from peekr.globalconfig import get_config
from peekr.process import current_config
from peekr.terminal import neutral
from peekr.traceconfig import TraceConfig
from peekr_server.security import is_loopback
from peekr_server.source import Target

#: Seconds that requests in progress have when the server is stopped.
_GRACE_S = 3
_BACKLOG = 2048


@attrs.define(slots=True, frozen=True)
class Addresses:
    """Where a server that listens can be reached.

    :ivar ui: None if there is no page.
    :ivar target: the store.
    :ivar exposed: whether others can read without a key.
    """

    url: str
    ui: Optional[str]
    docs: str
    target: str
    exposed: bool


def run_server(
    host: Optional[str] = None,
    port: Optional[int] = None,
    *,
    db: Optional[Target] = None,
    config: Optional[TraceConfig] = None,
    log_level: Optional[str] = None,
    log_file: Optional[Target] = None,
    on_start: Optional[Callable[[Addresses], object]] = None,
) -> None:
    """Serve a trace store over HTTP until Ctrl-C or SIGTERM.

    ::

        peekr.run_server(port=8000)

    :param host: address to listen on; ``api_host`` of the configuration by default, 127.0.0.1.
    :param port: ``api_port`` by default, 8000; 0 takes any free one.
    :param db: a database or file of lines, which need not exist yet; see :func:`peekr_server.create_app`.
    :param config: of the server; :func:`peekr.get_config` by default.
    :param log_level: DEBUG, INFO, WARNING, ERROR or CRITICAL; INFO shows every request.
    :param log_file: a file that the log goes to as well.
    :param on_start: called with the addresses when the server listens; by default they are printed.
    :raises ConfigurationError: if an argument cannot work, or the port is taken.
    :raises StoreError: if the store is none.
    """
    settings = _settings(config, api_host=host, api_port=port, log_level=log_level, log_path=log_file)
    import uvicorn

    from peekr_server.app import create_app

    app = create_app(db, settings)
    with _listen(settings.api_host, settings.api_port) as listening:
        if current_config() is None:  # else the program's own instrument() has seen to it
            logs.configure(settings)
        server = uvicorn.Server(_uvicorn(app, settings))
        addresses = _addresses(listening, settings, app.state.peekr.source.target)
        (print_addresses if on_start is None else on_start)(addresses)
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn raises it again when it is done
            pass


def _settings(config: Optional[TraceConfig], **given: Any) -> TraceConfig:
    base = get_config() if config is None else config
    if not isinstance(base, TraceConfig):
        raise ConfigurationError(f"run_server() takes a TraceConfig, got {base!r}.\nUse TraceConfig.from_dict(...)")
    settings = copy.deepcopy(base)  # what is assigned is checked, and the rest remembers where it came from
    for name, value in given.items():
        if value is not None:
            setattr(settings, name, os.fspath(value) if isinstance(value, os.PathLike) else value)
    return settings


# -- the socket -------------------------------------------------------------------------------------------------------


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket: from now on connections wait, so that the greeting may be believed."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(f"{host!r} is no address of this machine: {error}.\nTry --host 127.0.0.1") from None
    listening = socket.socket(family, kind, protocol)
    try:
        if sys.platform == "win32":  # there SO_REUSEADDR would take the port away from its owner
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(_why_not(host, port, error)) from None
    return listening


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use by another program.\nStop that, or take another: --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} may not be used by this user.\nTake one above 1023: --port 8000"
    return f"the server cannot listen on {host}, port {port}: {error.strerror or error}.\nTry --host 127.0.0.1"


# -- what is said -----------------------------------------------------------------------------------------------------


def _addresses(listening: socket.socket, settings: TraceConfig, target: str) -> Addresses:
    host, port = settings.api_host.strip("[]"), listening.getsockname()[1]
    if host in ("", "0.0.0.0", "::"):
        host = "localhost"
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    ui = f"{url}{settings.ui_path.rstrip('/')}/" if settings.ui_enabled else None
    return Addresses(url, ui, f"{url}/docs", target, _is_exposed(settings))


def _is_exposed(settings: TraceConfig) -> bool:
    return not settings.api_key_required and not is_loopback(settings.api_host)


def print_addresses(addresses: Addresses) -> None:
    """Print them, and how to stop."""
    print(greeting(addresses), flush=True)


def greeting(addresses: Addresses) -> str:
    """Return the lines that are printed when the server listens."""
    state = "" if os.path.exists(addresses.target) else " (not written yet)"
    lines = [f"Peekr serves {neutral(addresses.target)}{state} at {addresses.url}"]
    if addresses.ui is not None:
        lines.append(f"  UI:    {addresses.ui}")
    lines += [f"  Docs:  {addresses.docs}", "  Stop with Ctrl-C."]
    if addresses.exposed:
        lines.append(
            "Warning: everybody who can reach this machine can read the traces.\n"
            "Set TRACE_API_KEY and TRACE_API_KEY_REQUIRED=true, or listen on 127.0.0.1"
        )
    return "\n".join(lines)


# -- uvicorn ----------------------------------------------------------------------------------------------------------


def _uvicorn(app: Any, settings: TraceConfig) -> Any:
    import uvicorn

    level = settings.where_set("log_level") or "WARNING"
    return uvicorn.Config(
        app,
        log_config=_logging(level, settings.log_path),
        access_log=level in ("DEBUG", "INFO"),
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )


def _logging(level: str, path: Optional[str]) -> Dict[str, Any]:
    """Return the settings of uvicorn's loggers; the rest of the program's logging stays as it is."""
    handlers: Dict[str, Any] = {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}}
    if path is not None:
        handlers["file"] = {"class": "logging.FileHandler", "filename": path, "encoding": "utf-8", "formatter": "line"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": handlers,
        "loggers": {"uvicorn": {"handlers": list(handlers), "level": level, "propagate": False}},
    }
