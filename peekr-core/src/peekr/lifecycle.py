"""Switching tracing on and off: instrument, uninstrument, flush, shutdown, stats, and exporters by hand."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from time import monotonic
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from peekr import patching, propagation
from peekr.adapters import check_exporter, lane_for
from peekr.config import DEFAULT_STORAGE, Config, checked, path_text, storage_names
from peekr.context import untraced
from peekr.counts import PastCounts
from peekr.delivery import DEFAULT_QUEUE_SIZE, delivery
from peekr.errors import ConfigurationError, PluginNotFound
from peekr.exit import watch_exit
from peekr.judges import Judges
from peekr.lane import Lane
from peekr.lanes import build_lanes, close_lanes, exporter_name, name_apart
from peekr.participants import Participants
from peekr.pipeline import Pipeline
from peekr.sampling import Sampling
from peekr.scope import Scope, root_scope
from peekr.settings import settings
from peekr.tracer import hooks, started

logger = logging.getLogger("peekr")

#: Seconds at exit for judgements that are still to come, while answers keep coming (IFACE-12).
JUDGING_S = 30.0


class _State:
    """What is switched on in this process. Changed under ``lock``."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.config: Optional[Config] = None
        self.own_lanes: List[Lane] = []
        self.user_lanes: List[Lane] = []
        #: Of the last configuration, to be shown when tracing is off.
        self.last_lanes: List[Lane] = []
        self.past = PastCounts()
        self.participants = Participants()
        self.judges = Judges()
        self.watching = False
        #: Whether trace.run() may start tracing by itself; not after uninstrument().
        self.may_start = True


_state = _State()


def instrument(
    *,
    console: bool = True,
    storage: Union[str, Sequence[str], None] = DEFAULT_STORAGE,
    jsonl_path: Optional[str] = "traces.jsonl",
    db_path: Optional[str] = "traces.db",
    tenant_id: Optional[str] = None,
    retention_class: Optional[str] = None,
    alerts: Optional[Sequence[Any]] = (),
    evaluators: Optional[Sequence[Any]] = (),
    guardrails: Optional[Sequence[Any]] = (),
    compliance: Optional[Sequence[str]] = (),
    exporter: Any = None,
    evaluate_filter: Any = None,
    async_eval: bool = True,
    sample_rate: Optional[float] = None,
    keep_errors: Optional[bool] = None,
    budget_alert: Any = None,
    capture_io: bool = True,
    redact: bool = True,
    plugins: Optional[Sequence[str]] = None,
    storage_options: Optional[Mapping[str, Mapping[str, Any]]] = None,
    queue_size: int = DEFAULT_QUEUE_SIZE,
    queue_full: str = "drop",
    shutdown_timeout: float = 3.0,
) -> None:
    """Switch tracing on: every LLM call, traced function and agent step from now on is recorded.

    Call it as often as you like: a later call replaces what an earlier one set up. SDKs may be imported before
    or after. Nothing is installed when an argument is wrong.

    :param console: print a line for each span.
    :param storage: ``"jsonl"``, ``"sqlite"``, ``"both"``, the name of an installed exporter plugin, or a list.
    :param jsonl_path: file of the ``jsonl`` storage; None switches it off.
    :param db_path: file of the ``sqlite`` storage; None switches it off.
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
    :param keep_errors: store failed spans of traces that are not sampled.
    :param capture_io: False records no input, output or payload anywhere.
    :param redact: False leaves secrets that are recognised by key or pattern where they are.
    :param plugins: names of the providers, processors and hooks to use; all installed ones by default.
    :param storage_options: further keyword arguments by exporter name.
    :param queue_size: spans that may wait for the worker; roots and errors may exceed it by a tenth.
    :param queue_full: ``"drop"`` new spans then and count them, or ``"block"`` the caller, 5 s at most.
    :param shutdown_timeout: seconds that all exporters together have at exit.
    :raises ConfigurationError: (a ValueError) if an argument cannot work.
    :raises PluginNotFound: (a ValueError) if a storage is not installed.
    """
    explicit = storage is not DEFAULT_STORAGE
    names = storage_names(storage, jsonl_path, db_path) if explicit or exporter is None else []
    config = checked(
        Config(
            console=console,
            storage=names,
            jsonl_path=path_text("jsonl_path", jsonl_path),
            db_path=path_text("db_path", db_path),
            tenant_id=tenant_id,
            retention_class=retention_class,
            exporter=exporter,
            capture_io=capture_io,
            sample_rate=1.0 if sample_rate is None else sample_rate,
            keep_errors=bool(keep_errors),
            plugins=plugins,
            storage_options={} if storage_options is None else storage_options,
            queue_size=queue_size,
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
        )
    )
    judges = Judges.of(config)
    with _state.lock:
        own = _lane_of_own(config.exporter)
        _switch(config, [*build_lanes(config, optional=not explicit), *own], judges)
        _state.participants.instrument(config)


