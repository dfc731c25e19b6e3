"""``python -m peekr``."""

from __future__ import annotations

from peekr.cli import main

if __name__ == "__main__":
    main()
