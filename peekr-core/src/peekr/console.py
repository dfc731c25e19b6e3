"""One line a span on standard output."""

from __future__ import annotations

import sys
from typing import Any, Optional, Sequence, TextIO

from peekr.spans import Span
from peekr.terminal import neutral

_MAX_ERROR = 120


def line(span: Span) -> str:
    """Return ``name [model]  12.3ms  45tok``, and the error if there is one."""
    attributes = span.attributes
    parts = [neutral(span.name)]
    if attributes.get("model"):
        parts[0] += f" [{neutral(str(attributes['model']))}]"
    parts.append(f"{span.duration_ms or 0.0:,.1f}ms")
    tokens = attributes.get("tokens_total")
    if isinstance(tokens, int) and tokens:
        parts.append(f"{tokens:,}tok")
    if span.status == "error":
        parts.append("error: " + neutral(str(attributes.get("error") or "failed"))[:_MAX_ERROR])
    return "  ".join(parts)


class ConsoleExporter:
    """Prints each span as it ends: name, model, duration, tokens, error.

    :param stream: where to; ``sys.stdout`` as it is at the time of printing by default.
    """

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = stream

    def export_batch(self, spans: Sequence[Span]) -> None:
        """Print the spans that have ended, one line each."""
        stream: Any = self._stream or sys.stdout
        if stream is None:  # pythonw
            return
        text = "".join(f"{line(span)}\n" for span in spans if span.ended)
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))

    def flush(self) -> None:
        """Flush the stream."""
        stream: Any = self._stream or sys.stdout
        if stream is not None:
            stream.flush()
