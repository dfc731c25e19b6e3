"""The kit for tests of plugins and of programs that use peekr.

* :func:`record` — run a block traced, and look at its spans.
* :class:`MemoryExporter` — an exporter that keeps the spans.
* :func:`fixed` — ids and clocks that are the same in every run.
* :mod:`peekr.testing.scripted` — an HTTP API that answers from a script, for SDKs that take a client of httpx.
* :mod:`peekr.testing.conformance`, :mod:`peekr.testing.streams` — suites that a plugin's tests inherit; need pytest.
"""

from __future__ import annotations

from peekr.testing.fixed import FixedClock, fixed
from peekr.testing.memory import MemoryExporter, Recording, record

__all__ = ["FixedClock", "MemoryExporter", "Recording", "fixed", "record"]
