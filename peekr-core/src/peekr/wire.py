"""Span ↔ record ↔ JSON. A record is the dict that is one JSONL line; ``span.schema.json`` describes it."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Union

import msgspec

from peekr.capture import finish
from peekr.ids import RawId, format_span_id, format_trace_id
from peekr.plain import clean_text, key_of, plain, text_of
from peekr.scope import Scope
from peekr.spans import Span

#: Version of the record's shape; additive changes keep it.
SCHEMA_VERSION = 1

_encoder = msgspec.json.Encoder(enc_hook=plain)
decode = msgspec.json.decode
_NONE: Dict[str, Any] = {}
_TOOL = "tool."
#: Values and keys that the encoder writes as they are.
_SCALARS = frozenset((str, bool, type(None), int, float))
_KEYS = frozenset((str,))
_INT64 = 1 << 63
#: Times beyond this are no times, and do not fit into nanoseconds of 64 bits.
_MAX_TIME = 1e18
#: Attributes that are text in every record, whatever a program puts there.
_TEXTS = ("run_id", "user_id", "session_id")
#: Attributes of peekr's own that a program may set too.
_OURS = frozenset(("kind", *_TEXTS))


def decode_any(data: Union[str, bytes]) -> Any:
    """Return what a JSON document of any program says.

    Python's own json writes NaN and lone surrogates, which are no JSON and come back as None and U+FFFD; editors
    put a byte order mark before it.

    :raises ValueError: if it is no JSON even so.
    :raises RecursionError: if it is nested too deeply.
    """
    try:
        return decode(data)
    except msgspec.DecodeError:
        text = data if isinstance(data, str) else data.decode()
        return plain(json.loads(text.lstrip("\ufeff")))


def record_attributes(span: Span) -> Dict[str, Any]:
    """Return the attributes as stored: the span's own plus kind, run_id, user, session and the scope's tags.

    The common case, texts and numbers under texts, is told by a few C calls; what they leave to :func:`encode` are
    numbers that JSON cannot hold and lone surrogates.
    """
    scope = span.scope
    if span._attributes or span._pending is not None:
        own = span.attributes
        out: Dict[str, Any] = {"kind": span.kind, "run_id": format_span_id(span._run)}
        out.update(own)
    else:  # a traced function, nothing but its input and output; leaving the span as it is saves a dict
        own = _NONE
        out = {"kind": span._kind or span.kind, "run_id": format_span_id(span._run)}
        if span._input is not None:
            out["input"] = finish(span._input)
        if span._output is not None:
            out["output"] = finish(span._output)
    if out["kind"] == "tool" and span._t0 and type(span.name) is str and span.name.startswith(_TOOL):
        out.setdefault("tool_name", span.name[len(_TOOL) :])  # not of a span read from a record, which stays as it was
    if scope.tags:
        out = {**scope.tags, **out}
    if scope.user_id is not None:
        out.setdefault("user_id", scope.user_id)
    if scope.session_id is not None:
        out.setdefault("session_id", scope.session_id)
    if own and not (
        _SCALARS.issuperset(map(type, own.values())) and _KEYS.issuperset(map(type, own)) and _OURS.isdisjoint(own)
    ):
        _normalise(out, own, span)
    return out


def _normalise(out: Dict[Any, Any], own: Mapping[Any, Any], span: Span) -> None:
    if "kind" in own:
        out["kind"] = span.kind
    for name in [name for name, value in own.items() if type(value) not in _SCALARS or type(name) is not str]:
        _make_plain(out, name)
    for name in _TEXTS:
        if name in own:
            _make_plain(out, name)
    if out["run_id"] is None:
        out["run_id"] = span.run_id


def _make_plain(attributes: Dict[Any, Any], name: Any) -> None:
    """Replace an attribute that may not be JSON by what is."""
    value = attributes[name]
    if type(value) is not int or not -_INT64 <= value < _INT64 or name in _TEXTS:
        value = plain(value)
    if type(name) is not str:
        del attributes[name]
        name = key_of(name)
    attributes[name] = _text_or_none(value) if name in _TEXTS else value


def record(span: Span) -> Dict[str, Any]:
    """Return the span as a record whose values may still need :func:`encode`'s care (odd attribute types)."""
    attributes = record_attributes(span)
    scope = span.scope
    parent, start, ended = span._parent, span._start_ns, span._t1
    duration = ended - span._t0
    end = start + duration if span._end_ns is None else span._end_ns
    out = {
        "trace_id": format_trace_id(span._trace),
        "span_id": format_span_id(span._id),
        "parent_id": None if parent is None else format_span_id(parent),
        "name": (span.name if type(span.name) is str else text_of(span.name)) or "?",
        "start_time": start / 10**9,
        "end_time": end / 10**9 if ended else None,
        "duration_ms": duration / 1e6 if ended else None,
        "status": "error" if span.status == "error" else "ok",
        "tenant_id": scope.tenant_id,
        "retention_class": scope.retention_class,
        "user_id": attributes.get("user_id"),
        "session_id": attributes.get("session_id"),
        "attributes": attributes,
    }
    payload = span._payload
    if payload is not None:
        out["payload"] = msgspec.Raw(payload) if isinstance(payload, bytes) else payload
    return out


