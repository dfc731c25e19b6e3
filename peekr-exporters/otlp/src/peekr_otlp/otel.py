"""The exporter with OpenInference's names, to a receiver or to a tracer that the program has already (OTLP-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence

from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr_otlp.exporter import OTLPExporter, needs_opentelemetry

if TYPE_CHECKING:
    from peekr.config import Config


class OTelExporter:
    """Sends spans with OpenInference attributes: ``llm.model_name``, ``input.value``, ``session.id`` and so on.

    :param tracer: an OpenTelemetry tracer of the program's own; spans then go its provider's way, with their ids
        where it is a tracer of the SDK. None sends by OTLP to ``endpoint``, beside all that the program has.
    :param endpoint: as for :class:`~peekr_otlp.OTLPExporter`; of no meaning with a tracer, as are the other two.
    :param headers: likewise.
    :param service_name: likewise.
    :param options: the others of :class:`~peekr_otlp.OTLPExporter`, without a tracer.
    :raises ConfigurationError: if an argument cannot work.
    :raises ImportError: if OpenTelemetry is not installed.
    """

    supports_update = False
    max_batch = OTLPExporter.max_batch
    on_settled: Optional[Callable[..., None]] = None

    def __init__(
        self,
        tracer: Any = None,
        endpoint: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        service_name: str = "peekr",
        **options: Any,
    ) -> None:
        needs_opentelemetry("peekr.OTelExporter")
        self._way: Any
        if tracer is None:
            options.setdefault("conventions", "openinference")
            self._way = OTLPExporter(endpoint, service_name, headers, **options)
        elif options:
            raise ConfigurationError(
                f"{', '.join(sorted(options))} cannot be given with a tracer: spans go its provider's way.\n"
                "Leave them out, or give endpoint= instead of tracer="
            )
        else:
            from peekr_otlp.handing import TracerWay

            self._way = TracerWay(tracer)

    @classmethod
    def from_config(cls, config: Config) -> OTelExporter:
        """Build the exporter that ``storage="otel"`` asks for."""
        return cls(**config.options("otel"))

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Pass the spans on that have ended.

        :raises ExportError: if a receiver did not take them.
        """
        self._way.on_settled = self.on_settled
        self._way.export_batch(spans)

    def export(self, span: Span) -> None:
        """Pass one span on."""
        self.export_batch([span])

    def flush(self) -> None:
        """Have the tracer's provider send what it holds."""
        self._way.flush()

    def hurry(self, deadline: float) -> None:
        """Be done by a moment of time.monotonic; called from another thread before the last call."""
        self._way.hurry(deadline)

    def shutdown(self) -> None:
        """Flush; a tracer that was given stays as it is, as it is not ours to shut down."""
        self._way.shutdown()

    def after_fork_in_child(self) -> None:
        """Connect anew."""
        self._way.after_fork_in_child()
