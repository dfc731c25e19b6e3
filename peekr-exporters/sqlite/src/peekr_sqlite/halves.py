"""The second half of a long database, added up in a process of its own: a second core halves the time.

``python -m peekr_sqlite.halves`` reads what to do from stdin and writes the sums to stdout. Both ends are this
module's, in one installation, so the pipe carries pickles.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any, Optional, Sequence, Tuple

from peekr.selection import Selection

#: Rows from which a second process is worth its start, which takes some tenths of a second.
WORTH_IT = 200_000


class Half:
    """The rows after ``middle``, being added up elsewhere."""

    def __init__(self, target: str, by: Sequence[str], selection: Selection, top: bool, middle: int) -> None:
        task = pickle.dumps((target, tuple(by), selection, top, middle))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "peekr_sqlite.halves"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(task)
        self._process.stdin.close()
        self._process.stdin = None

    def result(self) -> Optional[Tuple[Any, ...]]:
        """Wait for the sums; None if the process failed."""
        out, _ = self._process.communicate()
        return pickle.loads(out) if self._process.returncode == 0 else None

    def give_up(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def start_half(target: str, by: Sequence[str], selection: Selection, top: bool, middle: int) -> Optional[Half]:
    """Start a process for the rows after ``middle``; None where there is no second core, or no process to be had."""
    if not sys.executable or (os.cpu_count() or 1) < 2:
        return None
    try:
        return Half(target, by, selection, top, middle)
    except (OSError, ValueError):
        return None


def main() -> None:
    """Do what stdin says."""
    from peekr_sqlite.spending import Tally, add_rows
    from peekr_sqlite.store import SQLiteStore

    target, by, selection, top, middle = pickle.load(sys.stdin.buffer)
    tally = Tally(by, top)
    store = SQLiteStore(target)
    add_rows(store, tally, by, selection, "rowid > ?", middle)
    store.close()
    sys.stdout.buffer.write(pickle.dumps(tally.parts()))


if __name__ == "__main__":
    main()
