"""Acting when a module is imported, without importing it (INST-7, IFACE-4)."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from peekr import imports
from peekr.imports import forget, when_imported


@pytest.fixture
def module(tmp_path: Path, monkeypatch: Any) -> Iterator[Callable[..., str]]:
    """Makes modules that can be imported and are forgotten after the test."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made: List[str] = []

    def make(name: str, source: str = "value = 1\n") -> str:
        path = folder.joinpath(*name.split("."))
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path /= "__init__"
        path.with_suffix(".py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        made.append(name)
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)
    imports._finder.waiting.clear()
    assert imports._finder not in sys.meta_path or not imports._finder.waiting
    while imports._finder in sys.meta_path:
        sys.meta_path.remove(imports._finder)


def test_before_the_import_it_waits_for_it(module: Any) -> None:
    seen: List[Any] = []
    name = module("sdk_a")
    when_imported(name, lambda: seen.append(sys.modules[name].value))
    assert seen == [] and name not in sys.modules
    importlib.import_module(name)
    assert seen == [1]


def test_after_the_import_it_acts_at_once(module: Any) -> None:
    seen: List[int] = []
    importlib.import_module(module("sdk_b"))
    when_imported("sdk_b", lambda: seen.append(1))
    assert seen == [1]


def test_every_action_once_in_order(module: Any) -> None:
    seen: List[str] = []
    name = module("sdk_c")
    when_imported(name, lambda: seen.append("one"))
    when_imported(name, lambda: seen.append("two"))
    importlib.import_module(name)
    importlib.import_module(name)
    importlib.reload(sys.modules[name])
    assert seen == ["one", "two"]


def test_a_nested_module(module: Any) -> None:
    seen: List[int] = []
    module("sdk_d.inner.deep")
    module("sdk_d")
    module("sdk_d.inner")
    when_imported("sdk_d.inner.deep", lambda: seen.append(1))
    importlib.import_module("sdk_d")
    assert seen == []
    importlib.import_module("sdk_d.inner.deep")
    assert seen == [1]


def test_the_import_statement_and_from_import(module: Any) -> None:
    seen: List[int] = []
    when_imported(module("sdk_e"), lambda: seen.append(1))
    exec("from sdk_e import value")
    assert seen == [1]


def test_looking_whether_it_is_installed_is_no_import(module: Any) -> None:
    """Programs ask importlib.util.find_spec first; the import that follows counts."""
    seen: List[int] = []
    name = module("sdk_f")
    when_imported(name, lambda: seen.append(1))
    for _ in range(2):
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin and spec.origin.endswith("sdk_f.py")
    assert pkgutil.resolve_name(name).value == 1
    assert seen == [1]


def test_an_import_that_fails_may_be_tried_again(module: Any) -> None:
    seen: List[int] = []
    name = module("sdk_g", "import os\nif not os.environ.get('SDK_G'): raise RuntimeError('not yet')\n")
    when_imported(name, lambda: seen.append(1))
    with pytest.raises(RuntimeError, match="not yet"):
        importlib.import_module(name)
    assert seen == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDK_G", "1")
        importlib.import_module(name)
    assert seen == [1]


def test_a_module_that_is_not_there_is_pythons_own_error() -> None:
    """INST-8"""
    action = lambda: None
    when_imported("sdk_that_nobody_has", action)
    with pytest.raises(ModuleNotFoundError, match="No module named 'sdk_that_nobody_has'"):
        importlib.import_module("sdk_that_nobody_has")
    forget(action)


def test_a_blocked_module_is_not_there(monkeypatch: Any) -> None:
    """``sys.modules[name] = None`` forbids an import."""
    seen: List[int] = []
    monkeypatch.setitem(sys.modules, "sdk_blocked", None)
    action = lambda: seen.append(1)
    when_imported("sdk_blocked", action)
    forget(action)
    assert seen == []


def test_what_is_taken_back_does_not_happen(module: Any) -> None:
    """INST-17: uninstrument before the SDK was imported."""
    seen: List[str] = []
    name = module("sdk_h")
    one, two = lambda: seen.append("one"), lambda: seen.append("two")
    when_imported(name, one)
    when_imported(name, two)
    forget(one)
    importlib.import_module(name)
    assert seen == ["two"]


def test_nothing_stays_in_the_import_system(module: Any) -> None:
    """INST-17"""
    before = list(sys.meta_path)
    action = lambda: None
    when_imported(module("sdk_i"), action)
    assert sys.meta_path != before
    forget(action)
    assert sys.meta_path == before
    forget(action)


def test_the_module_has_its_own_loader(module: Any) -> None:
    name = module("sdk_j")
    when_imported(name, lambda: None)
    loaded = importlib.import_module(name)
    assert type(loaded.__loader__).__name__ == "SourceFileLoader"
    assert loaded.__spec__ is not None and loaded.__spec__.loader is loaded.__loader__


def test_a_module_that_reads_its_own_files_while_it_is_imported(module: Any) -> None:
    source = "import pkgutil\ndata = pkgutil.get_data(__name__, __file__.rpartition('/')[2])\n"
    name = module("sdk_k", source)
    when_imported(name, lambda: None)
    assert b"pkgutil" in importlib.import_module(name).data


def test_a_module_that_another_thread_is_importing_is_waited_for(module: Any) -> None:
    """INST-7: patching half a module would patch nothing."""
    seen: List[Any] = []
    name = module("sdk_l", "import sdk_l_gate\nsdk_l_gate.begun.set()\nsdk_l_gate.go.wait(10)\nready = True\n")
    gate = type(sys)("sdk_l_gate")
    gate.begun, gate.go = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    sys.modules["sdk_l_gate"] = gate
    try:
        importing = threading.Thread(target=importlib.import_module, args=(name,))
        importing.start()
        assert gate.begun.wait(10)
        action = lambda: seen.append(getattr(sys.modules[name], "ready", False))
        waiting = threading.Thread(target=when_imported, args=(name, action))
        waiting.start()
        gate.go.set()
        waiting.join(10)
        importing.join(10)
    finally:
        del sys.modules["sdk_l_gate"]
    assert seen == [True]


def test_other_modules_are_imported_as_ever(module: Any) -> None:
    module("sdk_m")
    when_imported("sdk_m", lambda: None)
    assert importlib.import_module(module("sdk_n", "value = 2\n")).value == 2
    assert importlib.util.find_spec("sdk_that_nobody_has") is None


def test_an_action_that_fails_does_not_fail_the_import(module: Any, caplog: Any) -> None:
    """INST-7, IFACE-4, field B 13: half an installation is logged; the program imports what it wants."""
    name, seen = module("sdk_n"), []

    def broken() -> None:
        raise ImportError("half an installation")

    when_imported(name, broken)
    when_imported(name, lambda: seen.append(1))
    assert importlib.import_module(name).value
    assert seen == [1]
    assert "tracing sdk_n failed and was skipped: ImportError: half an installation" in caplog.text
