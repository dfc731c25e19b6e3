"""The exporter: spans by OTLP to any OpenTelemetry receiver."""

from __future__ import annotations

import logging
import math
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence, Set, Tuple

from peekr.errors import ConfigurationError, PluginNotInstalled
from peekr.spans import Span
from peekr_otlp.conventions import LATEST, TABLES
from peekr_otlp.genai import genai
from peekr_otlp.openinference import openinference
from peekr_otlp.view import Convention

if TYPE_CHECKING:
    from peekr.config import Config
    from peekr_otlp.joining import Joining
    from peekr_otlp.retrying import Outcome, Sender

logger = logging.getLogger("peekr")

#: Words of ``conventions=`` beside the versions of the GenAI table.
_GENAI, _OPENINFERENCE = "genai", "openinference"


class OTLPExporter:
    """Sends spans by OTLP, in batches, to a Collector or any other receiver (contract OTLP-1 to OTLP-4).

    Ids, parents, times and status are those of the span. The program's own OpenTelemetry set-up is neither used nor
    changed. Answers 429, 502, 503 and 504 and a broken network are tried again, at most ``max_attempts`` times and
    for ``retry_timeout`` seconds; what is not taken then is counted as failed in :func:`peekr.stats`.

    :param endpoint: URL of the receiver, with or without ``/v1/traces``; else ``OTEL_EXPORTER_OTLP_ENDPOINT``, else
        ``http://localhost:4318``.
    :param service_name: ``service.name`` of the resource; ``OTEL_SERVICE_NAME`` counts where it is left out.
    :param headers: of each request, beside those of ``OTEL_EXPORTER_OTLP_HEADERS``.
    :param protocol: ``"http/protobuf"`` or ``"grpc"``, for which ``peekr-otlp[grpc]`` is needed.
    :param conventions: names of attributes: ``"genai"``, a version of that (``"1.37.0"``), or ``"openinference"``.
    :param span_names: ``"peekr"`` keeps the spans' names, ``"genai"`` makes them ``chat gpt-4o`` and the like.
    :param resource_attributes: further attributes of the resource.
    :param capture_content: False keeps inputs, outputs and messages here.
    :param timeout: seconds for one request, 10 by default.
    :param compression: ``"gzip"`` or ``"none"``.
    :param join_active_trace: a root that starts inside a span of the program's own OpenTelemetry becomes its child;
        see :mod:`peekr_otlp.joining`. Ends with :meth:`shutdown`.
    :param max_attempts: to send one request.
    :param retry_timeout: seconds from the first attempt to the start of the last.
    :raises ConfigurationError: if an argument cannot work.
    :raises ImportError: if OpenTelemetry is not installed.
    """

    supports_update = False
    #: A request costs a round trip, whatever it holds.
    max_batch = 4096
    #: Set by the pipeline: counts exactly what became of the spans, as a batch may arrive in part.
    on_settled: Optional[Callable[..., None]] = None

    def __init__(
        self,
        endpoint: Optional[str] = None,
        service_name: str = "peekr",
        headers: Optional[Mapping[str, str]] = None,
        *,
        protocol: Optional[str] = None,
        conventions: str = _GENAI,
        span_names: str = "peekr",
        resource_attributes: Optional[Mapping[str, Any]] = None,
        capture_content: bool = True,
        timeout: Optional[float] = None,
        compression: Optional[str] = None,
        max_attempts: int = 6,
        retry_timeout: float = 60.0,
        join_active_trace: bool = False,
    ) -> None:
        convention, schema_url = convention_of(conventions, span_names)
        if isinstance(max_attempts, bool) or not isinstance(max_attempts, int) or max_attempts < 1:
            raise ConfigurationError(f"max_attempts must be a whole number of 1 or more, got {max_attempts!r}.")
        needs_opentelemetry("peekr.OTLPExporter")
        from peekr_otlp import settings
        from peekr_otlp.encode import Encoder

        self._target = settings.target_of(endpoint, headers, protocol, timeout, compression)
        resource = settings.resource_attributes(service_name, resource_attributes)
        self._encoder = Encoder(convention, resource, schema_url, bool(capture_content))
        self._bounds = (max_attempts, _seconds("retry_timeout", retry_timeout))
        self._sender = self._new_sender()
        self._lock = threading.Lock()
        self._closed = False
        self._said: Set[str] = set()
        self._joining: Optional[Joining] = None
        if join_active_trace:
            from peekr_otlp.joining import Joining

            self._joining = Joining()
            self._joining.start()

    @classmethod
    def from_config(cls, config: Config) -> OTLPExporter:
        """Build the exporter that :func:`peekr.instrument` asks for."""
        return cls(**config.options("otlp"))

    @property
    def endpoint(self) -> str:
        """Where requests go, without user and password."""
        return self._target.shown

    def _new_sender(self) -> Sender:
        from peekr_otlp.retrying import Sender
        from peekr_otlp.transport import transport_to

        return Sender(transport_to(self._target), self._encoder.request, self._target.timeout_s, *self._bounds)

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Send the spans that have ended; returns when the receiver has them, or they are lost and counted.

        :raises ExportError: outside of a pipeline, if spans are lost; ``lost`` says how many.
        """
        ended = [span for span in spans if span.ended]
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the exporter to {self.endpoint} was shut down; no more spans can be sent")
            outcome = self._sender.send(ended)
        if self.on_settled is not None:
            self.on_settled(sent=len(ended) - outcome.lost, failed=outcome.lost, error=outcome.error or None)
            if outcome.lost:
                self._tell(outcome)
        elif outcome.lost:
            raise ExportError(outcome.error, outcome.lost)

    def _tell(self, outcome: Outcome) -> None:
        """Log the first loss of each kind."""
        kind = outcome.error.partition(": ")[0].partition("rejected")[0]
        if kind not in self._said:
            self._said.add(kind)
            logger.warning(
                "%d spans are lost on their way by OTLP: %s. The program and other exporters go on; "
                'peekr.stats()["exporters"] counts further ones',
                outcome.lost,
                outcome.error,
            )

    def export(self, span: Span) -> None:
        """Send one span."""
        self.export_batch([span])

    def flush(self) -> None:
        """Nothing waits here: :meth:`export_batch` returns when the receiver has the spans."""
        self._sender.hurry(math.inf)

    def hurry(self, deadline: float) -> None:
        """Be done by a moment of time.monotonic; called from another thread before the last call."""
        self._sender.hurry(deadline)

    def shutdown(self) -> None:
        """Give up waiting for another attempt and close the connections; may be called twice."""
        if self._joining is not None:
            self._joining.stop()
        self._sender.hurry(monotonic())
        with self._lock:
            self._closed = True
            self._sender.transport.close()

    def after_fork_in_child(self) -> None:
        """Connect anew: the inherited connections are the parent's."""
        self._lock = threading.Lock()
        self._sender = self._new_sender()


