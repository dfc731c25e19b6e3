"""What all alerts have in common: a memory, a cool-down, and where their messages go."""

from __future__ import annotations

import logging
import os
import time
from abc import abstractmethod
from typing import Any, List, Optional, Sequence, TypeVar, Union

from peekr.alert import BaseAlert
from peekr.errors import ConfigurationError
from peekr.spans import Span
from peekr_alert.sinks import Sink
from peekr_alert.state import Memory, State, state_of

logger = logging.getLogger("peekr")

Self = TypeVar("Self", bound="Alert")
StateArgument = Union[str, "os.PathLike[str]", State, None]


class Alert(BaseAlert):
    """An alert with sinks. Subclasses say in :meth:`look` what they make of a trace.

    :param cooldown: seconds without a further message after one; none by default, each trace may give one.
    :param state: path of a file in which it remembers, past a restart and with other processes; None: in memory.
    :param name: what it is called; the class name by default. Two of one class that share a file need names.
    :raises ConfigurationError: (a ValueError) if one of them cannot work.
    """

    def __init__(
        self, *, cooldown: Optional[float] = None, state: StateArgument = None, name: Optional[str] = None
    ) -> None:
        self.cooldown = 0.0 if cooldown is None else number("cooldown", cooldown, 0)
        self._state = state_of(state)
        self._sinks: List[Sink] = []
        if name is not None:
            self.name = name

    def with_sinks(self: Self, *sinks: Any) -> Self:
        """Send messages to these sinks instead of stderr; more calls add more. Returns the alert itself.

        ::

            peekr.alert.ErrorRate(0.1).with_sinks(SlackSink(url), StderrSink())

        Sinks send in threads of their own: one that hangs delays nobody else.

        :param sinks: objects with ``send(notice)``, see :mod:`peekr_alert.sinks`.
        :raises ConfigurationError: if one has no such method, or is a class.
        """
        for sink in sinks:
            if isinstance(sink, type) or not callable(getattr(sink, "send", None)):
                raise ConfigurationError(
                    f"{sink!r} is no sink: it has no method send(notice).\n"
                    "Use StderrSink(), SlackSink(url), WebhookSink(url) or PagerDutySink(routing_key)"
                )
        self._sinks += [sink if isinstance(sink, Sink) else Sink.around(sink) for sink in sinks]
        return self

    @abstractmethod
    def look(self, trace: Sequence[Span], memory: Memory) -> Optional[str]:
        """Return what to say about a trace, or None.

        :param memory: JSON values, kept for the next trace; to be changed in place.
        """

    def check(self, trace: Sequence[Span]) -> None:
        """Look at one complete trace, and say what there is to say. Never raises because of a sink."""
        with self._state.changing(self.name) as memory:
            message = self.look(trace, memory)
            now = time.time()
            if message is not None and now - memory.get("said", -self.cooldown) < self.cooldown:
                message = None
            if message is not None:
                memory["said"] = now
        if message is not None:
            self.say(message)

    def say(self, message: str) -> None:
        """Pass a message on: to :meth:`on_trigger`, and to the sinks where that was overridden. Never raises."""
        try:
            self.on_trigger(message)
        except Exception as error:
            logger.warning("on_trigger() of alert %r failed: %r", self.name, error, exc_info=error)
        if type(self).on_trigger is not Alert.on_trigger:
            self._send(message)

    def on_trigger(self, message: str) -> None:
        """Tell somebody. Override it; the default sends to the sinks, or prints to stderr where there are none."""
        if self._sinks:
            self._send(message)
        else:
            super().on_trigger(message)

    def _send(self, message: str) -> None:
        for sink in self._sinks:
            sink.post(self.name, message)

    def flush(self) -> None:
        """Wait until the sinks have sent what they were given, two seconds at most for all."""
        self._drain(2.0)

    def shutdown(self) -> None:
        """Likewise at the end; what was not sent by then is counted and logged."""
        self._drain(2.0)

    def _drain(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for sink in self._sinks:
            sink.drain(deadline)


def number(name: str, value: Any, above: float, below: float = float("inf"), strict: bool = False) -> float:
    """Return a number from ``above`` to ``below``, or raise.

    :param strict: whether the bounds themselves will not do.
    :raises ConfigurationError: naming the argument and its value.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = is_number and value < float("inf") and (above < value < below if strict else above <= value <= below)
    if not fits:
        bounds = f"between {above:g} and {below:g}" if below < float("inf") else f"{above:g} or more"
        bounds = f"more than {above:g}" if strict and below == float("inf") else bounds
        raise ConfigurationError(f"{name} must be a number {bounds}, got {value!r}.")
    return float(value)


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least ``least``, or raise.

    :raises ConfigurationError: naming the argument and its value.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number of {least} or more, got {value!r}.")
    return value


def remember(memory: Memory, values: Sequence[Any], most: int) -> List[Any]:
    """Add values to the window of a memory, and return the last ``most`` of it."""
    known = memory.get("window")
    window = [*(known if isinstance(known, list) else []), *values][-most:]
    memory["window"] = window
    return window
