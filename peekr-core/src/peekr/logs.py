"""What the settings say about the logger ``peekr``: its level, and a file beside the program's own handlers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Optional

from peekr.errors import ConfigurationError

if TYPE_CHECKING:
    from peekr.traceconfig import TraceConfig

logger = logging.getLogger("peekr")


class _File:
    """The handler that was added here, if one was, and whether the level is ours."""

    __slots__ = ("handler", "levelled")

    def __init__(self) -> None:
        self.handler: Optional[logging.FileHandler] = None
        self.levelled = False


_file = _File()


def configure(config: TraceConfig) -> None:
    """Take over level and file, where somebody set them; otherwise the logger is the program's business.

    :raises ConfigurationError: if the file cannot be written.
    """
    handler = _open(config.log_path) if config.log_path is not None else None
    reset()
    level = config.where_set("log_level")
    if level is not None:
        logger.setLevel(level)
        _file.levelled = True
    if handler is not None:
        logger.addHandler(handler)
        _file.handler = handler


def _open(path: str) -> logging.FileHandler:
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"log_path {path!r} cannot be written: {error.strerror or error}.\nGive another in TRACE_LOG_PATH"
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def reset() -> None:
    """Leave the logger as it was."""
    if _file.handler is not None:
        logger.removeHandler(_file.handler)
        _file.handler.close()
        _file.handler = None
    if _file.levelled:
        logger.setLevel(logging.NOTSET)
        _file.levelled = False
