"""One export request to the receiver, by HTTP or gRPC, and what became of it."""

from __future__ import annotations

import gzip
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Mapping, Optional, Protocol
from urllib.parse import urlsplit

import attrs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from peekr import __version__
from peekr.terminal import neutral
from peekr_otlp.settings import Target

#: What the protocol names as worth another try, and nothing else.
#: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
RETRYABLE_STATUS = frozenset((429, 502, 503, 504))
_CALL = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_RETRYABLE_CODES = frozenset(
    ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS", "RESOURCE_EXHAUSTED")
)
_USER_AGENT = f"peekr-otlp/{__version__}"
_MAX_SHOWN = 200


@attrs.define(slots=True, frozen=True)
class Reply:
    """What became of a request.

    :ivar error: why it was not taken, or, with ``rejected``, not in whole; None if it was.
    :ivar rejected: spans that a receiver which took the request did not keep.
    :ivar retryable: whether another try may help.
    :ivar retry_after_s: when, if the receiver said so.
    :ivar too_large: whether a smaller request may help.
    """

    error: Optional[str] = None
    rejected: int = 0
    retryable: bool = False
    retry_after_s: Optional[float] = None
    too_large: bool = False


class Transport(Protocol):
    """Sends requests; used by one thread at a time."""

    def send(self, request: bytes, timeout_s: float) -> Reply:
        """Send one request. Never raises because of the network."""

    def close(self) -> None:
        """Close connections."""


def transport_to(target: Target) -> Transport:
    """Return a transport with no connection yet.

    :raises ImportError: if gRPC is asked for and not installed.
    """
    return GrpcTransport(target) if target.protocol == "grpc" else HttpTransport(target)


class HttpTransport:
    """By HTTP, over connections that stay open, as the official exporter: a session of ``requests``."""

    def __init__(self, target: Target) -> None:
        import requests

        self._target = target
        self._failures = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
        self._other_failures = requests.RequestException
        session = self._session = requests.Session()
        session.headers.update({"User-Agent": _USER_AGENT, **target.headers, "Content-Type": "application/x-protobuf"})
        if target.gzip:
            session.headers["Content-Encoding"] = "gzip"
        if target.certificate:
            session.verify = target.certificate
        if target.client_certificate:
            own, key = target.client_certificate, target.client_key
            session.cert = (own, key) if key else own

    def send(self, request: bytes, timeout_s: float) -> Reply:
        """Post one request; a redirect is an error, as it would turn into a GET."""
        body = gzip.compress(request, 1) if self._target.gzip else request
        shown = self._target.shown
        try:
            response = self._session.post(self._target.url, data=body, timeout=timeout_s, allow_redirects=False)
        except self._failures as error:
            return Reply(f"{shown} cannot be reached: {self._reason(error)}", retryable=True)
        except self._other_failures as error:
            return Reply(f"{shown} cannot be used: {self._reason(error)}")
        status = response.status_code
        if 200 <= status < 300:
            return _partial(response.content)
        said = _short(response.content[:2000].decode("utf-8", "replace"))
        return Reply(
            f"{shown} answered {status}: {said}",
            retryable=status in RETRYABLE_STATUS,
            retry_after_s=retry_after(response.headers),
            too_large=status == 413,
        )

    def _reason(self, error: Exception) -> str:
        """What went wrong, without the address: its query may hold a key."""
        inner = error.args[0] if error.args else error
        words = str(getattr(inner, "reason", None) or error)
        address = urlsplit(self._target.url)
        for secret in (address.query, address.password, address.username):
            words = words.replace(secret, "…") if secret else words
        return _short(words)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class GrpcTransport:
    """By gRPC, with the channel of ``grpcio``, which the extra ``grpc`` brings."""

    def __init__(self, target: Target) -> None:
        try:
            import grpc  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            from peekr.errors import PluginNotInstalled

            raise PluginNotInstalled("peekr.OTLPExporter(protocol='grpc')", "peekr-otlp[grpc]") from error
        self._target, self._grpc = target, grpc
        scheme, _, address = target.url.partition("://")
        packing = grpc.Compression.Gzip if target.gzip else grpc.Compression.NoCompression
        options = [("grpc.primary_user_agent", _USER_AGENT)]
        if scheme == "https":
            credentials = grpc.ssl_channel_credentials(
                _read(target.certificate), _read(target.client_key), _read(target.client_certificate)
            )
            self._channel = grpc.secure_channel(address, credentials, options, packing)
        else:
            self._channel = grpc.insecure_channel(address, options, packing)
        self._call = self._channel.unary_unary(_CALL, request_serializer=None, response_deserializer=None)

    def send(self, request: bytes, timeout_s: float) -> Reply:
        """Call ``TraceService.Export``."""
        target = self._target
        try:
            answer = self._call(request, timeout=timeout_s, metadata=tuple(target.headers.items()))
        except self._grpc.RpcError as error:
            return self._failed(error)
        return _partial(answer)

    def _failed(self, error: Any) -> Reply:
        code = error.code().name
        delay = _retry_info(error.trailing_metadata())
        too_large = code == "RESOURCE_EXHAUSTED" and "larger than max" in (error.details() or "")
        retryable = code in _RETRYABLE_CODES and (code != "RESOURCE_EXHAUSTED" or delay is not None)
        message = f"{self._target.shown} answered {code}: {_short(error.details())}"
        return Reply(message, retryable=retryable, retry_after_s=delay, too_large=too_large)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _read(path: Optional[str]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def _short(value: object) -> str:
    text = neutral(" ".join(str(value).split()))
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _partial(body: bytes) -> Reply:
    """Read the answer to a request that was taken, where it is one of the protocol."""
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except Exception:  # "ok" and the like, from receivers that are not strict
        return Reply()
    rejected = max(partial.rejected_spans, 0)
    if not rejected:
        return Reply()
    return Reply(f"the receiver rejected {rejected} spans: {_short(partial.error_message)}", rejected=rejected)


def retry_after(headers: Mapping[str, str]) -> Optional[float]:
    """Return the seconds of a ``Retry-After`` header, which holds a number or a date."""
    value = headers.get("Retry-After")
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time(), 0.0)
    except (TypeError, ValueError):
        return None


def _retry_info(metadata: Any) -> Optional[float]:
    """Return the seconds of gRPC's RetryInfo, or None."""
    found = dict(metadata or ()).get("google.rpc.retryinfo-bin")
    if found is None:
        return None
    from google.rpc.error_details_pb2 import RetryInfo

    delay = RetryInfo.FromString(found).retry_delay
    return float(delay.seconds + delay.nanos / 1e9)
