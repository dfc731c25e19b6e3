"""``python -m peekr.cli``: the command of the distribution ``peekr-cli``."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run ``peekr``, or say how to install it; never returns."""
    try:
        from peekr_cli.start import main as run
    except ModuleNotFoundError as error:
        if error.name != "peekr_cli":
            raise
        sys.exit(
            "The peekr command needs the distribution 'peekr-cli', which is not installed.\n"
            "Install it with: pip install peekr-cli"
        )
    run()
    sys.exit(0)


if __name__ == "__main__":
    main()
