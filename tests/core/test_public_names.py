"""The names of ``peekr``: where they come from, what is missing where, and what importing them costs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import threading
from importlib.util import find_spec
from typing import Any

import pytest

import peekr

#: What a bare ``import peekr`` may not load: SDKs, and what is only needed later.
HEAVY = (
    "openai anthropic boto3 google fastapi starlette uvicorn cryptography opentelemetry httpx requests "
    "stevedore pluggy attr attrs cattrs msgspec sqlite3 asyncio inspect uuid importlib.metadata peekr.lifecycle"
)


@pytest.mark.parametrize("name", peekr.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    """PKG-8, PKG-9"""
    plugin_of = {"JSONLExporter": "peekr_jsonl", "SQLiteExporter": "peekr_sqlite"}.get(name)
    if plugin_of and find_spec(plugin_of) is None:
        with pytest.raises(ImportError, match="pip install"):
            getattr(peekr, name)
    else:
        assert getattr(peekr, name) is not None
        assert name in dir(peekr)


def test_names_that_the_contract_asks_for_are_public() -> None:
    """PKG-8, PKG-9: those that this version has."""
    expected = {
        "instrument", "uninstrument", "flush", "shutdown", "stats", "trace", "session", "span", "start_span",
        "end_span", "get_current_span", "add_exporter", "clear_exporters", "inject", "extract", "open_store",
        "ConsoleExporter", "JSONLExporter", "SQLiteExporter", "exporters", "eval", "alert", "guard",
        "Trace", "TraceContext", "get_trace", "set_trace", "Exporter", "ReadStore", "EventType", "EventStatus",
        "BaseEvent", "Span", "PeekrError", "GuardrailError",
        "TraceConfig", "Profile", "get_config", "set_config", "Sampler", "CompositeExporter", "StorageExporter",
    }  # fmt: skip
    stores = {"JSONLExporter": "peekr_jsonl", "SQLiteExporter": "peekr_sqlite"}
    absent = {name for name, module in stores.items() if importlib.util.find_spec(module) is None}
    assert expected - absent <= set(peekr.__all__)


def test_a_name_is_the_same_object_every_time() -> None:
    assert peekr.trace is peekr.trace
    from peekr import span, trace

    assert (span, trace) == (peekr.span, peekr.trace)
    assert peekr.exporters.add_exporter is peekr.add_exporter


def test_a_loaded_name_waits_for_no_import() -> None:
    """Ctrl-C in the midst of taking the lock of all imports leaves it held: so its first use may not take it."""
    assert peekr.stats and peekr.exporters  # loaded
    for name in ("stats", "exporters"):
        del vars(peekr)[name]
    program: Any = []
    thread = threading.Thread(target=lambda: program.append((peekr.stats, peekr.exporters)))
    imp = sys.modules["_imp"]
    imp.acquire_lock()
    try:
        thread.start()
        thread.join(20)
        assert program == [(sys.modules["peekr.lifecycle"].stats, sys.modules["peekr.exporters"])]
    finally:
        imp.release_lock()


def test_an_unknown_name_is_an_attribute_error() -> None:
    """PKG-6"""
    with pytest.raises(AttributeError, match="module 'peekr' has no attribute 'instrumnet'"):
        peekr.instrumnet  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="instrumnet"):
        exec("from peekr import instrumnet")


def test_the_version_is_that_of_the_distribution() -> None:
    """PKG-12"""
    assert peekr.__version__ == importlib.metadata.version("peekr-core")


class TestNamesOfOtherDistributions:
    """PKG-6: an absent plugin gives an error that names the command, never a bare one."""

    @pytest.mark.parametrize(
        ("module", "name", "distribution"),
        [
            ("peekr.eval", "Hallucination", "peekr-eval"),
            ("peekr.eval", "Rubric", "peekr-eval"),
            ("peekr.guard", "PIIRedact", "peekr-guard"),
            ("peekr.alert", "ErrorRate", "peekr-alert"),
            ("peekr.exporters", "HTTPExporter", "peekr-http"),
            ("peekr", "HTTPExporter", "peekr-http"),
            ("peekr", "OTelExporter", "peekr-otlp"),
        ],
    )
    def test_that_is_not_installed(self, module: str, name: str, distribution: str) -> None:
        if find_spec(distribution.replace("-", "_")) is not None:
            pytest.skip(f"{distribution} is installed")
        message = f"{module}.{name} needs the distribution '{distribution}', which is not installed.\nInstall it with: "
        with pytest.raises(ImportError, match=message + f"pip install {distribution}"):
            exec(f"from {module} import {name}")
        with pytest.raises(ImportError, match=message):
            getattr(importlib.import_module(module), name)

    @pytest.mark.parametrize("module", ["peekr.eval", "peekr.guard", "peekr.alert", "peekr.exporters"])
    def test_that_nobody_knows(self, module: str) -> None:
        loaded = importlib.import_module(module)
        with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'Nonsense'"):
            loaded.Nonsense
        assert not hasattr(loaded, "__path__")
        assert isinstance(dir(loaded), list)

    def test_that_is_not_installed_is_not_imported_by_a_star(self, python: Any) -> None:
        program = """
            import sys
            sys.modules["peekr_jsonl"] = None
            from peekr import *
            from peekr.exporters import *
            import inspect, peekr
            print("JSONLExporter" in globals(), trace is peekr.trace, len(inspect.getmembers(peekr)) > 50)
            """
        assert python(program) == "False True True\n"

    @pytest.mark.skipif(find_spec("peekr_jsonl") is None, reason="peekr-jsonl is not installed")
    def test_that_is_installed(self) -> None:
        from peekr_jsonl import JSONLExporter

        assert peekr.JSONLExporter is peekr.exporters.JSONLExporter is JSONLExporter


class TestImporting:
    def test_loads_next_to_nothing(self, python: Any) -> None:
        """PKG-7, design 3: no SDK, no plugin machinery, no serializer."""
        program = f"""
            import sys
            before = set(sys.modules)
            import peekr
            new = set(sys.modules) - before
            print([name for name in {HEAVY!r}.split() if name in new])
            """
        assert python(program) == "[]\n"

    def test_instrument_loads_no_sdk(self, python: Any) -> None:
        """PKG-7, IFACE-4"""
        program = f"""
            import sys, peekr
            peekr.instrument(console=False, storage=None)
            print([name for name in {HEAVY!r}.split()[:10] if name in sys.modules])
            """
        assert python(program) == "[]\n"

    def test_the_decorator_needs_no_instrument(self, python: Any) -> None:
        """PKG-2"""
        program = """
            from peekr import trace
            @trace
            def f(): return 1
            print(f())
            """
        assert python(program) == "1\n"

    def test_submodules_do_not_hide_names(self, python: Any) -> None:
        """``peekr.span`` is the context manager, whatever was imported."""
        program = """
            import pkgutil, importlib, peekr
            for module in pkgutil.iter_modules(peekr.__path__):
                if module.name not in ("__main__", "cli", "testing"):
                    importlib.import_module("peekr." + module.name)
            for name in ("span", "session", "trace", "extract", "inject", "flush", "stats", "query"):
                print(name, type(getattr(peekr, name)).__name__)
            """
        out = python(program)
        assert "module" not in out, out

    def test_twice_from_two_threads_is_once(self, python: Any) -> None:
        program = """
            import peekr, threading
            found = []
            threads = [threading.Thread(target=lambda: found.append(peekr.trace)) for _ in range(8)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print(len({id(each) for each in found}))
            """
        assert python(program) == "1\n"


def test_the_command_says_how_to_install_it() -> None:
    """PKG-6"""
    if find_spec("peekr_cli") is not None:
        pytest.skip("peekr-cli is installed")
    for module in ("peekr", "peekr.cli"):
        done = subprocess.run([sys.executable, "-m", module, "view"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert "Install it with: pip install peekr-cli" in done.stderr
