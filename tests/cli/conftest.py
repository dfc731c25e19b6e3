"""Shared by the tests of peekr-cli: span records, trace files, and the command as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

START = 1_750_000_000.0


def make_record(
    span_id: str, parent_id: Optional[str] = None, name: str = "step", at: float = 0, **given: Any
) -> Dict[str, Any]:
    """A span record. ``at`` and ``ms`` are milliseconds; what is no field of a record becomes an attribute."""
    fields = ("tenant_id", "user_id", "session_id", "status")
    ms, trace_id = given.pop("ms", 10.0), given.pop("trace_id", "ab" * 16)
    start = given.pop("start", START) + at / 1000
    out = {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": parent_id,
        "name": name,
        "start_time": start,
        "end_time": start + ms / 1000,
        "duration_ms": ms,
        "status": "ok",
        "tenant_id": None,
        "retention_class": None,
        "user_id": None,
        "session_id": None,
    }
    out.update({key: given.pop(key) for key in fields if key in given})
    return {**out, "attributes": given.pop("attributes", given)}


@pytest.fixture
def start() -> float:
    """When the records' traces start, in Unix seconds."""
    return START


@pytest.fixture
def record() -> Callable[..., Dict[str, Any]]:
    """Makes a span record: see :func:`make_record`."""
    return make_record


@pytest.fixture
def span() -> Callable[..., Any]:
    """Makes a :class:`peekr.Span` of the arguments of :func:`make_record`."""
    from peekr import Span

    return lambda *args, **given: Span.from_dict(make_record(*args, **given))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes span records (or ready lines) to a file in the test's directory."""
    pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")

    def write_file(lines: List[Any], name: str = "traces.jsonl") -> Path:
        path = tmp_path / name
        with open(path, "a", encoding="utf-8") as file:
            file.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        return path

    return write_file


class Peekr:
    """Runs ``python -m peekr`` in a directory of its own, as a user would."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("PEEKR_", "OPENAI_"))
        }
        self.environment.update(XDG_STATE_HOME=str(directory / "state"), PYTHONIOENCODING="utf-8", TZ="UTC")
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            self.environment.pop(name, None)

    def command(self, *arguments: Any) -> List[str]:
        return [sys.executable, "-m", "peekr", *map(str, arguments)]

    def run(self, *arguments: Any, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.directory,
            env={**self.environment, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )

    def __call__(self, *arguments: Any, code: int = 0, **environment: str) -> str:
        """Return standard output; the exit code must be ``code`` and no traceback may show."""
        done = self.run(*arguments, **environment)
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done
        return done.stdout

    def fails(self, *arguments: Any, code: int = 1, **environment: str) -> str:
        """Return standard error of a command that must fail with one or two sentences."""
        done = self.run(*arguments, **environment)
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done
        return done.stderr

    def on_terminal(self, *arguments: Any, columns: int = 80, **environment: str) -> str:
        """Return what a terminal of so many columns receives."""
        pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
        import fcntl
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.directory,
            env={**self.environment, "TERM": "xterm-256color", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        received = b"".join(_read_all(ours))
        os.close(ours)
        assert process.wait(30) == 0
        return received.decode().replace("\r\n", "\n")


def _read_all(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # Linux reports the other side's end as an error
            return
        if not block:
            return
        yield block


@pytest.fixture
def peekr(tmp_path: Path) -> Peekr:
    """The command, in the test's own directory."""
    return Peekr(tmp_path)


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command in this process, in the test's own directory; the exit code must be ``code``."""
    from click.testing import CliRunner

    from peekr_cli.main import cli

    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("PEEKR_", "TRACE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    import inspect

    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}  # click < 8.2

    def run(*arguments: Any, code: int = 0) -> Any:
        result = CliRunner(**apart).invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == code, result.stdout + result.stderr
        return result

    return run
