"""The recorded API traffic, which stands beside the repository and not in it.

The everyday run plays a fifth of it, some of every operation; ``PEEKR_RECORDINGS=all`` plays all, as
``nox -s sdks`` does.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List

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


def chosen(recordings: Iterable[Any]) -> List[Any]:
    """Return those of the recordings that this run plays."""
    if os.environ.get("PEEKR_RECORDINGS") == "all":
        return list(recordings)
    of_operation: Dict[str, List[Any]] = defaultdict(list)
    for each in recordings:
        of_operation[each["operation"]].append(each)
    return [each for same in of_operation.values() for each in same[::5]]
