"""``python -m agent_inspector``."""

from __future__ import annotations

from agent_inspector.cli import main

if __name__ == "__main__":
    main()
