"""Spans in memory, and a block of code traced into it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Sequence

import peekr
from peekr.spans import Span


class MemoryExporter:
    """Keeps every span that has ended, in end order; ``flush`` first to see them all."""

    def __init__(self) -> None:
        self.spans: List[Span] = []
        self.closed = False

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Keep the spans of a batch.

        :raises RuntimeError: after :meth:`shutdown`.
        """
        if self.closed:
            raise RuntimeError("this MemoryExporter has been shut down")
        self.spans.extend(span for span in spans if span.ended)

    def shutdown(self) -> None:
        """Refuse spans from now on; those kept stay."""
        self.closed = True


class Recording:
    """What :func:`record` gives: the spans so far, flushed on every look."""

    def __init__(self, exporter: MemoryExporter) -> None:
        self._exporter = exporter

    @property
    def spans(self) -> List[Span]:
        """All spans that have ended so far, in end order.

        :raises AssertionError: if they did not arrive within 10 seconds.
        """
        assert peekr.flush(10), f"spans did not arrive within 10 s: {peekr.stats()}"
        return list(self._exporter.spans)

    @property
    def records(self) -> List[Dict[str, Any]]:
        """The spans as plain dicts."""
        return [span.to_dict() for span in self.spans]

    def named(self, name: str) -> List[Span]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    @property
    def only(self) -> Span:
        """The one span there is.

        :raises AssertionError: if there are none or several.
        """
        spans = self.spans
        assert len(spans) == 1, f"expected one span, got {[span.name for span in spans]}"
        return spans[0]

    def clear(self) -> None:
        """Forget the spans so far."""
        assert peekr.flush(10), f"spans did not arrive within 10 s: {peekr.stats()}"
        self._exporter.spans.clear()


@contextmanager
def record(**settings: Any) -> Iterator[Recording]:
    """Trace a block into memory: ``with peekr.testing.record() as recording: ...; recording.spans``.

    :param settings: further arguments of :func:`peekr.instrument`, for instance ``plugins=["openai"]``. No file
        is written and nothing printed unless they say so. Tracing is off again afterwards, and every SDK as it
        was.
    """
    exporter = MemoryExporter()
    peekr.instrument(**{"console": False, "exporter": exporter, **settings})
    try:
        yield Recording(exporter)
    finally:
        peekr.uninstrument()
