"""Switching tracing on and off: instrument, uninstrument, flush, stats."""

from __future__ import annotations

import logging
from math import inf
from time import monotonic
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from peekr import logs, patching
from peekr.adapters import check_exporter, lane_for
from peekr.config import DEFAULT_DB_PATH, DEFAULT_STORAGE, Config, checked, path_text, storage_names
from peekr.context import untraced
from peekr.delivery import delivery
from peekr.errors import ConfigurationError, PluginNotFound
from peekr.globalconfig import get_config
from peekr.judges import Judges
from peekr.lane import Lane
from peekr.lanes import build_lanes, exporter_name
from peekr.logsecrets import log_secrets
from peekr.plugins import Choice
from peekr.process import current_config as current_config
from peekr.process import state
from peekr.samplers import build_sampler
from peekr.switching import shutdown as shutdown
from peekr.switching import stop, switch
from peekr.tracer import started

logger = logging.getLogger("peekr")


def instrument(
    *,
    console: bool = True,
    storage: Union[str, Sequence[str], None] = DEFAULT_STORAGE,
    jsonl_path: Optional[str] = "traces.jsonl",
    db_path: Optional[str] = DEFAULT_DB_PATH,
    tenant_id: Optional[str] = None,
    retention_class: Optional[str] = None,
    alerts: Optional[Sequence[Any]] = [],
    evaluators: Optional[Sequence[Any]] = [],
    guardrails: Optional[Sequence[Any]] = [],
    compliance: Optional[Sequence[str]] = [],
    exporter: Any = None,
    evaluate_filter: Any = None,
    async_eval: bool = True,
    sample_rate: Optional[float] = None,
    keep_errors: Optional[bool] = None,
    only_on_error: Optional[bool] = None,
    sampler: Any = None,
    budget_alert: Any = None,
    capture_io: bool = True,
    redact: bool = True,
    plugins: Optional[Sequence[str]] = None,
    storage_options: Optional[Mapping[str, Mapping[str, Any]]] = None,
    queue_size: Optional[int] = None,
    queue_full: str = "drop",
    synchronous: bool = False,
    shutdown_timeout: float = 3.0,
) -> None:
    """Switch tracing on: every LLM call, traced function and agent step from now on is recorded.

    Call it as often as you like: a later call replaces what an earlier one set up. SDKs may be imported before
    or after. Nothing is installed when an argument is wrong. What is left out comes from :func:`peekr.get_config`:
    environment, profile, configuration file, defaults.

    :param console: print a line for each span.
    :param storage: ``"jsonl"``, ``"sqlite"``, ``"both"``, the name of an installed exporter plugin, or a list.
    :param jsonl_path: file of the ``jsonl`` storage; None switches it off.
    :param db_path: file of the ``sqlite`` storage; None switches it off. Else ``TRACE_DB_PATH``.
    :param tenant_id: customer organisation of spans outside of any session; else ``PEEKR_TENANT_ID``.
    :param retention_class: likewise; else ``PEEKR_RETENTION_CLASS``.
    :param alerts: objects of ``peekr.alert``, asked about each complete trace, in a thread of their own.
    :param evaluators: objects of ``peekr.eval``; they score LLM spans beside the program.
    :param guardrails: objects of ``peekr.guard``; some stop calls with :class:`peekr.guard.GuardrailError`.
    :param compliance: names of rule packs that the server of an HTTPExporter holds.
    :param evaluate_filter: function of a span that tells whether it is judged; all LLM spans by default.
    :param async_eval: False judges in the caller's thread, before the call returns.
    :param budget_alert: a :class:`peekr.alert.BudgetAlert`; it stops LLM calls at its limit.
    :param exporter: an exporter object. Local files are then written only if ``storage`` is given too.
    :param sample_rate: share of traces to store, 0 to 1; decided once a trace, by its id. All by default.
    :param keep_errors: store traces that are not sampled, whole, if something in them fails.
    :param only_on_error: store no other traces than those in which something fails.
    :param sampler: an object with ``should_sample(run_id, run_name, config)`` that decides instead of the rate,
        or the name of an installed one.
    :param capture_io: False records no input, output or payload anywhere.
    :param redact: False leaves secrets that are recognised by key or pattern where they are.
    :param plugins: names of the providers, processors and hooks to use; all installed ones by default.
    :param storage_options: further keyword arguments by exporter name.
    :param queue_size: spans that may wait for the worker; roots and errors may exceed it by a tenth. 250,000.
    :param queue_full: ``"drop"`` new spans then and count them, or ``"block"`` the caller, 5 s at most.
    :param synchronous: for functions that are frozen when they return, as on AWS Lambda: the end of each root span
        waits, ``shutdown_timeout`` at most, until everything is durable.
    :param shutdown_timeout: seconds that all exporters together have at exit.
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    :raises PluginNotFound: (a ValueError) if a storage is not installed.
    """
    trace_config = get_config()
    explicit = storage is not DEFAULT_STORAGE
    names = storage_names(storage, jsonl_path, db_path) if explicit or exporter is None else []
    config = checked(
        Config(
            console=console,
            storage=names,
            jsonl_path=path_text("jsonl_path", jsonl_path),
            db_path=trace_config.db_path if db_path is DEFAULT_DB_PATH else path_text("db_path", db_path),
            tenant_id=tenant_id,
            retention_class=retention_class,
            exporter=exporter,
            capture_io=capture_io,
            sample_rate=trace_config.sample_rate if sample_rate is None else sample_rate,
            keep_errors=bool(keep_errors),
            only_on_error=trace_config.only_on_error if only_on_error is None else bool(only_on_error),
            sampler=build_sampler(sampler, trace_config),
            plugins=plugins,
            storage_options={} if storage_options is None else storage_options,
            queue_size=trace_config.queue_size if queue_size is None else queue_size,
            queue_full=queue_full,
            shutdown_timeout=shutdown_timeout,
            alerts=() if alerts is None else alerts,
            evaluators=() if evaluators is None else evaluators,
            guardrails=() if guardrails is None else guardrails,
            compliance=() if compliance is None else compliance,
            evaluate_filter=evaluate_filter,
            async_eval=async_eval,
            budget_alert=budget_alert,
            redact=redact,
            synchronous=synchronous,
            trace_config=trace_config,
        )
    )
    Choice.of(plugins).check(plugins)
    judges = Judges.of(config)
    logs.configure(trace_config)
    with state.lock:
        state.for_runs, state.outdated, state.instrumented = False, False, True
        own = _lane_of_own(config.exporter)
        switch(config, [*build_lanes(config, optional=not explicit), *own], judges)
        state.participants.instrument(config)


