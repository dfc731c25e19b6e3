"""`peekr-mcp` and `peekr mcp` where there is nothing to serve: wrong words, an old Python, no SDK (CLI-11, CLI-14)."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, Callable

import pytest
from click.testing import CliRunner

from peekr_cli.main import cli
from peekr_mcp import command


@pytest.fixture
def run(monkeypatch: Any, capsys: Any) -> Callable[..., Any]:
    """Runs ``peekr-mcp`` and returns exit code and stderr."""

    def run(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["peekr-mcp", *arguments])
        monkeypatch.setattr("peekr_cli.terminal.show_warnings", lambda: None)  # it is for the whole process
        with pytest.raises(SystemExit) as ended:
            command.main()
        printed = capsys.readouterr()
        return ended.value.code, printed.err, printed.out

    return run


def test_help_says_what_it_is_and_how_it_is_started(run: Any) -> None:
    """CLI-11"""
    code, _, out = run("--help")
    assert code == 0
    assert "peekr-mcp --db traces.db" in out and "--jsonl FILE" in out and "MCP client" in out


@pytest.mark.parametrize("arguments", [["--db", "a.db", "--jsonl", "b.jsonl"], ["a.db", "--db", "b.db"]])
def test_two_files_are_a_wrong_command_line(run: Any, arguments: Any) -> None:
    """CLI-14"""
    code, err, out = run(*arguments)
    assert code == 2 and "Give one of FILE, --db and --jsonl" in err and out == ""


def test_an_old_python_is_named_in_one_sentence(run: Any, monkeypatch: Any) -> None:
    """PKG-1: it installs on 3.9, and says what it needs."""
    monkeypatch.setattr(command, "_NEEDED", (99, 0))
    code, err, out = run("--db", "traces.db")
    assert (code, out) == (1, "")
    assert err.strip().count("\n") == 0 and "needs Python 3.10" in err and sys.version.split()[0] in err


def test_without_the_sdk_the_command_says_what_to_install(run: Any, monkeypatch: Any) -> None:
    """PKG-6"""
    found = importlib.util.find_spec
    monkeypatch.setattr(command, "_NEEDED", (3, 0))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mcp" else found(name, *rest))
    code, err, out = run("traces.db")
    assert (code, out) == (1, "") and "pip install mcp" in err and "Traceback" not in err


def test_it_is_a_command_of_peekr(monkeypatch: Any) -> None:
    """CLI-11, CLI-14: plugins add sub-commands by entry point."""
    if importlib.util.find_spec("peekr_mcp") is None or "mcp" not in cli.list_commands(None):  # type: ignore[arg-type, attr-defined]
        pytest.skip("peekr-mcp is not installed")
    monkeypatch.setattr(command, "_NEEDED", (99, 0))
    result = CliRunner().invoke(cli, ["mcp", "traces.db"])
    assert result.exit_code == 1 and "needs Python 3.10" in result.output


def test_naming_the_command_imports_nothing_of_the_sdk() -> None:
    """PKG-7: `peekr --help` of somebody who has it installed costs no more."""
    import subprocess

    program = "import sys, peekr_mcp.command; print([m for m in ('mcp', 'pydantic', 'anyio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
