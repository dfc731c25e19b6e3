"""``peekr traces`` and ``peekr completion`` (contract CLI-11, CLI-13)."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import click
import pytest

from peekr_cli import lazy

Invoke = Callable[..., Any]


@pytest.fixture
def stored(write: Any, record: Any, start: float) -> Path:
    """Three traces."""
    return write(  # type: ignore[no-any-return]
        [
            record("1", name="first", trace_id="a" * 32, tenant_id="acme"),
            record("2", name="second", trace_id="b" * 32, at=1000, status="error"),
            record("3", name="third", trace_id="c" * 32, at=2000, ms=1234.5),
            record("4", "3", "openai.chat", 2001, trace_id="c" * 32, kind="llm", tokens_total=7, cost_usd=0.5),
        ]
    )


def test_the_list_has_a_row_for_each_trace_the_newest_first(stored: Path, invoke: Invoke) -> None:
    """CLI-13: --list."""
    lines = invoke("traces", "traces.jsonl", "--list").stdout.splitlines()
    assert lines[0].split() == ["trace", "started", "name", "ms", "spans", "tokens", "cost", "$", "errors", "tenant"]
    assert [line.split()[0] for line in lines[2:]] == ["c" * 8, "b" * 8, "a" * 8]
    assert lines[2].split()[3:] == ["third", "1234", "2", "7", "0.5", "0"]


def test_the_list_for_machines_is_an_array(stored: Path, invoke: Invoke) -> None:
    """CLI-13: --json, one trace a line."""
    found = json.loads(invoke("traces", "traces.jsonl", "--json").stdout)
    assert [each["name"] for each in found] == ["third", "second", "first"]
    assert (found[0]["tokens_total"], found[0]["cost_usd"], found[1]["status"]) == (7, 0.5, "error")


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["--status", "error"], ["second"]),
        (["--tenant", "acme"], ["first"]),
        (["--limit", "1"], ["third"]),
        (["--limit", "0"], ["third", "second", "first"]),
        (["--trace", "bbbbbb"], ["second"]),
        (["--trace", "bbbbbb", "--tenant", "acme"], []),
        (["--since", "1750000001"], ["third", "second"]),
    ],
)
def test_the_filters_are_those_of_view(stored: Path, invoke: Invoke, filters: List[str], names: List[str]) -> None:
    """CLI-VIEW-9."""
    found = json.loads(invoke("traces", "traces.jsonl", "--json", *filters).stdout)
    assert [each["name"] for each in found] == names


def test_an_empty_store_says_so(invoke: Invoke) -> None:
    """CLI-VIEW-8 likewise: exit 0."""
    Path("traces.jsonl").touch()
    assert "has no trace yet" in invoke("traces", "--list").stdout
    assert json.loads(invoke("traces", "--json").stdout) == []
    assert "no trace that fits" in invoke("traces", "--list", "--status", "error").stdout


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that notes what it was asked to open."""
    if os.name == "nt":
        pytest.skip("the fake browser is a shell script")
    seen, script = tmp_path / "opened", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" >> "{seen}"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(script))
    return seen


class Installed:
    """An installed command, as the entry points give it."""

    def __init__(self, command: Any) -> None:
        self.name, self.value, self._command = "dashboard", "fake:dashboard", command

    def load(self) -> Any:
        return self._command


def test_without_options_the_dashboard_is_written_and_opened(
    stored: Path, invoke: Invoke, browser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLI-13: through the command ``dashboard``, whoever brings it."""
    import webbrowser

    monkeypatch.setattr(webbrowser, "_tryorder", None)

    @click.command()
    @click.argument("file")
    @click.option("-o", "output")
    def dashboard(file: str, output: str) -> None:
        Path(output).write_text(f"<html>{file}</html>")

    found: Dict[str, Any] = {"dashboard": Installed(dashboard)}
    monkeypatch.setattr(lazy, "_installed", lambda: found)
    invoke("traces", "traces.jsonl")
    assert Path("dashboard.html").read_text() == "<html>traces.jsonl</html>"
    assert browser.read_text().strip() == Path("dashboard.html").resolve().as_uri()


def test_without_a_dashboard_there_is_the_list(stored: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLI-13: and what to install."""
    monkeypatch.setattr(lazy, "_installed", dict)
    result = invoke("traces", "traces.jsonl")
    assert "pip install peekr-dashboard" in result.stderr
    assert "third" in result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(invoke: Invoke, shell: str) -> None:
    """CLI-11: click's own completion."""
    script = invoke("completion", shell).stdout
    assert f"_PEEKR_COMPLETE={shell}_complete" in script
    found = shutil.which(shell)
    if found is not None:
        assert subprocess.run([found, "-n"], input=script, text=True, capture_output=True).returncode == 0


def test_an_unknown_shell_is_a_wrong_command_line(invoke: Invoke) -> None:
    """CLI-11: exit code 2."""
    invoke("completion", "cmd", code=2)


def test_the_completion_knows_commands_and_options(peekr: Any) -> None:
    """CLI-11: what the script calls."""
    environment = {"_PEEKR_COMPLETE": "bash_complete", "COMP_WORDS": "peekr pru", "COMP_CWORD": "1"}
    script = [sys.executable, "-c", "from peekr_cli.main import main; main([])"]
    done = subprocess.run(script, env={**peekr.environment, **environment}, capture_output=True, text=True, timeout=60)
    assert "plain,prune" in done.stdout.splitlines()


NAMES = ("stats", "traces", "export", "import", "prune", "vacuum", "backup", "memory", "completion")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(invoke: Invoke, name: str) -> None:
    """CLI-11."""
    said = invoke(name, "--help").stdout
    assert f"peekr {name}" in said.split("Usage:")[1].split("\n", 1)[1]
