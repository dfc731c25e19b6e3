"""What is installed: the entries of the entry-point groups, found without importing any of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, List, Optional, Tuple

import attrs

from peekr import searchpath

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


def names_of(group: str) -> List[str]:
    """Return the names in a group, from metadata alone."""
    return sorted({info.name for info in entries() if info.group == group})


def owners() -> Dict[Tuple[str, str], str]:
    """Return the distribution of each entry, by group and name."""
    return {(info.group, info.name): info.distribution for info in entries()}


def entries() -> Tuple[PluginInfo, ...]:
    """Return every entry of every group, looked up once for what is on ``sys.path``."""
    return _scan(searchpath.state())


@lru_cache(maxsize=1)
def _scan(_state: searchpath.State) -> Tuple[PluginInfo, ...]:
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
