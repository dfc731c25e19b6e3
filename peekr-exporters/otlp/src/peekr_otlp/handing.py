"""Spans handed to a tracer of the program's own, so that they go where its other spans go."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from opentelemetry import trace as api
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from peekr.ids import RawId
from peekr.spans import Span
from peekr_otlp.encode import times_ns
from peekr_otlp.ids import span_id_bytes, trace_id_bytes
from peekr_otlp.openinference import openinference
from peekr_otlp.view import CLIENT_KINDS, View, given_attributes, is_texts, json_text

#: Spans between two flushes; the SDK's queue holds 2048.
_ROOM = 512


class TracerWay:
    """Gives finished spans to a tracer's span processor, ids and all; a tracer of no SDK makes spans of its own."""

    #: As that of an exporter.
    on_settled: Optional[Callable[..., None]] = None

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer
        self._processor: Any = None
        self._unflushed = 0

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Hand over the spans that have ended.

        :raises RuntimeError: if the tracer has no provider, so that they would be lost.
        """
        tracer = getattr(self._tracer, "_tracer", self._tracer)  # what stands behind the API's proxy by now
        if isinstance(tracer, api.NoOpTracer):
            raise RuntimeError("the tracer belongs to no tracer provider.\nSet one before spans end, or give endpoint=")
        self._processor = getattr(tracer, "span_processor", None)
        ended = [span for span in spans if span.ended]
        for span in ended:
            if self._processor is None:
                _start_and_end(tracer, span, _view_of(span))
            else:
                self._processor.on_end(finished(tracer, span, _view_of(span)))
                self._make_room()
        if self.on_settled is not None:
            self.on_settled(sent=len(ended))

    def _make_room(self) -> None:
        """The SDK's own queue drops what it has no room for, and says so to nobody."""
        self._unflushed += 1
        if self._unflushed >= _ROOM:
            self._unflushed = 0
            self._processor.force_flush()

    def flush(self) -> None:
        """Have the processor send what it holds."""
        if self._processor is not None and self._processor.force_flush() is False:
            raise RuntimeError("the tracer's span processor did not flush in time")

    shutdown = flush

    def hurry(self, deadline: float) -> None:
        """The tracer's provider has time limits of its own."""

    def after_fork_in_child(self) -> None:
        """The tracer's provider sees to itself."""


def finished(tracer: Any, span: Span, view: View) -> ReadableSpan:
    """Return a span as the SDK's own, ended, of a tracer's resource and scope."""
    start, end = times_ns(span)
    return ReadableSpan(
        name=view.name,
        context=_context(span._trace, span._id),
        parent=None if span._parent is None else _context(span._trace, span._parent),
        resource=tracer.resource,
        attributes=_values(view.attributes),
        events=_events(view, end),
        kind=_kind(span),
        instrumentation_scope=_scope_of(tracer),
        status=_status(span, view),
        start_time=start,
        end_time=end,
    )


def _start_and_end(tracer: Any, span: Span, view: View) -> None:
    start, end = times_ns(span)
    parent = None if span._parent is None else _context(span._trace, span._parent)
    around = None if parent is None else api.set_span_in_context(api.NonRecordingSpan(parent))
    attributes = {**_values(view.attributes), "peekr.trace.id": span.trace_id, "peekr.span.id": span.span_id}
    made = tracer.start_span(view.name, context=around, kind=_kind(span), attributes=attributes, start_time=start)
    for event in _events(view, end):
        made.add_event(event.name, event.attributes, event.timestamp)
    made.set_status(_status(span, view))
    made.end(end_time=end)


def _view_of(span: Span) -> View:
    return openinference(span, given_attributes(span, True))


def _context(trace: RawId, span: RawId) -> SpanContext:
    ids = int.from_bytes(trace_id_bytes(trace), "big"), int.from_bytes(span_id_bytes(span), "big")
    return SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _kind(span: Span) -> SpanKind:
    return SpanKind.CLIENT if span.kind in CLIENT_KINDS else SpanKind.INTERNAL


def _status(span: Span, view: View) -> Status:
    if span.status != "error":
        return Status(StatusCode.OK)
    message: Optional[Any] = view.attributes.get("error.message")
    return Status(StatusCode.ERROR, None if message is None else str(message))


def _scope_of(tracer: Any) -> Any:
    return getattr(tracer, "instrumentation_scope", None) or getattr(tracer, "_instrumentation_scope", None)


def _events(view: View, end: int) -> List[Event]:
    return [Event(name, _values(about), end) for name, about in view.events]


def _values(attributes: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what OpenTelemetry's API takes as values: scalars and lists of texts."""
    return {name: _value(value) for name, value in attributes.items() if value is not None}


def _value(value: Any) -> Any:
    plain = isinstance(value, (str, bool, int, float))
    return value if plain or is_texts(value) else json_text(value)
