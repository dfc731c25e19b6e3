"""Where the console script begins: what needs no command is answered without loading any."""

from __future__ import annotations

import sys


def main() -> None:
    """Print the version, or run :func:`peekr_cli.main.main`."""
    if sys.argv[1:] == ["--version"]:
        import peekr

        print(f"peekr {peekr.__version__}")
        return
    from peekr_cli.main import main as run

    run()
