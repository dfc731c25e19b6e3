"""What is on ``sys.path``, to notice what is installed while the program runs, as in a notebook."""

from __future__ import annotations

import os
import sys
from typing import Optional, Tuple

State = Tuple[Tuple[str, float], ...]

#: What was on ``sys.path`` when stevedore last looked.
_looked_at: Optional[State] = None


def state() -> State:
    """Return the folders of ``sys.path`` and when something was last installed in each.

    The empty one is where the program runs, and writes its files.
    """
    return tuple((folder, _modified(folder)) for folder in map(str, sys.path) if folder)


def look_again() -> None:
    """Have stevedore look again if something was installed since: by itself it looks once in a process."""
    global _looked_at
    now = state()
    if _looked_at is not None and now != _looked_at:
        from stevedore import _cache
        from stevedore.extension import ExtensionManager

        getattr(getattr(_cache, "_c", None), "_internal", {}).clear()
        getattr(ExtensionManager, "ENTRY_POINT_CACHE", {}).clear()
    _looked_at = now


def _modified(folder: str) -> float:
    try:
        return os.stat(folder).st_mtime
    except (OSError, ValueError):
        return 0.0
