"""Peekr: see what an LLM agent did.

::

    import peekr

    peekr.instrument()

From then on every LLM call, every function under ``@peekr.trace`` and every step of an agent is a span in
``traces.jsonl``; ``peekr view --io traces.jsonl`` shows them as a tree.

The names below are loaded on first use, so that ``import peekr`` costs next to nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, List

__version__ = "0.1.0"

if TYPE_CHECKING:
    from peekr import alert as alert
    from peekr import eval as eval
    from peekr import exporters as exporters
    from peekr import guard as guard
    from peekr import interfaces as interfaces
    from peekr import stores as stores
    from peekr import testing as testing
    from peekr.agent import Trace as Trace
    from peekr.agent import TraceContext as TraceContext
    from peekr.agent import get_trace as get_trace
    from peekr.agent import set_trace as set_trace
    from peekr.api import trace as trace
    from peekr.context import get_current_span as get_current_span
    from peekr.errors import GuardrailError as GuardrailError
    from peekr.errors import PeekrError as PeekrError
    from peekr.events import BaseEvent as BaseEvent
    from peekr.events import EventStatus as EventStatus
    from peekr.events import EventType as EventType
    from peekr.experiments import experiment as experiment
    from peekr.exporters import ConsoleExporter as ConsoleExporter
    from peekr.exporters import JSONLExporter as JSONLExporter
    from peekr.exporters import SQLiteExporter as SQLiteExporter
    from peekr.grounding import clear_evidence as clear_evidence
    from peekr.grounding import evidence as evidence
    from peekr.grounding import record_evidence as record_evidence
    from peekr.interfaces import Exporter as Exporter
    from peekr.lifecycle import add_exporter as add_exporter
    from peekr.lifecycle import clear_exporters as clear_exporters
    from peekr.lifecycle import flush as flush
    from peekr.lifecycle import instrument as instrument
    from peekr.lifecycle import shutdown as shutdown
    from peekr.lifecycle import stats as stats
    from peekr.lifecycle import uninstrument as uninstrument
    from peekr.propagation import extract as extract
    from peekr.propagation import inject as inject
    from peekr.sessions import session as session
    from peekr.spans import Span as Span
    from peekr.stores import ReadStore as ReadStore
    from peekr.stores import open_store as open_store
    from peekr.stores import query as query
    from peekr.tracer import end_span as end_span
    from peekr.tracer import span as span
    from peekr.tracer import start_span as start_span

#: Where each public name is defined. "" means: the name is a module of this package.
_HOMES = {
    "alert": "",
    "eval": "",
    "exporters": "",
    "guard": "",
    "interfaces": "",
    "stores": "",
    "testing": "",
    "BaseEvent": "events",
    "EventStatus": "events",
    "EventType": "events",
    "Exporter": "interfaces",
    "GuardrailError": "errors",
    "PeekrError": "errors",
    "ReadStore": "stores",
    "Span": "spans",
    "Trace": "agent",
    "TraceContext": "agent",
    "add_exporter": "lifecycle",
    "clear_evidence": "grounding",
    "clear_exporters": "lifecycle",
    "end_span": "tracer",
    "evidence": "grounding",
    "experiment": "experiments",
    "extract": "propagation",
    "flush": "lifecycle",
    "get_current_span": "context",
    "get_trace": "agent",
    "inject": "propagation",
    "instrument": "lifecycle",
    "open_store": "stores",
    "query": "stores",
    "record_evidence": "grounding",
    "session": "sessions",
    "set_trace": "agent",
    "shutdown": "lifecycle",
    "span": "tracer",
    "start_span": "tracer",
    "stats": "lifecycle",
    "trace": "api",
    "uninstrument": "lifecycle",
}
#: Classes of other distributions that are public names here.
_PLUGIN_NAMES = {
    "ConsoleExporter": "peekr.exporters",
    "HTTPExporter": "peekr.exporters",
    "JSONLExporter": "peekr.exporters",
    "OTelExporter": "peekr.exporters",
    "OTLPExporter": "peekr.exporters",
    "SQLiteExporter": "peekr.exporters",
}
#: Functions of other distributions that are public names here: name → module, distribution.
_PLUGIN_FUNCTIONS = {
    "enable_langchain": ("peekr_langchain", "peekr-langchain"),
    "export_feedback": ("peekr_feedback", "peekr-feedback"),
    "feedback": ("peekr_feedback", "peekr-feedback"),
    "get_callback_handler": ("peekr_langchain", "peekr-langchain"),
}

__all__ = sorted([*_HOMES, "ConsoleExporter", "JSONLExporter", "SQLiteExporter", "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None and name not in _PLUGIN_NAMES and name not in _PLUGIN_FUNCTIONS:
        raise AttributeError(f"module 'peekr' has no attribute {name!r}")
    from importlib import import_module

    if home is None:
        value = _plugin_name(name)
    elif home == "":
        value = import_module(f"peekr.{name}")
    else:
        value = getattr(import_module(f"peekr.{home}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def _plugin_name(name: str) -> Any:
    if name in _PLUGIN_FUNCTIONS:
        return _plugin_function(name, *_PLUGIN_FUNCTIONS[name])
    if name == "ConsoleExporter":
        from peekr.console import ConsoleExporter

        return ConsoleExporter
    from peekr._facade import resolve

    return resolve(name, _PLUGIN_NAMES[name], f"peekr.{name}")


def _plugin_function(name: str, module: str, distribution: str) -> Any:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec(module) is None:
        from peekr.errors import PluginNotInstalled

        raise PluginNotInstalled(f"peekr.{name}", distribution)
    return getattr(import_module(module), name)


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
