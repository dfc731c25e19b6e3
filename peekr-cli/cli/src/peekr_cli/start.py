"""Where the console script begins: what needs no command is answered without loading any."""

from __future__ import annotations

import gc
import sys

#: New objects between two looks of the cyclic collector, many times the default: what a command imports is there to
#: stay, and looking through it again and again is a good part of a short command.
_GC_THRESHOLD = 20_000


def main() -> None:
    """Print the version, or run :func:`peekr_cli.main.main`."""
    if sys.argv[1:] == ["--version"]:
        import peekr

        print(f"peekr {peekr.__version__}")
        return
    gc.set_threshold(_GC_THRESHOLD)
    try:
        from peekr_cli.main import main as run

        run()
    finally:
        if hasattr(gc, "freeze"):  # not in PyPy
            gc.freeze()  # else the interpreter looks through all of it once more before it goes
