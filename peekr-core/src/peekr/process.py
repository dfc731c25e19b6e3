"""What is switched on in this process: the configuration in force, its exporters, its plugins."""

from __future__ import annotations

import os
import threading
from typing import List, Optional

from peekr.config import Config
from peekr.context import untraced
from peekr.counts import PastCounts
from peekr.delivery import delivery
from peekr.judges import Judges
from peekr.lane import Lane
from peekr.participants import Participants
from peekr.tracer import started


class State:
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
        #: Whether it did, and whether set_config() was called since.
        self.for_runs = self.outdated = False
        #: Whether instrument() is in force, rather than what add_exporter() or a Trace started.
        self.instrumented = False


state = State()


def current_config() -> Optional[Config]:
    """Return the settings in force, or None before :func:`peekr.instrument`."""
    return state.config


def config_changed() -> None:
    """Tracing that trace.run() started by itself follows set_config() with the next run."""
    state.outdated = True


def is_instrumented() -> bool:
    """Whether :func:`peekr.instrument` was called and is in force."""
    return delivery.pipeline is not None and state.instrumented


def timeout_s() -> float:
    """Return the seconds that all exporters together have at the end."""
    return state.config.shutdown_timeout if state.config is not None else 3.0


def _after_fork_in_child() -> None:
    state.lock = threading.RLock()
    state.past.reset()
    started.reset()
    untraced.spans = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