def _lane_of_own(exporter: Any) -> List[Lane]:
    """Return the lane of ``exporter=``: the one it has already, if it is in use; none where add_exporter added it."""
    if exporter is None:
        return []
    check_exporter(exporter)
    if any(lane.exporter is exporter for lane in _state.user_lanes):
        return []
    in_use = [lane for lane in _state.own_lanes if lane.exporter is exporter and not lane.closed]
    return in_use or [lane_for(exporter_name(exporter), exporter)]


def _switch(config: Config, lanes: List[Lane], judges: Judges) -> None:
    """Put the new configuration in the place of the old one; what was emitted before goes the old way."""
    before = delivery.pipeline
    delivery.flush(monotonic() + config.shutdown_timeout, durable=bool(_state.user_lanes))
    _finish_judging(config.shutdown_timeout)
    old = [lane for lane in _state.own_lanes if lane not in lanes]
    _state.own_lanes, _state.config, _state.may_start = lanes, config, True
    sampling = Sampling(config.sample_rate, config.keep_errors)
    participants = _state.participants
    participants.load(config, judges.workers)
    name_apart([*lanes, *_state.user_lanes])
    pipeline = Pipeline(
        processors=participants.processors,
        lanes=[*lanes, *_state.user_lanes],
        sampling=sampling,
        trace_end=judges.trace_end(participants.trace_end_hooks),
        evaluation=judges.evaluation,
        whole_texts=judges.whole_texts,
        side_lanes=judges.lanes,
    )
    judges.switch_on()
    _state.judges = judges
    settings.capture_io = config.capture_io
    root_scope.value = config.root_scope()
    propagation.sampling.rate = config.sample_rate
    hooks.start = participants.start_hooks
    delivery.max_spans = config.queue_size
    delivery.block = config.queue_full == "block"
    delivery.open(pipeline, (*participants.end_hooks, *judges.end_hooks(participants.cleaning)))
    if before is not None:
        delivery.flush(monotonic() + config.shutdown_timeout, durable=False)  # a batch may be on its way the old way
        close_lanes([*old, *before.side_lanes], [], config.shutdown_timeout)
        _state.past.close(before.lanes, old)
        _state.past.sampled_out += before.sampled_out
    if not _state.watching:
        _state.watching = True
        watch_exit(shutdown)


def instrument_for_runs() -> None:
    """Write to the local database what ``trace.run`` records without any instrument() (AGENT-14)."""
    with _state.lock:
        if delivery.pipeline is None and _state.may_start:
            try:
                instrument(console=False, storage="sqlite", db_path=os.environ.get("TRACE_DB_PATH") or "traces.db")
            except PluginNotFound as error:
                _state.may_start = False
                logger.warning("runs are not stored: %s", error)


def add_exporter(exporter: Any) -> None:
    """Send every span to this exporter too, from now on and after later calls of :func:`peekr.instrument`.

    Works before instrument() and without it. The exporter is called from a thread of its own. One that is in use
    already is not added again.

    :param exporter: any object with ``export(span)`` or ``export_batch(spans)``.
    :raises ConfigurationError: if it has neither.
    """
    check_exporter(exporter)
    with _state.lock:
        if any(lane.exporter is exporter and not lane.closed for lane in (*_state.own_lanes, *_state.user_lanes)):
            return
        lane = lane_for(exporter_name(exporter), exporter)
        _state.user_lanes.append(lane)
        pipeline = delivery.pipeline
        if pipeline is None:
            _switch(checked(Config(console=False, storage=())), [], Judges())
        else:
            name_apart([*_state.own_lanes, *_state.user_lanes])
            delivery.flush(monotonic() + _timeout(), durable=False)
            pipeline.add_lane(lane)


