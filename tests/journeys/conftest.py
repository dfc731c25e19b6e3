"""Journeys: whole programs in processes of their own, from their first line to their last breath."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import pytest

#: Put before every program. An exporter that tells of each span in one line; lines of several threads or processes
#: do not mix, because each is one write.
PRELUDE = """
import os, sys, threading, time, atexit, signal
import peekr

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

class Telling:
    def export_batch(self, spans):
        for span in spans:
            say("span", span.name, os.getpid(), span.trace_id, span.span_id)

    def shutdown(self):
        say("closed", os.getpid())

class Hanging:
    def export_batch(self, spans):
        threading.Event().wait()

def on(**settings):
    peekr.instrument(**{"console": False, "exporter": Telling(), "plugins": [], **settings})

@peekr.trace(name="work")
def work(number=0):
    return number
"""


class Program:
    """A running program; what it writes goes to files, which can be looked at at any time."""

    def __init__(self, source: str, folder: Path, first: str) -> None:
        self.folder = folder
        path, self._out, self._err = (folder / name for name in ("program.py", "out.txt", "err.txt"))
        path.write_text(textwrap.dedent(first) + PRELUDE + textwrap.dedent(source), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PEEKR_", "TRACE_"))}
        env = {**kept, "XDG_STATE_HOME": str(folder / "state")}
        self.seconds = 0.0
        with open(self._out, "a") as out, open(self._err, "a") as err:  # appended: processes share it, no line is lost
            self.process = subprocess.Popen(
                [sys.executable, str(path)], cwd=folder, env=env, stdout=out, stderr=err, start_new_session=True
            )

    @property
    def lines(self) -> List[str]:
        """What it wrote so far."""
        return self._out.read_text(encoding="utf-8").splitlines()

    @property
    def err(self) -> str:
        """What it complained about so far."""
        return self._err.read_text(encoding="utf-8")

    @property
    def spans(self) -> List[Tuple[str, ...]]:
        """Of each span: name, process, trace id, span id."""
        return [tuple(line.split()[1:]) for line in self.lines if line.startswith("span ")]

    @property
    def names(self) -> List[str]:
        """The names of the spans."""
        return [span[0] for span in self.spans]

    def says(self, line: str) -> None:
        """Wait until it has written this line, 20 seconds at most."""
        deadline = time.monotonic() + 20
        while line not in self.lines:
            assert self.process.poll() is None and time.monotonic() < deadline, f"never said {line!r}: {self.err}"
            time.sleep(0.02)

    def ends(self, status: int = 0) -> float:
        """Wait until it has ended with this status, 30 seconds at most; return how long that took."""
        began = time.monotonic()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.lines[-5:]}\n{self.err}") from None
        assert self.process.returncode == status, f"{self.process.returncode}: {self.lines[-5:]}\n{self.err}"
        return time.monotonic() - began

    def clean_up(self) -> None:
        """End it, and every process that it left behind."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts a program, given as text, and makes sure that it is gone after the test.

    What is given as ``first`` it does before it imports peekr.
    """
    running: List[Program] = []

    def start_program(source: str, first: str = "") -> Program:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        running.append(Program(source, folder, first))
        return running[-1]

    yield start_program
    for program in running:
        program.clean_up()


@pytest.fixture
def run(start: Callable[..., Program]) -> Callable[..., Program]:
    """Runs a program to its end."""

    def run_program(source: str, status: int = 0, first: str = "") -> Program:
        program = start(source, first)
        program.seconds = program.ends(status)
        return program

    return run_program
