"""The lanes of a configuration: made, named apart and closed together."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any, Dict, List, Mapping, Sequence

from peekr.adapters import check_exporter, lane_for
from peekr.config import Config
from peekr.errors import ConfigurationError, PluginNotFound, PluginNotInstalled
from peekr.lane import Lane
from peekr.plugins import driver

logger = logging.getLogger("peekr")


def build_lanes(config: Config, optional: bool) -> List[Lane]:
    """Make the console's and the storages' exporters; if one of them cannot be made, close those that were.

    :param optional: whether a storage that is not installed is worth only a warning.
    """
    lanes: List[Lane] = []
    try:
        if config.console:
            from peekr.console import ConsoleExporter

            lanes.append(lane_for("console", ConsoleExporter()))
        for name in config.storage:
            try:
                lanes.append(lane_for(name, _build_exporter(name, config)))
            except PluginNotFound as error:
                if not optional:
                    raise
                other = "\nOr choose: instrument(storage='sqlite')" if "sqlite" in error.installed else ""
                logger.warning("spans go to the console and to exporters of your own only: %s%s", error, other)
    except BaseException:
        for lane in lanes:
            lane.call("shutdown")
        raise
    return lanes


def _build_exporter(name: str, config: Config) -> Any:
    hint = f"Install it with: pip install peekr-{name}" if name in ("jsonl", "sqlite", "http", "otlp") else ""
    cls = driver("peekr.exporters", name, hint)
    options = config.options(name)
    try:
        exporter = cls.from_config(config) if hasattr(cls, "from_config") else cls(**options)
    except (ConfigurationError, PluginNotFound, PluginNotInstalled):
        raise
    except Exception as error:
        raise ConfigurationError(
            f"storage {name!r} cannot be set up with {_shown(options)}: {type(error).__name__}: {error}.\n"
            "Correct its options in instrument(), or choose another storage"
        ) from error
    check_exporter(exporter)
    return exporter


def _shown(options: Mapping[str, Any]) -> str:
    """Return the options as text, without what is secret among them."""
    from peekr.redaction import Redactor

    return repr(Redactor(canary=False).value(dict(options)))


def exporter_name(exporter: Any) -> str:
    return type(exporter).__name__


def name_apart(lanes: Sequence[Lane]) -> None:
    """Number exporters of the same name, as they are keys of the statistics."""
    seen: Dict[str, int] = {}
    for lane in lanes:
        base = lane.name.partition("#")[0]
        seen[base] = seen.get(base, 0) + 1
        lane.name = base if seen[base] == 1 else f"{base}#{seen[base]}"


def close_lanes(lanes: Sequence[Lane], flushed: Sequence[Lane], timeout: float) -> bool:
    """Close lanes within one deadline; the exporters of the first are shut down, those of the second only flushed."""
    deadline = monotonic() + timeout
    for lane in lanes:
        lane.stop(deadline=deadline)
    for lane in flushed:
        lane.stop(shutdown_exporter=False, deadline=deadline)
    joined = [lane.join(deadline) for lane in (*lanes, *flushed)]  # each of them, whatever became of the one before
    return all(joined)
