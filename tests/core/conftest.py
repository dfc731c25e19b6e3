"""Shared by the tests of peekr-core: a recording, a clean process, programs in a process of their own, fake plugins."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import peekr
from peekr.context import current
from peekr.spans import Span
from peekr.testing import Recording, record


@pytest.fixture(autouse=True)
def clean_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of the developer's machine come in, nothing is left switched on, no file leaves the test's folder."""
    for name in [name for name in os.environ if name.startswith(("PEEKR_", "TRACE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    yield
    peekr.uninstrument()
    peekr.clear_exporters()
    peekr.set_trace(None)
    left = current.get()
    current.set(None)
    assert left is None, "the test left a span or session open"


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing into memory, without any plugin."""
    with record(plugins=[]) as recording:
        yield recording


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], List[str]]:
    """What the logger ``peekr`` said so far, from WARNING up."""
    caplog.set_level(logging.WARNING, logger="peekr")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "peekr"]


@pytest.fixture
def counts_since() -> Callable[[], Dict[str, int]]:
    """How much each number of ``stats()["spans"]`` has grown since the test began."""
    before = peekr.stats()["spans"]
    return lambda: {name: value - before[name] for name, value in peekr.stats()["spans"].items()}


class Exporter:
    """A custom exporter in the small form; remembers what it got and which of its methods were called."""

    def __init__(self) -> None:
        self.spans: List[Span] = []
        self.calls: List[str] = []

    def export(self, span: Span) -> None:
        self.spans.append(span)

    def flush(self) -> None:
        self.calls.append("flush")

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    @property
    def names(self) -> List[str]:
        assert peekr.flush(10)
        return [span.name for span in self.spans]


class Batches(Exporter):
    """The batch form."""

    export = None  # type: ignore[assignment]

    def export_batch(self, spans: Any) -> None:
        self.spans += spans


class Hanging:
    """Takes one batch and never comes back, until it is released."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.release = threading.Event()

    def export_batch(self, spans: Any) -> None:
        self.begun.set()
        self.release.wait(60)


@pytest.fixture
def make() -> Any:
    """The exporters above, as ``make.Exporter()``."""

    class Make:
        pass

    Make.Exporter, Make.Batches = Exporter, Batches  # type: ignore[attr-defined]
    return Make


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """An exporter that hangs for as long as the test runs."""
    exporter = Hanging()
    yield exporter
    exporter.release.set()


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Runs a program in a process of its own and returns what it printed; it must end by itself, with status 0."""

    def run(*program: str, status: int = 0, path: Optional[Path] = None, **environment: str) -> str:
        folders = [str(folder) for folder in (path or tmp_path / "plugins",) if folder.is_dir()]
        env: Dict[str, str] = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), **environment}
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(map(textwrap.dedent, program))],
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
            cwd=tmp_path,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + (done.stderr if status else "")

    return run


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """Installs a distribution of one module on the path of :func:`python`, as pip would leave it there."""

    def install(module: str, source: str, entry_points: Dict[str, str], distribution: str = "acme-peekr") -> Path:
        folder = tmp_path / "plugins"
        info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n", encoding="utf-8")
        groups = "".join(f"[{group}]\n{entry}\n" for group, entry in entry_points.items())
        (info / "entry_points.txt").write_text(groups, encoding="utf-8")
        return folder

    return install
