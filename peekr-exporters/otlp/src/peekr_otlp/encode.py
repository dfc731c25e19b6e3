"""Views of spans → the protobuf messages of OTLP, built directly, in place.

The official way, a ``ReadableSpan`` for each span and the SDK's encoder, makes objects and copies of every attribute
on the way; ``tests/bench/bench_otlp.py`` measures both. The messages are those of the official ``opentelemetry-proto``.
Adding to a message in place costs a quarter of making its parts first, as those are copied into it.
"""

from __future__ import annotations

import logging
from math import isfinite
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from peekr import __version__
from peekr.plain import clean_text
from peekr.spans import Span
from peekr_otlp.ids import is_standard, span_id_bytes, trace_id_bytes
from peekr_otlp.view import CLIENT_KINDS, Convention, View, given_attributes, is_texts, json_text, name_of

logger = logging.getLogger("peekr")

_INTERNAL = trace_pb2.Span.SPAN_KIND_INTERNAL
_CLIENT = trace_pb2.Span.SPAN_KIND_CLIENT
_OK = trace_pb2.Status.STATUS_CODE_OK
_ERROR = trace_pb2.Status.STATUS_CODE_ERROR
_INT64 = 1 << 63


class Encoder:
    """Makes an export request of spans.

    :param convention: what gives the attributes their names.
    :param resource: attributes of the program that the spans come from; each tenant has a resource of its own.
    :param schema_url: of the convention.
    :param content: whether inputs, outputs and messages may leave.
    """

    def __init__(
        self, convention: Convention, resource: Mapping[str, Any], schema_url: str = "", content: bool = True
    ) -> None:
        self._convention = convention
        self._resource = dict(resource)
        self._schema_url = schema_url
        self._content = content
        self._said = False

    def request(self, spans: Sequence[Span]) -> bytes:
        """Return an ``ExportTraceServiceRequest`` with the spans, serialised."""
        request = ExportTraceServiceRequest()
        tenants: Dict[Optional[str], Any] = {}
        for span in spans:
            tenant = span.scope.tenant_id
            if tenant not in tenants:
                tenants[tenant] = self._group(request, tenant)
            self._add(span, tenants[tenant])
        return bytes(request.SerializeToString())

    def _group(self, request: Any, tenant: Optional[str]) -> Any:
        """Add a tenant's resource; return the method that adds a span to it."""
        group = request.resource_spans.add()
        put(group.resource.attributes, self._resource)
        if tenant is not None:
            put(group.resource.attributes, {"peekr.tenant.id": tenant})
        scoped = group.scope_spans.add(schema_url=self._schema_url)
        scoped.scope.name, scoped.scope.version = "peekr", __version__
        return scoped.spans.add

    def _view(self, span: Span, given: Dict[str, Any]) -> View:
        try:
            return self._convention(span, given)
        except Exception as error:
            if not self._said:
                self._said = True
                logger.warning("a span is sent under peekr's own names: %r", error, exc_info=error)
            return _unconverted(span, self._content)

    def _add(self, span: Span, add: Any) -> None:
        given = given_attributes(span, self._content)
        kind = _CLIENT if given["kind"] in CLIENT_KINDS else _INTERNAL
        view = self._view(span, given)
        attributes = view.attributes
        if isinstance(span._id, str) and not is_standard(span._id, 8):
            attributes["peekr.span.id"] = span._id
        start, end = times_ns(span)
        message = add(
            trace_id=trace_id_bytes(span._trace),
            span_id=span_id_bytes(span._id),
            parent_span_id=span_id_bytes(span._parent),
            name=view.name,
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=end,
        )
        put(message.attributes, attributes)
        for name, about in view.events:
            put(message.events.add(name=name, time_unix_nano=end).attributes, about)
        if span.status == "error":
            message.status.code = _ERROR
            message.status.message = clean_text(str(attributes.get("error.message") or ""))
        else:
            message.status.code = _OK


def _unconverted(span: Span, content: bool) -> View:
    """A span under peekr's own names, for content of a shape that nobody thought of."""
    return View(name_of(span), given_attributes(span, content), [])


def times_ns(span: Span) -> Tuple[int, int]:
    """Return start and end in nanoseconds since 1970; the end is not before the start."""
    start = max(span._start_ns, 0)
    end = start + span._t1 - span._t0 if span._end_ns is None else span._end_ns
    return start, max(start, end)


def put(target: Any, attributes: Mapping[str, Any]) -> None:
    """Add attributes to a repeated field; those without a value, NaN and infinities are left out."""
    add = target.add
    for name, value in attributes.items():
        if value is not None and (type(value) is not float or isfinite(value)):
            pair = add()
            pair.key = name if name.isascii() else clean_text(name)
            put_value(pair.value, value)


def put_value(target: Any, value: Any) -> None:
    """Set a value: a list of texts as an array, other structures as JSON text."""
    kind = type(value)
    if kind is str:
        target.string_value = value if value.isascii() else clean_text(value)
    elif kind is bool:
        target.bool_value = value
    elif kind is int and -_INT64 <= value < _INT64:
        target.int_value = value
    elif kind is float:
        target.double_value = value
    elif is_texts(value):
        for item in value:
            put_value(target.array_value.values.add(), item)
    else:
        target.string_value = json_text(value)
