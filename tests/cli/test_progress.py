"""The progress bar of long commands (issue 6 item 5)."""

from __future__ import annotations

import io
import sys
import threading
from typing import Any

import pytest

from peekr_cli import progress
from peekr_cli.progress import Bar


class Terminal(io.StringIO):
    """A terminal's stderr; ``shown`` is set when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if "Reading" in text:
            self.shown.set()
        return super().write(text)


def terminal_of(monkeypatch: pytest.MonkeyPatch, patience_s: float = 0.0) -> Terminal:
    """Make stderr a terminal. Called in a test: pytest puts its own stderr back between a fixture and the test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_PATIENCE_S", patience_s)
    monkeypatch.setenv("TERM", "xterm-256color")
    return terminal


def test_what_takes_long_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: on a terminal; nothing of it stays there."""
    terminal = terminal_of(monkeypatch)
    with Bar("Reading", 10) as bar:
        assert terminal.shown.wait(10)
        bar.update(7)
        bar._shown.refresh()
    assert "7/10" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")


def test_without_a_number_it_shows_that_something_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: one long statement."""
    terminal = terminal_of(monkeypatch)
    with Bar("Reading"):
        assert terminal.shown.wait(10)


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: a second of patience."""
    terminal = terminal_of(monkeypatch, 60.0)
    with Bar("Reading") as bar:
        assert list(bar.over(range(3))) == [0, 1, 2]
    assert terminal.getvalue() == ""


def test_a_pipe_gets_nothing(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: what a machine reads has no bar in it."""
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)
    with Bar("Reading", 3) as bar:
        assert list(bar.over("abc")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
