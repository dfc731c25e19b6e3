"""The recorded API traffic, which stands beside the repository and not in it."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "recordings"


@functools.lru_cache(maxsize=1)
def replay() -> Any:
    """Return the module that plays the recordings, or None where they are not."""
    path = _FOLDER / "replay.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("peekr_recordings_replay", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