def clear_exporters() -> None:
    """Take every exporter away, those of instrument() too, after writing what they were given."""
    with _state.lock:
        timeout = _timeout()
        delivery.flush(monotonic() + timeout, durable=False)
        lanes = [*_state.own_lanes, *_state.user_lanes]
        _state.own_lanes, _state.user_lanes = [], []
        if delivery.pipeline is not None:
            delivery.pipeline.lanes = ()
        close_lanes(lanes, [], timeout)
        _state.past.close(lanes, lanes)


def _timeout() -> float:
    return _state.config.shutdown_timeout if _state.config is not None else 3.0


def flush(timeout: float = 5.0) -> bool:
    """Wait until every span emitted so far is durable.

    :param timeout: seconds to wait at most.
    :return: whether everything was written; False too when an exporter failed to flush.
    """
    return delivery.flush(monotonic() + timeout)


def shutdown(timeout: Optional[float] = None) -> bool:
    """Write what is left, shut the exporters down and stop recording. Runs at interpreter exit by itself.

    Idempotent. :func:`peekr.instrument` starts anew.

    :param timeout: seconds for all exporters together; ``shutdown_timeout`` of instrument() by default. What is
        not written by then is counted as dropped and logged.
    :return: whether everything was written.
    """
    with _state.lock:
        return _stop(timeout, forget_exporters=True)


def _stop(timeout: Optional[float], forget_exporters: bool) -> bool:
    if delivery.pipeline is None:
        return True
    deadline = monotonic() + (_timeout() if timeout is None else timeout)
    streaming = sys.modules.get("peekr.streaming")
    if streaming is not None:
        streaming.end_open_streams()
    delivery.flush(deadline, durable=False)
    if timeout is None:  # the exporters' own time begins when the judges are done
        _finish_judging(JUDGING_S)
        deadline = monotonic() + _timeout()
    else:
        _finish_judging(timeout / 2)  # what is stored without scores needs the other half
    drained = delivery.flush(deadline, durable=False)
    if not drained:
        delivery.give_up()
    own, user = _state.own_lanes, _state.user_lanes
    shut, flushed = ([*own, *user], []) if forget_exporters else (own, user)
    shut = [*shut, *delivery.pipeline.side_lanes]
    closed = close_lanes(shut, flushed, max(deadline - monotonic(), 0))
    _state.past.close([*own, *user], [*own, *user])
    _state.past.sampled_out += delivery.pipeline.sampled_out
    delivery.close()
    hooks.start = ()
    root_scope.value = Scope()
    _state.last_lanes, _state.own_lanes = [*own, *user], []
    _state.user_lanes = [] if forget_exporters else [lane_for(lane.name, lane.exporter) for lane in user]
    return drained and closed


def _finish_judging(seconds: float) -> None:
    """Wait for scores while answers keep coming; then have the spans passed on without them."""
    evaluation = delivery.pipeline.evaluation if delivery.pipeline is not None else None
    if evaluation is not None and evaluation.waiting:
        if not evaluation.wait(seconds):
            evaluation.abandon()
        delivery.flush(monotonic() + 1.0, durable=False)


def uninstrument() -> None:
    """Put every patched method back and stop recording: the SDKs behave as if peekr had never been there.

    Exporters added by :func:`add_exporter` are kept for the next instrument().
    """
    with _state.lock:
        _state.participants.uninstrument()
        _stop(None, forget_exporters=False)
        _state.may_start = False


def stats() -> Dict[str, Any]:
    """Return counts of this process as plain data.

    ``spans``: started, ended, exported (by at least one exporter), sampled_out, dropped. ``queue``: of the
    worker. ``captures``: what could not be recorded of calls, by kind. ``exporters``: by name, exported, failed,
    dropped, waiting, last_error. ``plugins``: by name, the ledger of processors, hooks, guardrails, alerts and
    providers. ``evaluations``: pending spans, scores done, failed ones. Counts since the process (or its fork) began.
    """
    pipeline = delivery.pipeline
    lanes = _state.last_lanes if pipeline is None else pipeline.lanes
    past = _state.past
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
        "exporters": {lane.name: lane.stats() for lane in lanes},
        "plugins": {**_state.participants.stats(), **_state.judges.stats()},
        "captures": {"failed": {": ".join(kind): count for kind, count in patching.failures.items()}},
        "evaluations": _state.judges.counts(),
    }


def current_config() -> Optional[Config]:
    """Return the settings in force, or None before :func:`peekr.instrument`."""
    return _state.config


def _after_fork_in_child() -> None:
    _state.lock = threading.RLock()
    _state.past.reset()
    started.reset()
    untraced.spans = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(shutdown)
