"""A part of a long task done in a process of its own, on a second core: what half a large store is worth.

The other process is this Python with this ``sys.path``; function, arguments and result go through pipes as pickles,
so the function is one of a module, and both ends are of one installation.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any, Callable, Optional

#: Rows from which a second process is worth its start, which takes some tenths of a second.
WORTH_IT = 200_000


class Worker:
    """A function at work elsewhere; :func:`start` makes one. Not thread-safe."""

    def __init__(self, function: Callable[..., Any], arguments: Any) -> None:
        task = pickle.dumps((function, arguments))
        # Whatever lies in the current directory is not imported.
        code = f"import sys; sys.path[:] = {sys.path!r}; from peekr.secondcore import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        self._process.stdin.write(task)
        self._process.stdin.close()
        self._process.stdin = None

    def result(self) -> Optional[Any]:
        """Wait for what the function returns, and return it; None if it failed."""
        assert self._process.stdout is not None
        try:
            found = pickle.load(self._process.stdout)
        except Exception:  # the process ended early, or in the midst of it
            self.give_up()
            return None
        self._process.communicate()
        return found if self._process.returncode == 0 else None

    def give_up(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def start(function: Callable[..., Any], *arguments: Any) -> Optional[Worker]:
    """Start a function elsewhere; None where there is no second core, or no process to be had."""
    if not sys.executable or (os.cpu_count() or 1) < 2:
        return None
    try:
        return Worker(function, arguments)
    except (OSError, ValueError):
        return None


def main() -> None:
    """Do what stdin says, and write the result to stdout."""
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    function, arguments = pickle.load(sys.stdin.buffer)
    pickle.dump(function(*arguments), out, pickle.HIGHEST_PROTOCOL)
    out.flush()
