"""PKG-10, C-16: the names of Agent Inspector are the same objects as peekr's, and its command is peekr's."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import distribution
from typing import Any

import pytest

import peekr
from peekr.testing import record

agent_inspector = pytest.importorskip("agent_inspector")

#: PKG-9, and what its readme imports.
NAMES = [
    "BaseEvent", "CompositeExporter", "EventStatus", "EventType", "Exporter", "Profile", "ReadStore", "Sampler",
    "StorageExporter", "Trace", "TraceConfig", "TraceContext", "get_config", "get_trace", "set_config", "set_trace",
    "trace",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_the_same_object(name: str) -> None:
    assert getattr(agent_inspector, name) is getattr(peekr, name)


def test_the_version_is_peekrs() -> None:
    assert agent_inspector.__version__ == peekr.__version__


def test_everything_at_once() -> None:
    names: Any = {}
    exec("from agent_inspector import *", names)
    assert names["trace"] is peekr.trace and "trace" in dir(agent_inspector)


@pytest.mark.parametrize("name", ["enable_langchain", "get_callback_handler"])
def test_the_adapters(name: str) -> None:
    """LC-1."""
    pytest.importorskip("peekr_langchain")
    adapters = importlib.import_module("agent_inspector.adapters")
    assert getattr(adapters, name) is getattr(peekr, name) and name in dir(adapters)


def test_the_exporters() -> None:
    exporters = importlib.import_module("agent_inspector.exporters")
    for name in ("CompositeExporter", "StorageExporter", "Exporter"):
        assert getattr(exporters, name) is getattr(peekr, name)
    assert exporters.ConsoleExporter is peekr.ConsoleExporter
    assert {"ConsoleExporter", "CompositeExporter"} <= set(dir(exporters))


def test_the_exporter_of_opentelemetry() -> None:
    pytest.importorskip("peekr_otlp")
    otel = importlib.import_module("agent_inspector.exporters.otel")
    assert otel.OTLPExporter is peekr.OTLPExporter and dir(otel) == ["OTLPExporter"]


@pytest.mark.parametrize("module", ["", ".adapters", ".exporters.otel"])
def test_a_wrong_name_is_an_error_of_the_module_that_was_asked(module: str) -> None:
    asked = importlib.import_module("agent_inspector" + module)
    with pytest.raises(AttributeError, match=rf"module 'agent_inspector{module}' has no attribute 'trance'"):
        _ = asked.trance
    with pytest.raises(ImportError):
        exec(f"from agent_inspector{module} import trance")


def test_its_first_program() -> None:
    """S4: the readme's quick start, word for word in its calls."""
    from agent_inspector import trace

    with record() as recording:
        with trace.run("capital", user_id="dana"):
            trace.llm(model="gpt-4", prompt="Capital of France?", response="Paris.")
            trace.tool(tool_name="search", tool_args={"q": "Paris"}, tool_result="found")
            trace.final(answer="The capital of France is Paris.")
        assert [span.kind for span in recording.spans] == ["llm", "tool", "final", "run"]


@pytest.mark.parametrize("module", ["agent_inspector", "agent_inspector.cli"])
def test_the_command_as_a_module(module: str) -> None:
    """CLI-10."""
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"peekr {peekr.__version__}\n", done.stderr


def test_the_command_as_a_script() -> None:
    """CLI-10."""
    (ours,) = distribution("peekr-agent-inspector").entry_points
    assert (ours.group, ours.name) == ("console_scripts", "agent-inspector")
    assert ours.value in [entry.value for entry in distribution("peekr-cli").entry_points]