def _lane_of_own(exporter: Any) -> List[Lane]:
    """Return the lane of ``exporter=``: the one it has already, if it is in use; none where add_exporter added it."""
    if exporter is None:
        return []
    check_exporter(exporter)
    if any(lane.exporter is exporter for lane in state.user_lanes):
        return []
    in_use = [lane for lane in state.own_lanes if lane.exporter is exporter and not lane.closed]
    return in_use or [lane_for(exporter_name(exporter), exporter)]


def instrument_for_runs() -> None:
    """Write to the local database what ``trace.run`` records without any instrument() (AGENT-14)."""
    with state.lock:
        if runs_need_start() and state.may_start:
            try:
                instrument(console=False, storage="sqlite")
                state.for_runs, state.instrumented = True, False
            except (PluginNotFound, ConfigurationError) as error:
                state.may_start = False
                logger.warning("runs are not stored: %s", error)


def runs_need_start() -> bool:
    """Whether :func:`instrument_for_runs` has something to do."""
    pipeline = delivery.pipeline
    if pipeline is None:
        return True
    if state.instrumented or state.for_runs:
        return state.for_runs and state.outdated
    return bool(pipeline.lanes) and all(lane.route is not None for lane in pipeline.lanes)


def flush(timeout: Optional[float] = 5.0) -> bool:
    """Wait until every span emitted so far is durable.

    :param timeout: seconds to wait at most; None waits as long as it takes.
    :return: whether everything was written; False too when an exporter failed to flush.
    """
    return delivery.flush(inf if timeout is None else monotonic() + timeout)


def uninstrument() -> None:
    """Put every patched method back and stop recording: the SDKs behave as if peekr had never been there.

    Exporters added by :func:`add_exporter` are kept for the next instrument().
    """
    with state.lock:
        state.participants.uninstrument()
        stop(None, forget_exporters=False)
        state.may_start = False


def is_alive() -> bool:
    """Whether spans are taken and passed on: tracing is on, and its worker has not died."""
    return delivery.is_alive()


def stats() -> Dict[str, Any]:
    """Return counts of this process as plain data.

    ``spans``: started, ended, exported (by at least one exporter), sampled_out, dropped. ``queue``: of the
    worker. ``captures``: what could not be recorded of calls, by kind. ``exporters``: by name, exported, failed,
    dropped, waiting, last_error. ``plugins``: by name, the ledger of processors, hooks, guardrails, alerts and
    providers. ``evaluations``: pending spans, scores done, failed ones. Counts since the process (or its fork) began.
    """
    pipeline = delivery.pipeline
    lanes = state.last_lanes if pipeline is None else pipeline.lanes
    past = state.past
    queued = len(delivery.queue)
    return {
        "spans": {
            "started": started.value - untraced.spans,
            "ended": delivery.taken + queued + delivery.dropped - untraced.spans,
            "exported": past.exported_with(lanes),
            "sampled_out": past.sampled_out + (0 if pipeline is None else pipeline.sampled_out),
            "dropped": delivery.dropped + past.dropped_with(lanes),
        },
        "queue": {
            "events_queued": delivery.taken + queued,
            "events_dropped": delivery.dropped,
            "events_processed": delivery.taken,
            "queue_size": queued,
            "queue_maxsize": delivery.max_spans,
        },
        "exporters": log_secrets.without_secrets({lane.name: lane.stats() for lane in lanes}),
        "plugins": log_secrets.without_secrets({**state.participants.stats(), **state.judges.stats()}),
        "captures": {"failed": {": ".join(kind): count for kind, count in patching.failures.items()}},
        "evaluations": state.judges.counts(),
    }
