"""The sub-commands of ``peekr``: found by entry point, each imported only when it is called or its help is shown."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import attrs
import click

from peekr import plugins
from peekr.errors import PluginNotInstalled
from peekr.terminal import neutral

GROUP = "peekr.commands"
_OWN = "peekr_cli."
#: Commands of other distributions of ours, to name the one that is missing.
FIRST_PARTY = {
    "cost": "peekr-cost",
    "dashboard": "peekr-dashboard",
    "diagnose": "peekr-dashboard",
    "eval": "peekr-eval",
    "export-feedback": "peekr-feedback",
    "feedback": "peekr-feedback",
    "mcp": "peekr-mcp",
    "server": "peekr-server",
}


def missing(name: str) -> Optional[PluginNotInstalled]:
    """Return what there is to say of a command of ours whose distribution is not installed, else None."""
    from importlib.util import find_spec

    distribution = FIRST_PARTY.get(name)
    if distribution is None or find_spec(distribution.replace("-", "_")) is not None:
        return None
    return PluginNotInstalled(f"the command {name!r}", distribution)


@attrs.define(slots=True, frozen=True)
class Failure:
    """Why an installed command cannot be used.

    :ivar reason: the exception, in one line.
    """

    name: str
    value: str
    reason: str

    @property
    def message(self) -> str:
        """Two sentences: what happened, and where to look."""
        return (
            f"the command {self.name!r} ({self.value}) is installed, but cannot be loaded: {self.reason}.\n"
            "See: peekr plugins check"
        )


class Commands:
    """The installed commands by name; loading one never harms another.

    An entry of this distribution wins over a stranger's of the same name. Commands that the user disabled
    (``PEEKR_PLUGINS_DISABLE``) are not listed.
    """

    def __init__(self, entries: Optional[Mapping[str, Any]] = None) -> None:
        self._entries = dict(_installed() if entries is None else entries)
        self._loaded: Dict[str, Any] = {}

    def names(self) -> List[str]:
        """Return the names, in alphabetical order; nothing is imported."""
        return sorted(self._entries)

    def load(self, name: str) -> Any:
        """Return the click command of this name, a :class:`Failure`, or None where no such command is installed."""
        if name not in self._loaded and name in self._entries:
            self._loaded[name] = _load(name, self._entries[name])
        return self._loaded.get(name)


def _installed() -> Dict[str, Any]:
    choice = plugins.Choice.of()
    found: Dict[str, Any] = {}
    for entry in entry_points(GROUP):
        # the allow list is for what takes part in tracing; a command is only ever called by its name
        if plugins.Choice(None, choice.denied).refusal(GROUP, entry.name, entry.value):
            continue
        if entry.name not in found or entry.value.startswith(_OWN):
            found[entry.name] = entry
    return found


def entry_points(group: str) -> List[Any]:
    """Return the entry points of a group, by the listing that all of peekr uses: one scan of the disk, or its cache."""
    from stevedore.extension import ExtensionManager

    listing: Any = ExtensionManager.make_test_instance([], namespace=group)
    return list(listing.list_entry_points())


def _load(name: str, entry: Any) -> Any:
    try:
        command = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a plugin must not end the others' help
        plugins.record_failure(GROUP, name, error)
        return _failed(name, entry, f"{type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _failed(name, entry, f"TypeError: it is no click command but {type(command).__name__}")
    return command


def _failed(name: str, entry: Any, reason: str) -> Failure:
    reason = neutral(reason)
    plugins.failures[GROUP, name] = reason
    return Failure(name, neutral(entry.value), reason)
