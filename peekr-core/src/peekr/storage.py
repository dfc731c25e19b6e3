"""The local database as an exporter that takes everything: spans, and event dicts."""

from __future__ import annotations

import inspect
import logging
import threading
from typing import Any, Dict, Optional, Sequence

from peekr.errors import ConfigurationError
from peekr.globalconfig import get_config
from peekr.redaction import Redactor
from peekr.spans import Span
from peekr.traceconfig import TraceConfig

logger = logging.getLogger("peekr")

_SEALING = ("compression_enabled", "compression_level", "encryption_enabled", "encryption_key")


def open_database(config: TraceConfig) -> Any:
    """Return the exporter of the group ``peekr.exporters`` called ``sqlite``, set up as the configuration says.

    :raises PluginNotFound: if none is installed.
    :raises ConfigurationError: if its file cannot be written, or it cannot encrypt and should.
    """
    return _opened("sqlite", config.db_path, config)


def open_lines(path: str, config: TraceConfig) -> Any:
    """Return likewise the exporter called ``jsonl``, which writes to a file of lines."""
    return _opened("jsonl", path, config)


def _opened(name: str, path: str, config: TraceConfig) -> Any:
    from peekr.plugins import driver

    cls = driver("peekr.exporters", name, f"Install it with: pip install peekr-{name}")
    takes = inspect.signature(cls).parameters
    sealing: Dict[str, Any] = {name: getattr(config, name) for name in _SEALING if name in takes}
    if config.encryption_enabled and "encryption_enabled" not in sealing:
        raise ConfigurationError(
            f"the installed {cls.__name__} cannot encrypt, but encryption_enabled asks for it.\n"
            f"Install a newer one: pip install -U peekr-{name}"
        )
    return cls(path=path, **sealing)


class StorageExporter:
    """Writes to the SQLite database of a configuration: redacted, compressed and encrypted as that says.

    Takes spans as peekr hands them over, and event dicts (:mod:`peekr.events`) from anybody. :meth:`initialize` may
    be called again; :meth:`export_batch` does it by itself. May be used from several threads.

    :param config: that of :func:`peekr.get_config` by default.
    :raises ConfigurationError: from :meth:`initialize`, if the database cannot be written.
    :ivar skipped: events that could not be processed.
    """

    supports_update = True
    max_batch = 8192

    def __init__(self, config: Optional[TraceConfig] = None) -> None:
        if config is not None and not isinstance(config, TraceConfig):
            raise ConfigurationError(f"StorageExporter takes a TraceConfig, got {config!r}.\nOr leave it out")
        self.config = get_config() if config is None else config
        self.skipped = 0
        self._redactor = Redactor(self.config.redact_keys, self.config.redact_patterns)
        self._lock = threading.RLock()
        self._database: Any = None

    def initialize(self) -> None:
        """Open the database, unless it is open."""
        with self._lock:
            if self._database is None:
                self._database = open_database(self.config)

    def create(self) -> None:
        """Make the database file now rather than with the first span; one that is there keeps its data."""
        with self._lock:
            self.initialize()
            if callable(getattr(self._database, "query", None)):
                self._database.query("SELECT 1")

    def export_batch(self, events: Sequence[Any]) -> None:
        """Write a batch of events or spans; one that cannot be processed is logged, counted and left out."""
        with self._lock:
            self.initialize()
            spans = [span for span in map(self._span, events) if span is not None]
            self._redactor.process_batch(spans)
            self._database.export_batch(spans)

    def export_spans(self, batch: Sequence[Span]) -> int:
        """Write spans, among them runs that are still open; return how many were left out."""
        self.export_batch(batch)
        return 0

    def flush(self) -> None:
        """Make what was written durable."""
        with self._lock:
            if self._database is not None:
                self._database.flush()

    def shutdown(self) -> None:
        """Close the database; :meth:`initialize` opens it again."""
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            database.shutdown()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connection to the parent."""
        self._lock = threading.RLock()
        if self._database is not None:
            self._database.after_fork_in_child()

    def _span(self, event: Any) -> Optional[Span]:
        if isinstance(event, Span):
            return event
        from peekr.eventspans import span_of_event

        try:
            return span_of_event(event)
        except Exception as error:
            self.skipped += 1
            logger.warning("an event could not be processed and is not stored: %s", error)
            return None
