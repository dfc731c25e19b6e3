"""The one record of peekr: a span, that is a call, a step, a run, with its time, result and place in the tree."""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import Any, Callable, Dict, Mapping, Optional, Union

import attrs

from peekr.capture import Snapshot, cut, finish
from peekr.ids import RawId, format_span_id, format_trace_id, new_span_id, new_trace_id
from peekr.scope import Scope, root_scope

Attributes = Dict[str, Any]
#: Sees a span and its :attr:`Span._pending` before that is done; for :mod:`peekr.withheld`.
unresolved: Optional[Callable[[Span, Callable[[Span], None]], None]] = None


class Anchor:
    """A place in the tree that is not a span: a session, or the remote caller named by a ``traceparent``.

    It stands where a parent span would stand in the context. ``span`` is the innermost open span around it.
    """

    __slots__ = ("_id", "_run", "_trace", "scope", "span")

    def __init__(self, scope: Scope, parent: Union[Span, Anchor, None] = None) -> None:
        self.scope = scope
        self._trace: Optional[RawId] = parent._trace if parent is not None else None
        self._id: Optional[RawId] = parent._id if parent is not None else None
        self._run: Optional[RawId] = parent._run if parent is not None else None
        self.span: Optional[Span] = current_of(parent)


@attrs.define(slots=True, eq=False, init=False, repr=False, weakref_slot=True)
class Span:
    """One node of a trace.

    ``attributes`` is a plain dict of JSON values that may be changed while the span is open. ``status`` is
    ``"ok"`` or ``"error"``. Times are read as Unix seconds (:attr:`start_time`, :attr:`end_time`) and as
    milliseconds of a monotonic clock (:attr:`duration_ms`).

    Spans are made by :func:`peekr.trace`, :func:`peekr.span` and :func:`peekr.start_span`; the constructor is
    for them. It runs in the traced program's thread, so it does nothing that can wait: ids stay integers until
    they are read, and the attributes are made on first use.
    """

    name: str
    status: str
    scope: Scope
    _trace: RawId
    _id: RawId
    _parent: Optional[RawId]
    _run: RawId
    _kind: Optional[str]
    _start_ns: int
    _t0: int
    _t1: int
    _end_ns: Optional[int]
    _attributes: Optional[Attributes]
    _payload: Any
    _input: Optional[Snapshot]
    _output: Optional[Snapshot]
    _pending: Optional[Callable[[Span], None]]
    _size: int

    def __init__(self, name: str, parent: Union[Span, Anchor, None] = None, kind: Optional[str] = None) -> None:
        self.name = name
        self.status = "ok"
        self._start_ns = now = time_ns()
        self._id = own = new_span_id(now)
        if parent is None or parent._trace is None:
            self._trace = new_trace_id(now)
            self._parent = None
            self._run = own
            self.scope = root_scope.value if parent is None else parent.scope
        else:
            self._trace = parent._trace
            self._parent = parent._id
            self._run = own if parent._run is None else parent._run
            self.scope = parent.scope
        self._kind = kind
        self._attributes = self._payload = self._input = self._output = self._pending = self._end_ns = None
        self._size = self._t1 = 0
        self._t0 = perf_counter_ns()

    # -- identity ---------------------------------------------------------------------------------------------

    @property
    def trace_id(self) -> str:
        """32 lower-case hex digits (any text in records of other origin)."""
        if not isinstance(self._trace, str):
            self._trace = format_trace_id(self._trace)
        return self._trace

    @property
    def span_id(self) -> str:
        """16 lower-case hex digits (any text in records of other origin)."""
        return format_span_id(self._id)

    @property
    def parent_id(self) -> Optional[str]:
        """The ``span_id`` of the parent, or None for the root of a trace."""
        return None if self._parent is None else format_span_id(self._parent)

    @property
    def run_id(self) -> str:
        """``span_id`` of the nearest enclosing span of kind ``run``, else of the trace's first span here."""
        return format_span_id(self._run)

    @property
    def kind(self) -> str:
        """What the span stands for: ``llm``, ``tool``, ``run``, ``function``, …; ``attributes["kind"]`` wins."""
        own = self._attributes
        if own and own.get("kind"):
            return str(own["kind"])
        return self._kind or ("tool" if str(self.name).startswith("tool.") else "function")

    # -- time -------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the span has ended."""
        return self._t1 != 0

    @property
    def start_time(self) -> float:
        """Unix seconds."""
        return self._start_ns / 10**9

    @property
    def end_time(self) -> Optional[float]:
        """Unix seconds, or None while the span is open. The start plus the monotonic duration."""
        if not self._t1:
            return None
        return (self._start_ns + self._t1 - self._t0 if self._end_ns is None else self._end_ns) / 10**9

    @property
    def duration_ms(self) -> Optional[float]:
        """Milliseconds of a monotonic clock, or None while the span is open."""
        return (self._t1 - self._t0) / 1e6 if self._t1 else None

    # -- who --------------------------------------------------------------------------------------------------

    @property
    def tenant_id(self) -> Optional[str]:
        """The customer organisation."""
        return self.scope.tenant_id

    @property
    def retention_class(self) -> Optional[str]:
        """A free-form class for retention policies: ``default``, ``short``, ``long``, ``pii``."""
        return self.scope.retention_class

    @property
    def user_id(self) -> Optional[str]:
        """The end user."""
        return self.scope.user_id or (self._attributes or {}).get("user_id")

    @property
    def session_id(self) -> Optional[str]:
        """The conversation."""
        return self.scope.session_id or (self._attributes or {}).get("session_id")

    # -- content ----------------------------------------------------------------------------------------------

    @property
    def attributes(self) -> Attributes:
        """Small JSON values by name; a dict to read and to change."""
        if self._pending is not None or self._input is not None or self._output is not None:
            self.resolve()
        if self._attributes is None:
            self._attributes = {}
        return self._attributes

    @attributes.setter
    def attributes(self, value: Mapping[str, Any]) -> None:
        self._attributes = dict(value)

    @property
    def payload(self) -> Optional[Dict[str, Any]]:
        """The whole request and response of an LLM call or agent event, or None. Decoded on first reading."""
        if self._pending is not None:
            self.resolve()
        if isinstance(self._payload, bytes):
            from peekr.wire import decode

            self._payload = decode(self._payload)
        return self._payload  # type: ignore[no-any-return]

    @payload.setter
    def payload(self, value: Optional[Dict[str, Any]]) -> None:
        self._payload = value

    def resolve(self) -> None:
        """Do what capture put off: make attributes of snapshots and recorded responses. As a rule the worker does."""
        given, result = self._input, self._output
        if given is not None or result is not None:
            self._input = self._output = None
            attributes = self._attributes
            if attributes is None:
                attributes = self._attributes = {}
            if given is not None:
                attributes.setdefault("input", finish(given))
            if result is not None:
                attributes.setdefault("output", finish(result))
        if self._pending is not None:
            pending, self._pending = self._pending, None
            if unresolved is not None:
                unresolved(self, pending)
            pending(self)

    def record_error(self, error: BaseException) -> None:
        """Mark the span as failed with this exception: ``status``, ``error``, ``error_type``; a tool says why, too."""
        self.status = "error"
        attributes = self.attributes
        attributes["error"] = describe_error(error)
        attributes["error_type"] = type(error).__name__
        if self.kind == "tool":
            attributes.setdefault("error_reason", _reason_of_tool(error))

    # -- records ----------------------------------------------------------------------------------------------

    def to_dict(self) -> Dict[str, Any]:
        """Return the span as plain JSON-ready data, in the shape of ``peekr/span.schema.json``."""
        from peekr import wire

        return wire.to_dict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Span:
        """Build a span from a record; the inverse of :meth:`to_dict`. Takes old and foreign records too.

        :raises ValueError: if the record has no ``trace_id``, ``span_id`` or ``name``, or one of its values
            has a type that no reading of it allows.
        """
        from peekr import wire

        return wire.from_dict(record)

    def __repr__(self) -> str:
        state = f"{self.duration_ms:.1f}ms" if self.ended else "open"
        return f"<Span {self.name!r} {self.span_id} {self.status} {state}>"


#: What may stand in the context: a span, or the place of one.
Parent = Union[Span, Anchor, None]


def current_of(parent: Parent) -> Optional[Span]:
    """Return the innermost open span of a context value."""
    return parent if parent is None or isinstance(parent, Span) else parent.span


def describe_error(error: BaseException) -> str:
    """Return the message of an exception, cut, or its class name where it has none."""
    try:
        return cut(str(error)) or type(error).__name__
    except Exception:
        return type(error).__name__


def _reason_of_tool(error: BaseException) -> str:
    """Return the ``error_reason`` of a tool that raised: ``tool_error`` where the exception itself tells nothing."""
    try:
        from peekr.reasons import error_attributes

        reason = error_attributes(error)["error_reason"]
    except Exception:  # an exception whose attributes raise
        return "tool_error"
    return "tool_error" if reason == "other" else str(reason)
