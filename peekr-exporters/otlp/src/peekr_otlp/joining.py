"""Joining the program's own OpenTelemetry trace: a peekr root that starts inside an active span becomes its child.

Off unless an exporter is made with ``join_active_trace=True``. OpenTelemetry's context is read, through its public
API, and never written: its provider, propagators and current span stay the program's. The root then has that span's
trace id and sampling decision, and its ``span_id`` as ``parent_id``; everything below follows from the root. Without
an active span, or inside a trace that came with ``peekr.extract``, nothing changes.
"""

from __future__ import annotations

from opentelemetry.trace import get_current_span

from peekr.ids import format_span_id
from peekr.parts import Part
from peekr.scope import Remote
from peekr.spans import Span
from peekr.tracer import hooks


class Joining:
    """Looks for an active OpenTelemetry span whenever a root starts, from :meth:`start` to :meth:`stop`."""

    def __init__(self) -> None:
        self._hook = Part("otlp.join_active_trace", "peekr.hooks", under_active_span, "peekr-otlp")

    def start(self) -> None:
        """Begin; roots that have started already stay roots."""
        hooks.add(self._hook)

    def stop(self) -> None:
        """End; may be called twice."""
        hooks.remove(self._hook)


def under_active_span(span: Span) -> None:
    """Make a root the child of the active OpenTelemetry span, if there is one. In the traced program's thread."""
    if span._parent is not None:
        return
    active = get_current_span().get_span_context()
    if active.is_valid:
        span._trace, span._parent = active.trace_id, active.span_id
        caller = Remote(format_span_id(active.span_id))
        caller.open = False  # what belongs to it here ends with this span
        span.scope = span.scope.with_values(sampled=bool(active.trace_flags.sampled), remote=caller)