def encode(value: Any) -> bytes:
    """Return any value as JSON bytes; never raises. What JSON cannot hold is written as text, NaN as null."""
    try:
        return _encoder.encode(value)
    except Exception:  # lone surrogates, keys or integers JSON cannot hold, endless structures
        return _encoder.encode(plain(_without_raw(value)))


def _without_raw(value: Any) -> Any:
    """Raw payload bytes would be written as text by :func:`plain`: decode them first."""
    if isinstance(value, dict) and isinstance(value.get("payload"), msgspec.Raw):
        return {**value, "payload": decode(value["payload"])}
    return value


def to_dict(span: Span) -> Dict[str, Any]:
    """Return the record as plain data: exactly what :func:`decode` of its JSON line would give."""
    out = record(span)
    out["name"] = clean_text(out["name"])
    out["attributes"] = {  # what is no scalar has been made plain already
        clean_text(name): plain(value) if type(value) in _SCALARS else value
        for name, value in out["attributes"].items()
    }
    if "payload" in out:
        out["payload"] = plain(span.payload)
    return out


def from_dict(data: Mapping[str, Any]) -> Span:
    """Build a span from a record of this or an older version, or of another program."""
    if type(data) is not dict and not isinstance(data, Mapping):
        raise ValueError(f"a span record is a mapping, not {type(data).__name__}")
    for key in ("trace_id", "span_id", "name"):
        if not isinstance(data.get(key), str) or not data[key]:
            raise ValueError(f"a span record needs a text {key!r}, got {data.get(key)!r}")
    attributes = _attributes(data)
    start_ns, end_ns, duration_ns = _times(data)
    span = Span.__new__(Span)
    span.name = data["name"]
    span.status = "error" if data.get("status") == "error" else "ok"
    span._trace, span._id = data["trace_id"], data["span_id"]
    span._parent = _optional_text(data, "parent_id")
    span._run = _run_of(data, attributes)
    span._kind = _kind_of(data, attributes)
    span._attributes, span._payload = attributes, _payload(data)
    span._input = span._output = span._pending = None
    span._start_ns, span._end_ns, span._size = start_ns, end_ns, 0
    span._t0, span._t1 = 0, -1 if duration_ns is None else duration_ns
    if duration_ns is None:
        span._t1 = 0
    elif duration_ns == 0:  # zero means "open"; a clock cannot tell a nanosecond from none
        span._t1 = 1
    span.scope = Scope(
        tenant_id=_optional_text(data, "tenant_id"),
        retention_class=_optional_text(data, "retention_class"),
        user_id=_optional_text(data, "user_id") or _text_or_none(attributes.get("user_id")),
        session_id=_optional_text(data, "session_id") or _text_or_none(attributes.get("session_id")),
    )
    return span


def _attributes(data: Mapping[str, Any]) -> Dict[str, Any]:
    value = data.get("attributes")
    if isinstance(value, (str, bytes)):  # a column of a database
        try:
            value = decode_any(value) if value else None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"attributes of span {data['span_id']!r} is no JSON: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"attributes of span {data['span_id']!r} is no object: {type(value).__name__}")
    return value


def _payload(data: Mapping[str, Any]) -> Any:
    value = data.get("payload")
    return value.encode() if isinstance(value, str) and value[:1] == "{" else value


def _times(data: Mapping[str, Any]) -> Any:
    start = _number(data, "start_time") or 0.0
    end = _number(data, "end_time")
    duration = _number(data, "duration_ms")
    if duration is None and end is not None:
        duration = max(end - start, 0.0) * 1000
    if end is None and duration is not None and "end_time" not in data:
        end = start + duration / 1000
    if end is None:
        duration = None
    end_ns = None if end is None else _nanoseconds(end)
    return _nanoseconds(start), end_ns, None if duration is None else round(duration * 1e6)


def _nanoseconds(seconds: float) -> int:
    """Return the nanoseconds whose ``/ 10**9`` is exactly this number of seconds again."""
    whole = int(seconds)
    return whole * 10**9 + round((seconds - whole) * 1e9)


def _number(data: Mapping[str, Any], key: str) -> Optional[float]:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_MAX_TIME < value < _MAX_TIME:
        raise ValueError(f"{key} of span {data['span_id']!r} is no number of seconds or milliseconds: {value!r}")
    return float(value)


def _optional_text(data: Mapping[str, Any], key: str) -> Optional[str]:
    return _text_or_none(data.get(key))


def _text_or_none(value: Any) -> Optional[str]:
    return None if value is None or value == "" else str(value)


def _kind_of(data: Mapping[str, Any], attributes: Mapping[str, Any]) -> Optional[str]:
    """Old records name no kind: a model tells an LLM call."""
    if "kind" in attributes or "model" not in attributes:
        return _optional_text(data, "kind")
    return _optional_text(data, "kind") or ("embedding" if "embed" in data["name"] else "llm")


def _run_of(data: Mapping[str, Any], attributes: Mapping[str, Any]) -> RawId:
    """Old records name no run: then a root is its own, and a child's is unknown here, so its trace's parent stands."""
    return str(attributes.get("run_id") or data.get("run_id") or data.get("parent_id") or data["span_id"])
