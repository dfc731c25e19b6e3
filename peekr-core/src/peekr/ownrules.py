"""What a :class:`peekr.Trace` with a configuration, an exporter or a sampler of its own does differently."""

from __future__ import annotations

import logging
from typing import Any, Optional

from peekr import attaching, lifecycle, process
from peekr.adapters import check_exporter
from peekr.delivery import delivery
from peekr.errors import ConfigurationError, PluginNotFound
from peekr.globalconfig import get_config
from peekr.redaction import Redactor
from peekr.routes import Route
from peekr.samplers import build_sampler, decide
from peekr.sampling import Sampling
from peekr.spans import Span
from peekr.traceconfig import TraceConfig

logger = logging.getLogger("peekr")


def _begins(span: Span) -> bool:
    """Whether a span is the first of its trace, or of what a remote caller asked for."""
    remote = span.scope.remote
    return span._parent is None or (remote is not None and span.parent_id == remote.span_id)


def _head(config: Optional[TraceConfig]) -> Optional[Sampling]:
    return None if config is None else Sampling(config.sample_rate, only_on_error=config.only_on_error)


def apply_config(config: TraceConfig, span: Span) -> None:
    """Let the rules of ``trace.run(config=)`` decide about a trace that the run begins; spans go where they went."""
    if _begins(span):
        route = span.scope.route
        shared = Route(apart=False) if route is None else route
        span.scope = span.scope.with_values(route=Route(_head(config), apart=False, of=shared))


def check_config(config: Any) -> None:
    """Raise unless it is a TraceConfig or None.

    :raises ConfigurationError: showing what it is.
    """
    if config is not None and not isinstance(config, TraceConfig):
        raise ConfigurationError(f"config= takes a TraceConfig, got {config!r}.\nUse TraceConfig(...)")


def _redactor(config: Optional[TraceConfig]) -> Optional[Redactor]:
    """Redaction of what the exporter gets, beside the default one, where the configuration asks for more."""
    if config is None or (config.where_set("redact_keys") is None and config.where_set("redact_patterns") is None):
        return None
    return Redactor(config.redact_keys, config.redact_patterns)


class OwnRules:
    """Belongs to one :class:`peekr.Trace`.

    :ivar route: says which spans go to the exporter of this trace.
    """

    def __init__(self, config: Optional[TraceConfig], exporter: Any, sampler: Any) -> None:
        check_config(config)
        if exporter is not None:
            check_exporter(exporter)
        self._config = config
        self._exporter = exporter
        self._sampler = build_sampler(sampler, config)
        self.route = Route(_head(config), exporter is not None, None if exporter is None else _redactor(config))
        self._failed = False

    @property
    def config(self) -> TraceConfig:
        """The configuration given, else the one in force."""
        return get_config() if self._config is None else self._config

    def start(self) -> None:
        """See to it that runs are stored: by the exporter, else by instrument()'s, else in the local database."""
        if self._exporter is None and self._config is not None:
            self.route.apart = not process.is_instrumented() or self._config.source_of("db_path") != "default"
        if not self.route.apart:
            if lifecycle.runs_need_start():
                lifecycle.instrument_for_runs()
            return
        try:
            attaching.open_route(self.route, self._make_exporter, self.config)
        except (ConfigurationError, PluginNotFound) as error:
            self._say(error)

    def _say(self, error: Exception) -> None:
        """The program goes on, whatever is wrong with the store."""
        if not self._failed:
            self._failed = True
            logger.warning("runs are not stored: %s", error)

    def _make_exporter(self) -> Any:
        if self._exporter is None:
            from peekr.storage import StorageExporter

            storage = StorageExporter(self._config)
            storage.initialize()
            return storage
        return self._exporter

    def apply(self, span: Span, config: Optional[TraceConfig] = None) -> None:
        """Give the span of a run, and thereby all inside, its route; ask the sampler if it begins a trace.

        :param config: of the run itself, for the sampler.
        """
        around = span.scope.route
        route = self.route
        if not _begins(span):  # the trace is decided about by the rules it began with
            if around is not None and (around is route or around.of is route):
                route = around
            else:
                route = Route(None if around is None else around.head, apart=False, of=route)
        span.scope = span.scope.with_values(route=route)
        if self._sampler is not None:
            decide(self._sampler, span, config or self.config)

    def close(self, timeout: float) -> bool:
        """Write what is left and shut the exporter down; the next run opens it again."""
        return attaching.close_route(self.route, timeout) if delivery.pipeline is not None else True
