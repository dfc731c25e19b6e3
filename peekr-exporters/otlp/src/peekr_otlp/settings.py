"""Where to send, and how: the arguments, else the ``OTEL_*`` environment as the official exporters read it.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional
from urllib.parse import urlsplit, urlunsplit

import attrs

from peekr import __version__
from peekr.errors import ConfigurationError

TRACES_PATH = "/v1/traces"
_HTTP, _GRPC = "http/protobuf", "grpc"
_DEFAULTS = {_HTTP: "http://localhost:4318", _GRPC: "http://localhost:4317"}


@attrs.define(slots=True, frozen=True)
class Target:
    """A receiver.

    :ivar url: whole address of a request by HTTP; scheme, host and port for gRPC.
    :ivar headers: by lower-case name.
    :ivar timeout_s: of one request.
    :ivar certificate: file with the certificates of who may be trusted; the client's own are the other two.
    """

    protocol: str
    url: str
    headers: Mapping[str, str]
    timeout_s: float
    gzip: bool
    certificate: Optional[str] = None
    client_certificate: Optional[str] = None
    client_key: Optional[str] = None

    @property
    def shown(self) -> str:
        """The address without user, password and query, for messages."""
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"


def target_of(
    endpoint: Optional[str] = None,
    headers: Optional[Mapping[str, str]] = None,
    protocol: Optional[str] = None,
    timeout: Optional[float] = None,
    compression: Optional[str] = None,
) -> Target:
    """Return the receiver that arguments and environment name.

    :raises ConfigurationError: naming the setting that cannot work.
    """
    chosen = protocol or _env("PROTOCOL") or _HTTP
    if chosen not in _DEFAULTS:
        if protocol:
            raise ConfigurationError(f"protocol must be {_HTTP!r} or {_GRPC!r}, got {protocol!r}.")
        chosen = _HTTP  # "http/json" of the environment is for other programs
    packing = compression or _env("COMPRESSION") or "none"
    if packing not in ("none", "gzip"):
        raise ConfigurationError(f"compression must be 'none' or 'gzip', got {packing!r}.")
    return Target(
        protocol=chosen,
        url=_url(endpoint, chosen),
        headers=_headers(headers),
        timeout_s=_seconds(timeout),
        gzip=packing == "gzip",
        certificate=_env("CERTIFICATE"),
        client_certificate=_env("CLIENT_CERTIFICATE"),
        client_key=_env("CLIENT_KEY"),
    )


def _env(name: str) -> Optional[str]:
    return os.environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or None


def _url(endpoint: Optional[str], protocol: str) -> str:
    if endpoint is None:
        exact = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        if exact and protocol == _HTTP:
            return _checked(exact, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        endpoint = exact or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _DEFAULTS[protocol]
    if not isinstance(endpoint, str):
        raise ConfigurationError(f"endpoint must be a URL such as {_DEFAULTS[protocol]!r}, got {endpoint!r}.")
    if protocol == _GRPC:
        return _grpc_url(endpoint)
    address = urlsplit(_checked(endpoint, "endpoint"))
    path = address.path.rstrip("/")
    if not path.endswith(TRACES_PATH):
        path += TRACES_PATH
    return urlunsplit(address._replace(path=path))


def _grpc_url(endpoint: str) -> str:
    if "://" not in endpoint:
        insecure = (_env("INSECURE") or "").lower() == "true"
        endpoint = f"{'http' if insecure else 'https'}://{endpoint}"
    address = urlsplit(_checked(endpoint, "endpoint"))
    return f"{address.scheme}://{address.netloc}"


def _checked(endpoint: str, name: str) -> str:
    address = urlsplit(endpoint)
    try:
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{name} must be a URL such as {_DEFAULTS[_HTTP]!r}, got {endpoint!r}.\n"
            "Give scheme and host; /v1/traces is added where it is missing"
        )
    return endpoint


def _headers(given: Optional[Mapping[str, str]]) -> Dict[str, str]:
    from opentelemetry.util.re import parse_env_headers

    out: Dict[str, str] = dict(parse_env_headers(_env("HEADERS") or "", liberal=True))
    if given is not None and not isinstance(given, Mapping):
        raise ConfigurationError(f"headers must be a mapping of names to texts, got {type(given).__name__}.")
    for name, value in (given or {}).items():
        text = str(value)
        if not str(name) or any(character in f"{name}{text}" for character in "\r\n\0"):
            raise ConfigurationError(f"headers[{str(name)!r}] cannot be sent: it is empty or contains a line break.")
        out[str(name).lower()] = text
    return out


def _seconds(timeout: Optional[float]) -> float:
    value: Any = timeout if timeout is not None else _env("TIMEOUT") or 10.0
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"timeout must be a number of seconds above 0, got {value!r}.")
    return seconds


def resource_attributes(service_name: str, more: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    """Return what describes the program: ``service.name``, ``telemetry.*``, ``OTEL_RESOURCE_ATTRIBUTES``.

    ``OTEL_SERVICE_NAME`` counts where ``service_name`` is the default.

    :raises ConfigurationError: if the name is no text, or ``more`` no mapping.
    """
    from opentelemetry.sdk.resources import Resource

    if not isinstance(service_name, str) or not service_name:
        raise ConfigurationError(f"service_name must be text, got {service_name!r}.")
    if more is not None and not isinstance(more, Mapping):
        raise ConfigurationError(f"resource_attributes must be a mapping, got {more!r}.")
    given: Dict[str, Any] = {
        "telemetry.distro.name": "peekr",
        "telemetry.distro.version": __version__,
        **(more or {}),
    }
    if service_name != "peekr":
        given["service.name"] = service_name
    found = dict(Resource.create(given).attributes)
    if str(found.get("service.name", "")).startswith("unknown_service"):
        found["service.name"] = service_name
    return found
