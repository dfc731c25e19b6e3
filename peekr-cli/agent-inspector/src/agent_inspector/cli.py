"""``python -m agent_inspector.cli``: the command ``peekr``."""

from __future__ import annotations

from peekr.cli import main as main

if __name__ == "__main__":
    main()
