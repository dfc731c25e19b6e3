"""What is installed: the entries of the entry-point groups, found without importing any of it."""

from __future__ import annotations

import os
import sys
from functools import cache, lru_cache
from typing import Dict, List, Optional, Tuple

import attrs

#: Every entry-point group, and what an entry of it is.
GROUPS = {
    "peekr.providers": "patches one SDK",
    "peekr.exporters": "writes spans; its name is the storage= word",
    "peekr.stores": "reads spans back from a path or URL",
    "peekr.processors": "changes spans before storage",
    "peekr.evaluators": "scores an answer",
    "peekr.guardrails": "blocks or redacts",
    "peekr.alerts": "watches traces",
    "peekr.sinks": "takes the messages of alerts",
    "peekr.prices": "a price table",
    "peekr.samplers": "decides which traces are recorded",
    "peekr.commands": "a sub-command of peekr",
    "peekr.diagnostics": "a diagnostic rule",
    "peekr.hooks": "hook implementations",
}


@attrs.define(slots=True, frozen=True)
class PluginInfo:
    """One entry point of one installed distribution.

    :ivar value: ``module:attribute``.
    :ivar state: ``active`` (in use in this process), ``installed``, ``disabled`` or ``failed``.
    :ivar reason: why it is disabled or failed.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str
    state: str = "installed"
    reason: Optional[str] = None


#: What was on ``sys.path`` when stevedore last looked.
_looked_at: Optional[Tuple[Tuple[str, float], ...]] = None


def names_of(group: str) -> List[str]:
    """Return the names in a group, from metadata alone."""
    return sorted({info.name for info in entries() if info.group == group})


@cache
def owners() -> Dict[Tuple[str, str], str]:
    """Return the distribution of each entry, by group and name; looked up once in a process."""
    return {(info.group, info.name): info.distribution for info in entries()}


def entries() -> Tuple[PluginInfo, ...]:
    """Return every entry of every group, looked up once for what is on ``sys.path``."""
    return _scan(_on_path())


def look_again() -> None:
    """Have stevedore look again if something was installed since, as in a notebook: it looks once in a process."""
    global _looked_at
    now = _on_path()
    if now == _looked_at:
        return
    if _looked_at is not None:
        from stevedore import _cache
        from stevedore.extension import ExtensionManager

        getattr(getattr(_cache, "_c", None), "_internal", {}).clear()
        getattr(ExtensionManager, "ENTRY_POINT_CACHE", {}).clear()
        owners.cache_clear()
    _looked_at = now


@lru_cache(maxsize=1)
def _scan(_on_path: Tuple[Tuple[str, float], ...]) -> Tuple[PluginInfo, ...]:
    from importlib.metadata import distributions

    found, seen = [], set()
    for distribution in distributions():
        if "[peekr." not in (distribution.read_text("entry_points.txt") or ""):
            continue  # most of what is installed: reading their metadata takes the longest
        name = distribution.metadata["Name"] or "?"
        if name in seen:  # a second copy further down sys.path is not the one imported
            continue
        seen.add(name)
        for entry in distribution.entry_points:
            if entry.group in GROUPS:
                found.append(PluginInfo(entry.group, entry.name, entry.value, name, distribution.version))
    return tuple(found)


def _on_path() -> Tuple[Tuple[str, float], ...]:
    """Return the folders of ``sys.path`` and when something was last installed in each.

    The empty one is where the program runs, and writes its files.
    """
    return tuple((folder, _modified(folder)) for folder in map(str, sys.path) if folder)


def _modified(folder: str) -> float:
    try:
        return os.stat(folder).st_mtime
    except (OSError, ValueError):
        return 0.0