class ExportError(RuntimeError):
    """Spans did not arrive.

    :ivar lost: how many of the batch.
    """

    def __init__(self, reason: str, lost: int) -> None:
        super().__init__(f"{lost} spans are lost: {reason}")
        self.lost = lost


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"{name} must be a number of seconds, 0 or more, got {value!r}.")
    return float(value)


def convention_of(conventions: Any, span_names: Any) -> Tuple[Convention, str]:
    """Return a convention and the URL of its schema.

    :raises ConfigurationError: if there is none of the name.
    """
    if span_names not in ("peekr", "genai"):
        raise ConfigurationError(f"span_names must be 'peekr' or 'genai', got {span_names!r}.")
    if conventions == _OPENINFERENCE:
        return openinference, ""
    table = TABLES.get(LATEST if conventions == _GENAI else conventions) if isinstance(conventions, str) else None
    if table is None:
        known = ", ".join(repr(name) for name in (_GENAI, *TABLES, _OPENINFERENCE))
        raise ConfigurationError(f"conventions must be one of {known}, got {conventions!r}.")
    return genai(table, span_names=span_names), table.schema_url


def needs_opentelemetry(what: str) -> None:
    """Raise unless OpenTelemetry can be imported.

    :raises PluginNotInstalled: an ImportError that names the extra.
    """
    try:
        import opentelemetry.proto.collector.trace.v1.trace_service_pb2
        import opentelemetry.sdk.resources  # noqa: F401
        import requests  # noqa: F401
    except ImportError as error:
        raise PluginNotInstalled(what, "peekr[otel]") from error
