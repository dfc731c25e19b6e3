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
    from peekr import prompts as prompts
    from peekr import replay as replay
    from peekr import stores as stores
    from peekr import testing as testing
    from peekr.agent import Trace as Trace
    from peekr.agent import TraceContext as TraceContext
    from peekr.agent import get_trace as get_trace
    from peekr.agent import set_trace as set_trace
    from peekr.api import trace as trace
    from peekr.attaching import add_exporter as add_exporter
    from peekr.attaching import clear_exporters as clear_exporters
    from peekr.attachments import attach as attach
    from peekr.composite import CompositeExporter as CompositeExporter
    from peekr.context import get_current_span as get_current_span
    from peekr.errors import BudgetExceededError as BudgetExceededError
    from peekr.errors import GuardrailError as GuardrailError
    from peekr.errors import PeekrError as PeekrError
    from peekr.events import BaseEvent as BaseEvent
    from peekr.events import EventStatus as EventStatus
    from peekr.events import EventType as EventType
    from peekr.experiments import experiment as experiment
    from peekr.exporters import ConsoleExporter as ConsoleExporter
    from peekr.exporters import JSONLExporter as JSONLExporter
    from peekr.exporters import SQLiteExporter as SQLiteExporter
    from peekr.globalconfig import get_config as get_config
    from peekr.globalconfig import set_config as set_config
    from peekr.grounding import clear_evidence as clear_evidence
    from peekr.grounding import evidence as evidence
    from peekr.grounding import record_evidence as record_evidence
    from peekr.interfaces import Exporter as Exporter
    from peekr.interfaces import Sampler as Sampler
    from peekr.lifecycle import flush as flush
    from peekr.lifecycle import instrument as instrument
    from peekr.lifecycle import is_alive as is_alive
    from peekr.lifecycle import stats as stats
    from peekr.lifecycle import uninstrument as uninstrument
    from peekr.middleware import FastAPIMiddleware as FastAPIMiddleware
    from peekr.middleware import PeekrASGIMiddleware as PeekrASGIMiddleware
    from peekr.profiles import Profile as Profile
    from peekr.propagation import extract as extract
    from peekr.propagation import inject as inject
    from peekr.recalls import recall as recall
    from peekr.sessions import session as session
    from peekr.spans import Span as Span
    from peekr.storage import StorageExporter as StorageExporter
    from peekr.stores import ReadStore as ReadStore
    from peekr.stores import open_store as open_store
    from peekr.stores import query as query
    from peekr.switching import shutdown as shutdown
    from peekr.traceconfig import TraceConfig as TraceConfig
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
    "prompts": "",
    "replay": "",
    "stores": "",
    "testing": "",
    "BaseEvent": "events",
    "BudgetExceededError": "errors",
    "CompositeExporter": "composite",
    "EventStatus": "events",
    "EventType": "events",
    "Exporter": "interfaces",
    "FastAPIMiddleware": "middleware",
    "GuardrailError": "errors",
    "PeekrASGIMiddleware": "middleware",
    "PeekrError": "errors",
    "Profile": "profiles",
    "ReadStore": "stores",
    "Sampler": "interfaces",
    "Span": "spans",
    "StorageExporter": "storage",
    "Trace": "agent",
    "TraceConfig": "traceconfig",
    "TraceContext": "agent",
    "add_exporter": "attaching",
    "attach": "attachments",
    "clear_evidence": "grounding",
    "clear_exporters": "attaching",
    "end_span": "tracer",
    "evidence": "grounding",
    "experiment": "experiments",
    "extract": "propagation",
    "flush": "lifecycle",
    "get_config": "globalconfig",
    "get_current_span": "context",
    "get_trace": "agent",
    "inject": "propagation",
    "instrument": "lifecycle",
    "is_alive": "lifecycle",
    "open_store": "stores",
    "query": "stores",
    "recall": "recalls",
    "record_evidence": "grounding",
    "session": "sessions",
    "set_config": "globalconfig",
    "set_trace": "agent",
    "shutdown": "switching",
    "span": "tracer",
    "start_span": "tracer",
    "stats": "lifecycle",
    "trace": "api",
    "uninstrument": "lifecycle",
}
#: Classes of other distributions that are public names here.
_PLUGIN_NAMES = {
    "BudgetAlert": "peekr.alerts",
    "ConsoleExporter": "peekr.exporters",
    "HTTPExporter": "peekr.exporters",
    "JSONLExporter": "peekr.exporters",
    "OTelExporter": "peekr.exporters",
    "OTLPExporter": "peekr.exporters",
    "SQLiteExporter": "peekr.exporters",
}
#: Functions of other distributions that are public names here: name → module, distribution.
_PLUGIN_FUNCTIONS = {
    "budget_alert": ("peekr_alert", "peekr-alert"),
    "enable_crewai": ("peekr_crewai", "peekr-crewai"),
    "enable_langchain": ("peekr_langchain", "peekr-langchain"),
    "export_feedback": ("peekr_feedback", "peekr-feedback"),
    "feedback": ("peekr_feedback", "peekr-feedback"),
    "get_callback_handler": ("peekr_langchain", "peekr-langchain"),
    "instrument_rag": ("peekr_eval", "peekr-eval"),
    "run_server": ("peekr_server", "peekr-server"),
    "set_price": ("peekr_cost", "peekr-cost"),
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name == "__all__":
        return _all_names()
    home = _HOMES.get(name)
    if home is None and name not in _PLUGIN_NAMES and name not in _PLUGIN_FUNCTIONS:
        raise AttributeError(f"module 'peekr' has no attribute {name!r}")
    if home is None:
        value = _plugin_name(name)
    elif home == "":
        value = _module(f"peekr.{name}")
    else:
        value = getattr(_module(f"peekr.{home}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def _module(name: str) -> Any:
    """Import a module. Of one that is loaded importlib.import_module() takes the lock of all imports nevertheless, and
    a Ctrl-C in the midst of that leaves it held: no other thread could import anything any more.
    """
    return __import__(name, fromlist=("__name__",))  # without a fromlist it returns the first package of the name


def _all_names() -> List[str]:
    """Return the names of ``from peekr import *``: looked up when asked for, as not every selection has all."""
    from importlib.util import find_spec

    stores = {"JSONLExporter": "peekr_jsonl", "SQLiteExporter": "peekr_sqlite"}
    found = [name for name, module in stores.items() if find_spec(module)]
    return sorted([*_HOMES, "ConsoleExporter", "__version__", *found])


def _plugin_name(name: str) -> Any:
    if name in _PLUGIN_FUNCTIONS:
        return _plugin_function(name, *_PLUGIN_FUNCTIONS[name])
    if name == "ConsoleExporter":
        from peekr.console import ConsoleExporter

        return ConsoleExporter
    from peekr._facade import resolve

    return resolve(name, _PLUGIN_NAMES[name], f"peekr.{name}")


def _plugin_function(name: str, module: str, distribution: str) -> Any:
    from importlib.util import find_spec

    if find_spec(module) is None:
        from peekr.errors import PluginNotInstalled

        raise PluginNotInstalled(f"peekr.{name}", distribution)
    return getattr(_module(module), name)


def __dir__() -> List[str]:
    from importlib.util import find_spec

    functions = [name for name, (module, _) in _PLUGIN_FUNCTIONS.items() if find_spec(module)]
    return sorted({*globals(), *_all_names(), *functions})
