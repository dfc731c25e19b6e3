"""The JSON of a span as stores write it.

What a traced function leaves (its name, times, input and output) is most of what there is: msgspec writes that from
structs, in less time than the dicts of :mod:`peekr.wire` take. All other spans are written from those.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple, Union

import msgspec
from msgspec import UNSET, UnsetType

from peekr import wire
from peekr.capture import finish
from peekr.ids import format_span_id, format_trace_id
from peekr.spans import Span

_encode = msgspec.json.Encoder().encode
_TOOL = "tool."


class _Attributes(msgspec.Struct, gc=False):
    """As :func:`peekr.wire.record_attributes` returns them; what is UNSET is left out."""

    kind: str
    run_id: str
    input: Union[str, UnsetType]
    output: Union[str, UnsetType]
    user_id: Union[str, UnsetType]
    session_id: Union[str, UnsetType]


class _Record(msgspec.Struct, gc=False):
    """As :func:`peekr.wire.record` returns it, in the same order."""

    trace_id: str
    span_id: str
    parent_id: Optional[str]
    name: str
    start_time: float
    end_time: Optional[float]
    duration_ms: Optional[float]
    status: str
    tenant_id: Optional[str]
    retention_class: Optional[str]
    user_id: Optional[str]
    session_id: Optional[str]
    attributes: _Attributes


def line(span: Span) -> bytes:
    """Return the record of a span as JSON, on one line but for what a payload brings. Never raises."""
    attributes = _attributes(span)
    if attributes is not None:
        scope, parent, start, ended = span.scope, span._parent, span._start_ns, span._t1
        duration = ended - span._t0
        end = start + duration if span._end_ns is None else span._end_ns
        record = _Record(
            format_trace_id(span._trace),
            format_span_id(span._id),
            None if parent is None else format_span_id(parent),
            span.name,
            start / 10**9,
            end / 10**9 if ended else None,
            duration / 1e6 if ended else None,
            "ok",
            scope.tenant_id,
            scope.retention_class,
            scope.user_id,
            scope.session_id,
            attributes,
        )
        try:
            return _encode(record)
        except Exception:  # a lone surrogate
            pass
    return wire.encode(wire.record(span))


def attributes_row(span: Span) -> Tuple[str, Any, Any, Any, Any]:
    """Return a span's attributes as JSON, and of them user_id, session_id, run_id and kind. Never raises."""
    attributes = _attributes(span)
    if attributes is not None:
        try:
            text = str(_encode(attributes), "utf-8")
            return text, span.scope.user_id, span.scope.session_id, attributes.run_id, attributes.kind
        except Exception:  # as above
            pass
    found = wire.record_attributes(span)
    text = str(wire.encode(found), "utf-8")
    return text, found.get("user_id"), found.get("session_id"), found["run_id"], found["kind"]


def _attributes(span: Span) -> Optional[_Attributes]:
    """Return the attributes of a function that did not fail, None if a span has any others."""
    scope, name, given, result = span.scope, span.name, span._input, span._output
    if span._attributes or span._kind is not None or span._pending is not None or span._payload is not None:
        return None
    if scope.tags or span.status != "ok" or type(name) is not str or not name or name.startswith(_TOOL):
        return None
    return _Attributes(
        "function",
        format_span_id(span._run),
        UNSET if given is None else finish(given),
        UNSET if result is None else finish(result),
        UNSET if scope.user_id is None else scope.user_id,
        UNSET if scope.session_id is None else scope.session_id,
    )
