"""Samplers: somebody's own rule of which traces are recorded (contract SAMP-3)."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional, Set

from peekr.errors import ConfigurationError
from peekr.spans import Span

logger = logging.getLogger("peekr")

GROUP = "peekr.samplers"
_said: Set[str] = set()


def build_sampler(given: Any, config: Any) -> Any:
    """Return the sampler that was asked for: an object as it is, a name from the group ``peekr.samplers``.

    :param config: for a registered class with ``from_config``.
    :raises ConfigurationError: if it has no ``should_sample``.
    :raises PluginNotFound: if no installed sampler has the name.
    """
    if given is None:
        return None
    sampler = given
    if isinstance(given, str):
        from peekr.plugins import driver

        sampler = driver(GROUP, given)
        if isinstance(sampler, type):
            sampler = sampler.from_config(config) if hasattr(sampler, "from_config") else sampler()
    if isinstance(sampler, type) or not callable(getattr(sampler, "should_sample", None)):
        raise ConfigurationError(
            f"sampler must be an object with should_sample(run_id, run_name, config), got {given!r}.\n"
            "See peekr.interfaces.Sampler"
        )
    return sampler


def decide(sampler: Any, span: Span, config: Any) -> None:
    """Ask the sampler about the root of a trace; what it says holds for the whole trace, in other processes too."""
    if span._parent is None:
        span.scope = span.scope.with_values(sampled=_answer(sampler, span, config))


def _answer(sampler: Any, span: Span, config: Any) -> bool:
    try:
        return bool(sampler.should_sample(span.span_id, span.name, config))
    except Exception as error:
        kind = f"{type(sampler).__name__}: {type(error).__name__}"
        if kind not in _said:
            _said.add(kind)
            logger.warning("sampler %s: %s. Its traces are recorded", kind, error, exc_info=error)
        return True


def at_start(sampler: Any, config: Any) -> Optional[Callable[[Span], None]]:
    """Return what is called when a span starts, or None without a sampler."""
    if sampler is None:
        return None
    return lambda span: decide(sampler, span, config) if span.scope.sampled is None else None
