"""Exporters beside those of instrument(): added by hand, or a Trace's own."""

from __future__ import annotations

from time import monotonic
from typing import Any, Callable

from peekr import logs
from peekr.adapters import check_exporter, lane_for
from peekr.config import Config, checked
from peekr.delivery import delivery
from peekr.globalconfig import get_config
from peekr.judges import Judges
from peekr.lane import Lane
from peekr.lanes import close_lanes, exporter_name, name_apart
from peekr.process import state, timeout_s
from peekr.routes import Route
from peekr.switching import stop, switch
from peekr.traceconfig import TraceConfig


def add_exporter(exporter: Any) -> None:
    """Send every span to this exporter too, from now on and after later calls of :func:`peekr.instrument`.

    Works before instrument() and without it. The exporter is called from a thread of its own. One that is in use
    already is not added again.

    :param exporter: any object with ``export(span)`` or ``export_batch(spans)``.
    :raises ConfigurationError: if it has neither.
    """
    check_exporter(exporter)
    with state.lock:
        if any(lane.exporter is exporter and not lane.closed for lane in (*state.own_lanes, *state.user_lanes)):
            return
        _add_lane(lane_for(exporter_name(exporter), exporter), get_config())


def _add_lane(lane: Lane, config: TraceConfig) -> None:
    pipeline = delivery.pipeline
    if pipeline is None:
        without_instrument = checked(_config_without_instrument(config))
        state.user_lanes.append(lane)
        switch(without_instrument, [], Judges())
    else:
        state.user_lanes.append(lane)
        name_apart([*state.own_lanes, *state.user_lanes])
        delivery.flush(monotonic() + timeout_s(), durable=False)
        pipeline.add_lane(lane)


def open_route(route: Route, exporter: Callable[[], Any], config: TraceConfig) -> None:
    """Give a route its exporter, unless it has one in use. Tracing is switched on for it if it is off."""
    if delivery.pipeline is not None and any(lane.route is route and not lane.closed for lane in state.user_lanes):
        return
    with state.lock:
        if delivery.pipeline is None or not any(lane.route is route and not lane.closed for lane in state.user_lanes):
            made = exporter()
            waiting = [lane for lane in state.user_lanes if lane.route is route and not lane.closed]
            lane = waiting[0] if waiting else lane_for(exporter_name(made), made, route)
            lane.batch_size = config.batch_size
            state.user_lanes = [other for other in state.user_lanes if other is not lane]
            _add_lane(lane, config)


def close_route(route: Route, timeout: float) -> bool:
    """Write what a route's exporter was given and shut it down; return whether all was written in time."""
    deadline = monotonic() + timeout
    with state.lock:
        drained = delivery.flush(deadline, durable=False)
        lanes = [lane for lane in state.user_lanes if lane.route is route]
        state.user_lanes = [lane for lane in state.user_lanes if lane.route is not route]
        for lane in lanes:
            if delivery.pipeline is not None:
                delivery.pipeline.remove_lane(lane)
        closed = close_lanes(lanes, [], max(deadline - monotonic(), 0))
        state.past.close(lanes, lanes)
        if not (state.instrumented or state.user_lanes or state.own_lanes):
            stop(max(deadline - monotonic(), 0.5), forget_exporters=True)  # tracing was on for this route only
        return drained and closed


def clear_exporters() -> None:
    """Take every exporter away, those of instrument() too, after writing what they were given."""
    with state.lock:
        timeout = timeout_s()
        delivery.flush(monotonic() + timeout, durable=False)
        lanes = [*state.own_lanes, *state.user_lanes]
        state.own_lanes, state.user_lanes = [], []
        if delivery.pipeline is not None:
            delivery.pipeline.lanes = ()
        close_lanes(lanes, [], timeout)
        state.past.close(lanes, lanes)


def _config_without_instrument(about: TraceConfig) -> Config:
    logs.configure(about)
    return Config(
        console=False,
        storage=(),
        sample_rate=about.sample_rate,
        only_on_error=about.only_on_error,
        queue_size=about.queue_size,
        trace_config=about,
    )
