"""Any exporter object as one function: a batch of spans in, the number refused out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence

from peekr.errors import ConfigurationError
from peekr.lane import Lane
from peekr.routes import Route
from peekr.spans import Span

if TYPE_CHECKING:
    from peekr.redaction import Redactor


def check_exporter(exporter: Any) -> None:
    """Raise unless the object can export.

    :raises ConfigurationError: if it has neither ``export_batch`` nor ``export``, the one it has is a coroutine
        function, or it is a class.
    """
    if isinstance(exporter, type):
        name = exporter.__name__
        raise ConfigurationError(f"exporter is the class {name}, not an object.\nGive it as {name}()")
    if not callable(getattr(exporter, "export_batch", None)) and not callable(getattr(exporter, "export", None)):
        raise ConfigurationError(
            f"exporter {exporter!r} has no method export(span) or export_batch(spans).\n"
            "Any object with one of them will do; see peekr.exporters"
        )
    for name in ("export_batch", "export"):
        if callable(getattr(exporter, name, None)):
            if inspect.iscoroutinefunction(getattr(exporter, name)):
                raise ConfigurationError(
                    f"exporter {exporter!r} has an async {name}(), which nobody would await.\n"
                    "Write it without async: it is called in a thread of its own, where it may block"
                )
            return


def lane_for(name: str, exporter: Any, route: Optional[Route] = None) -> Lane:
    """Return a lane that calls the exporter in the way it understands.

    :param route: of the :class:`peekr.Trace` whose exporter it is.
    """
    lane = Lane(name, exporter, lambda batch: 0)
    lane.route = route
    lane.export = export_function(exporter, lane.note_failure)
    if route is not None and route.redactor is not None:
        lane.export = _redacted(lane.export, route.redactor)
    return lane


def _redacted(export: Callable[[Sequence[Span]], int], redactor: Redactor) -> Callable[[Sequence[Span]], int]:
    def redact_and_export(batch: Sequence[Span]) -> int:
        redactor.process_batch(batch)
        return export(batch)

    return redact_and_export


def export_function(exporter: Any, failed: Callable[[Exception], object]) -> Callable[[Sequence[Span]], int]:
    """Return a function of a batch of spans that calls the exporter, and returns how many spans it refused.

    :param failed: called for each span that an exporter of the small form refuses.
    """
    if not callable(getattr(exporter, "export_batch", None)):
        return _one_by_one(exporter, failed)
    if callable(getattr(exporter, "export_spans", None)):  # takes both: a group of exporters of different forms
        return exporter.export_spans  # type: ignore[no-any-return]
    return _events(exporter) if callable(getattr(exporter, "initialize", None)) else _batches(exporter)


def _batches(exporter: Any) -> Callable[[Sequence[Span]], int]:
    """An open run goes only to those who can update it when it ends; to the others it would come twice."""
    takes_open = bool(getattr(exporter, "supports_update", False))

    def export(batch: Sequence[Span]) -> int:
        own = [span for span in batch if takes_open or span._t1]  # the batch is that of other lanes too
        if own:
            exporter.export_batch(own)
        return 0

    return export


def _one_by_one(exporter: Any, failed: Callable[[Exception], object]) -> Callable[[Sequence[Span]], int]:
    """Custom exporters get a span once, complete: an open run is left for its end."""

    def export(batch: Sequence[Span]) -> int:
        refused = 0
        for span in batch:
            if not span.ended:
                continue
            try:
                exporter.export(span)
            except Exception as error:
                refused += 1
                failed(error)
        return refused

    return export


def _events(exporter: Any) -> Callable[[Sequence[Span]], int]:
    """Agent Inspector's protocol: ``initialize()`` once, then event dicts."""
    ready: List[bool] = []

    def export(batch: Sequence[Span]) -> int:
        from peekr.events import events_of

        if not ready:
            exporter.initialize()
            ready.append(True)
        events = [event for span in batch for event in events_of(span)]
        if events:
            exporter.export_batch(events)
        return 0

    return export
