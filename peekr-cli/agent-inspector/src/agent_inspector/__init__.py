"""Agent Inspector's names for peekr: ``from agent_inspector import trace`` is ``from peekr import trace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

import peekr
from peekr import __version__ as __version__

if TYPE_CHECKING:
    from peekr import BaseEvent as BaseEvent
    from peekr import CompositeExporter as CompositeExporter
    from peekr import EventStatus as EventStatus
    from peekr import EventType as EventType
    from peekr import Exporter as Exporter
    from peekr import Profile as Profile
    from peekr import ReadStore as ReadStore
    from peekr import Sampler as Sampler
    from peekr import StorageExporter as StorageExporter
    from peekr import Trace as Trace
    from peekr import TraceConfig as TraceConfig
    from peekr import TraceContext as TraceContext
    from peekr import enable_langchain as enable_langchain
    from peekr import get_config as get_config
    from peekr import get_trace as get_trace
    from peekr import run_server as run_server
    from peekr import set_config as set_config
    from peekr import set_trace as set_trace
    from peekr import trace as trace


def __getattr__(name: str) -> Any:
    """Return the object of this name in :mod:`peekr`."""
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module 'agent_inspector' has no attribute {name!r}")
    try:
        return getattr(peekr, name)
    except AttributeError as error:
        raise type(error)(str(error).replace("module 'peekr'", "module 'agent_inspector'")) from None


def __dir__() -> List[str]:
    return dir(peekr)
