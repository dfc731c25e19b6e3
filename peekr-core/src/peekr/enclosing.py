"""Put one span around others afterwards: an SDK's call that turned out to make several calls of the model.

A single call of the model is one span. Only when a second one follows is a parent wanted, which began with the
first: that one is held back after its end (:func:`hold`), so that it can still be moved under the parent.
"""

from __future__ import annotations

from time import perf_counter_ns

from peekr.delivery import delivery, emit
from peekr.spans import Anchor, Span
from peekr.tracer import open_span


def hold(span: Span) -> None:
    """End a span without handing it to the exporters; :func:`release` does that later."""
    if not span._t1:
        span._t1 = perf_counter_ns()


def release(span: Span, *, finalizing: bool = False) -> None:
    """Hand a held span to the exporters. Once only.

    :param finalizing: called while an object is collected, so that no lock may be taken.
    """
    if finalizing:
        delivery.emit_from_finalizer(span)
    else:
        emit(span)


def enclose(span: Span, name: str, kind: str) -> Span:
    """Open a span in the place of another, and move that one under it.

    :param span: open or held, without children.
    :return: the new parent, which began when ``span`` did. It is open and not current.
    """
    place = Anchor(span.scope)
    place._trace, place._id = span._trace, span._parent
    place._run = None if span._run == span._id else span._run
    parent = open_span(name, place, kind)
    parent._start_ns, parent._t0 = span._start_ns, span._t0
    span._parent, span._run = parent._id, parent._run
    return parent
