"""Putting one configuration in the place of another, and an end to the last one."""

from __future__ import annotations

import atexit
import sys
from time import monotonic
from typing import List, Optional

from peekr import logs
from peekr.adapters import lane_for
from peekr.config import Config
from peekr.covering import secrecy
from peekr.delivery import delivery
from peekr.exit import watch_exit
from peekr.judges import Judges
from peekr.lane import Lane
from peekr.lanes import close_lanes, name_apart
from peekr.logsecrets import log_secrets
from peekr.pipeline import Pipeline
from peekr.process import state, timeout_s
from peekr.samplers import at_start
from peekr.sampling import Sampling, in_force
from peekr.scope import Scope, root_scope
from peekr.settings import settings
from peekr.tail import TailSampler
from peekr.tracer import hooks

#: Seconds at exit for judgements that are still to come, while answers keep coming (IFACE-12).
JUDGING_S = 30.0


def switch(config: Config, lanes: List[Lane], judges: Judges) -> None:
    """Put the new configuration in the place of the old one; what was emitted before goes the old way."""
    before = delivery.pipeline
    delivery.flush(monotonic() + config.shutdown_timeout, durable=bool(state.user_lanes))
    finish_judging(config.shutdown_timeout)
    old = [lane for lane in state.own_lanes if lane not in lanes]
    state.own_lanes, state.config, state.may_start = lanes, config, True
    in_force.head = Sampling(config.sample_rate, config.keep_errors, config.only_on_error)
    sampling = TailSampler(in_force.head)
    participants = state.participants
    participants.load(config, judges.head)
    name_apart([*lanes, *state.user_lanes])
    pipeline = Pipeline(
        processors=[*participants.processors, *judges.counters],
        lanes=[*lanes, *state.user_lanes],
        sampling=sampling,
        trace_end=judges.trace_end(participants.trace_end_hooks),
        evaluation=judges.evaluation,
        whole_texts=judges.whole_texts,
        side_lanes=judges.lanes,
        batch_size=config.trace_config.batch_size,
    )
    judges.switch_on()
    state.judges = judges
    settings.capture_io, settings.is_secret = config.capture_io, secrecy(config)
    root_scope.value = config.root_scope()
    decide = at_start(config.sampler, config.trace_config)
    hooks.use(participants.start_hooks if decide is None else (decide, *participants.start_hooks))
    log_secrets.use(config)
    delivery.configure(config)
    delivery.open(pipeline, (*participants.end_hooks, *judges.end_hooks(participants.cleaning)))
    if before is not None:
        delivery.flush(monotonic() + config.shutdown_timeout, durable=False)  # a batch may be on its way the old way
        close_lanes([*old, *before.side_lanes], [], config.shutdown_timeout)
        state.past.close(before.lanes, old)
        state.past.sampled_out += before.settle_sampling()
    if not state.watching:
        state.watching = True
        watch_exit(shutdown)


def shutdown(timeout: Optional[float] = None) -> bool:
    """Write what is left, shut the exporters down and stop recording. Runs at interpreter exit by itself.

    Idempotent. :func:`peekr.instrument` starts anew.

    :param timeout: seconds for all exporters together; ``shutdown_timeout`` of instrument() by default. What is
        not written by then is counted as dropped and logged.
    :return: whether everything was written.
    """
    with state.lock:
        return stop(timeout, forget_exporters=True)


def stop(timeout: Optional[float], forget_exporters: bool) -> bool:
    """Write what is left within the time, and stop recording; return whether everything was written."""
    if delivery.pipeline is None:
        return True
    deadline = monotonic() + (timeout_s() if timeout is None else timeout)
    streaming = sys.modules.get("peekr.streaming")
    if streaming is not None:
        streaming.end_open_streams()
    delivery.flush(deadline, durable=False)
    if timeout is None:  # the exporters' own time begins when the judges are done
        finish_judging(JUDGING_S)
        deadline = monotonic() + timeout_s()
    else:
        finish_judging(timeout / 2)  # what is stored without scores needs the other half
    drained = delivery.flush(deadline, durable=False)
    if not drained:
        delivery.give_up()
    own, user = state.own_lanes, state.user_lanes
    shut, flushed = ([*own, *user], []) if forget_exporters else (own, user)
    shut = [*shut, *delivery.pipeline.side_lanes]
    closed = close_lanes(shut, flushed, max(deadline - monotonic(), 0))
    state.past.close([*own, *user], [*own, *user])
    state.past.sampled_out += delivery.pipeline.settle_sampling()
    delivery.close()
    state.instrumented = False
    hooks.start = ()
    logs.reset()
    root_scope.value = Scope()
    state.last_lanes, state.own_lanes = [*own, *user], []
    again = [] if forget_exporters else user
    state.user_lanes = [lane_for(lane.name, lane.exporter, lane.route) for lane in again]
    return drained and closed


def finish_judging(seconds: float) -> None:
    """Wait for scores while answers keep coming; then have the spans passed on without them."""
    evaluation = delivery.pipeline.evaluation if delivery.pipeline is not None else None
    if evaluation is not None and evaluation.waiting:
        if not evaluation.wait(seconds):
            evaluation.abandon()
        delivery.flush(monotonic() + 1.0, durable=False)


atexit.register(shutdown)
