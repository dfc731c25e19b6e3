"""The JSON of a span as stores write it.

What a traced function leaves (its name, times, input and output) is most of what there is. That is put together from
pieces, of which some come again: a name, whom it was for, a short answer. It takes a third less than to write a struct
of the same fields, and half of what the dicts of :mod:`peekr.wire` take, from which all other spans are written. Both
give the same text to the letter.
"""

from __future__ import annotations

from binascii import hexlify
from typing import Any, List, Tuple

import msgspec

from peekr import wire
from peekr.capture import Snapshot, finish
from peekr.ids import RawId, format_span_id
from peekr.repeats import Repeats
from peekr.scope import Scope
from peekr.spans import Span

_encode = msgspec.json.Encoder().encode
_join = b"".join
_TOOL = "tool."
#: Names and snapshots as JSON.
_quoted = Repeats()
#: Of the scope seen last: itself, its fields of a record, and those of the attributes with what closes them.
_Shared = Tuple[Scope, bytes, bytes]


def line(span: Span) -> bytes:
    """Return the record of a span as JSON, on one line but for what a payload brings. Never raises."""
    if _is_of_function(span):
        try:
            return _line(span)
        except Exception:  # a lone surrogate
            pass
    return wire.encode(wire.record(span))


def attributes_row(span: Span) -> Tuple[str, Any, Any, Any, Any]:
    """Return a span's attributes as JSON, and of them user_id, session_id, run_id and kind. Never raises."""
    if _is_of_function(span):
        scope, run = span.scope, format_span_id(span._run)
        pieces = [b'{"kind":"function","run_id":"', run.encode(), b'"']
        try:
            _add_attributes(pieces, span, _last if _last[0] is scope else _share(scope))
            return str(_join(pieces), "utf-8"), scope.user_id, scope.session_id, run, "function"
        except Exception:  # as above
            pass
    found = wire.record_attributes(span)
    text = str(wire.encode(found), "utf-8")
    return text, found.get("user_id"), found.get("session_id"), found["run_id"], found["kind"]


def _is_of_function(span: Span) -> bool:
    """Whether it is the span of a function that did not fail, with an id of ours and no other attributes."""
    if span._attributes or span._kind is not None or span._pending is not None or span._payload is not None:
        return False
    name = span.name
    if type(name) is not str or not name or name.startswith(_TOOL) or type(span._id) is not int:
        return False
    return span.status == "ok" and not span.scope.tags


def _line(span: Span) -> bytes:
    """As :func:`peekr.wire.record`, in the same order."""
    scope, parent, start, ended, shared = span.scope, span._parent, span._start_ns, span._t1, _last
    if shared[0] is not scope:
        shared = _share(scope)
    duration = ended - span._t0
    own = hexlify(span._id.to_bytes(8, "big"))  # type: ignore[union-attr]  # it is of ours
    pieces = [
        b'{"trace_id":"',
        _hex(span._trace, 16),
        b'","span_id":"',
        own,
        b'","parent_id":null,"name":' if parent is None else b'","parent_id":"%b","name":' % _hex(parent, 8),
        _quoted.known.get(span.name) or _quote(span.name),
        b',"start_time":',
        _encode(start / 10**9),
        b',"end_time":',
        _encode((start + duration if span._end_ns is None else span._end_ns) / 10**9) if ended else b"null",
        b',"duration_ms":',
        _encode(duration / 1e6) if ended else b"null",
        shared[1],
        own if span._run is span._id else _hex(span._run, 8),
        b'"',
    ]
    _add_attributes(pieces, span, shared)
    pieces.append(b"}")
    return _join(pieces)


def _add_attributes(pieces: List[bytes], span: Span, shared: _Shared) -> None:
    """Add what follows the run_id, as :func:`peekr.wire.record_attributes`, in the same order."""
    given, result, known = span._input, span._output, _quoted.known
    if given is not None:
        pieces += b',"input":', known.get(given) or _quote(given)
    if result is not None:
        pieces += b',"output":', known.get(result) or _quote(result)
    pieces.append(shared[2])


def _hex(value: RawId, size: int) -> bytes:
    """An id as it stands between quotes."""
    return hexlify(value.to_bytes(size, "big")) if type(value) is int else _encode(value)[1:-1]


def _quote(value: Snapshot) -> bytes:
    out = _encode(finish(value))
    _quoted.note([value], out)
    return out


def _share(scope: Scope) -> _Shared:
    """Put together what all spans of a scope have, and remember it. Any store's thread."""
    global _last
    _last = shared = (scope, *_fields_of(scope))
    return shared


def _fields_of(scope: Scope) -> Tuple[bytes, bytes]:
    who = {"user_id": scope.user_id, "session_id": scope.session_id}
    fields = {"status": "ok", "tenant_id": scope.tenant_id, "retention_class": scope.retention_class, **who}
    inside = {name: value for name, value in who.items() if value is not None}
    return b",%b," % _encode(fields)[1:-1] + b'"attributes":{"kind":"function","run_id":"', b",%b" % _encode(inside)[
        1:
    ] if inside else b"}"


_last: _Shared = (Scope(), b"", b"")
