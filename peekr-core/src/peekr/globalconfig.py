"""The one TraceConfig that is in force where none is given."""

from __future__ import annotations

import os
import sys
from typing import Any, Optional, Tuple

from peekr import configfile
from peekr.errors import ConfigurationError
from peekr.traceconfig import TraceConfig


class _Global:
    """:ivar given: by :func:`set_config`. ``built`` is what was made of the surroundings, ``of`` which."""

    __slots__ = ("built", "given", "of")

    def __init__(self) -> None:
        self.given: Optional[TraceConfig] = None
        self.built: Optional[TraceConfig] = None
        self.of: Any = None


_global = _Global()


def set_config(config: Optional[TraceConfig]) -> None:
    """Make ``config`` what is used where no other is given; None goes back to environment and file.

    Takes effect with the next :func:`peekr.instrument`, and with the next run where that was never called.

    :raises ConfigurationError: if it is no TraceConfig.
    """
    if config is not None and not isinstance(config, TraceConfig):
        raise ConfigurationError(f"set_config() takes a TraceConfig, got {config!r}.\nUse TraceConfig.from_dict(...)")
    _global.given, _global.built = config, None
    process = sys.modules.get("peekr.process")
    if process is not None:
        process.config_changed()


def get_config() -> TraceConfig:
    """Return the configuration in force: that of :func:`set_config`, else one of environment, profile and file.

    The same object until one of these changes.

    :raises ConfigurationError: (a ValueError) if the environment or the file are wrong.
    """
    if _global.given is not None:
        return _global.given
    now = _surroundings()
    if _global.built is None or _global.of != now:
        _global.built, _global.of = TraceConfig(), now
    return _global.built


def _surroundings() -> Tuple[Any, ...]:
    path = os.path.abspath(configfile.config_path())
    try:
        about = os.stat(path)
        file: Any = (about.st_mtime_ns, about.st_size, about.st_ino)
    except OSError:
        file = None
    return path, file, sorted(item for item in os.environ.items() if item[0].startswith("TRACE_"))
