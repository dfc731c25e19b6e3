"""Spans in a file, one JSON object a line: for ``grep``, ``tail -f`` and every tool that reads JSON lines.

::

    peekr.instrument(storage="jsonl", jsonl_path="traces.jsonl")

    with peekr.open_store("traces.jsonl") as store:
        for span in store.spans(kind="llm", newest_first=True, limit=10): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peekr_jsonl.exporter import JSONLExporter as JSONLExporter
    from peekr_jsonl.store import JSONLStore as JSONLStore

__all__ = ["JSONLExporter", "JSONLStore"]


def __getattr__(name: str) -> Any:
    """Load each on first use: a program that writes needs no reader."""
    if name == "JSONLExporter":
        from peekr_jsonl.exporter import JSONLExporter

        return JSONLExporter
    if name == "JSONLStore":
        from peekr_jsonl.store import JSONLStore

        return JSONLStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
