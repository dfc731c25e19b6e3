"""Discovery: which plugins are installed, which are wanted, and loading them one by one without trusting any.

stevedore finds things by name and loads groups (its cache spares the disk scan); :mod:`peekr.entries` lists what is
installed without importing it. Both are imported on first use: ``import peekr`` scans no disk.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import attrs

from peekr import searchpath
from peekr.errors import ConfigurationError, PluginNotFound

if TYPE_CHECKING:
    from peekr.entries import PluginInfo

logger = logging.getLogger("peekr")


@attrs.define(slots=True, eq=False, repr=False)
class Choice:
    """Which plugins may be used: an allow list (None allows all) and a deny list, by entry or distribution name."""

    allowed: Optional[Sequence[str]] = None
    denied: Sequence[str] = ()

    @classmethod
    def of(cls, plugins: Optional[Sequence[str]] = None) -> Choice:
        """Read the choice: the argument, else ``PEEKR_PLUGINS``; always without ``PEEKR_PLUGINS_DISABLE``."""
        allowed = plugins if plugins is not None else _names("PEEKR_PLUGINS")
        return cls(allowed, _names("PEEKR_PLUGINS_DISABLE") or ())

    def check(self, named: Optional[Sequence[str]] = None) -> None:
        """Look whether each chosen name is somebody's.

        :param named: the argument of instrument(), which somebody can still correct; the environment may be shared
            by programs with other plugins, so that a name in ``PEEKR_PLUGINS`` is only warned of, once.
        :raises ConfigurationError: naming what is not installed, and what is.
        """
        if not self.allowed:
            return
        from peekr.entries import entries

        found = entries()
        known = {name for info in found for name in (info.name, f"{info.group}:{info.name}", info.distribution)}
        known.update(info.value.partition(":")[0].partition(".")[0].replace("_", "-") for info in found)
        unknown = [name for name in self.allowed if name not in known]
        if not unknown:
            return
        names = ", ".join(map(repr, unknown))
        installed = ", ".join(sorted({info.distribution for info in found})) or "none"
        message = f"{names}, which no installed plugin is called; installed: {installed}.\n{_SEE_LIST}"
        if named is not None:
            raise ConfigurationError(f"plugins names {message}")
        if message not in _said:
            _said.add(message)
            logger.warning("PEEKR_PLUGINS names %s", message)

    def refusal(self, group: str, name: str, value: str) -> Optional[str]:
        """Return why an entry is not to be used, or None."""
        if not self.denied and self.allowed is None:
            return None
        names = {name, f"{group}:{name}", value.partition(":")[0].partition(".")[0].replace("_", "-")}
        if self.denied or self.allowed:
            from peekr.entries import entries

            names.update(info.distribution for info in entries() if (info.group, info.name) == (group, name))
        if names.intersection(self.denied):
            return "disabled by PEEKR_PLUGINS_DISABLE"
        if self.allowed is not None and not names.intersection(self.allowed):
            return "not among the chosen plugins"
        return None


def _names(variable: str) -> Optional[List[str]]:
    text = os.environ.get(variable)
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


_SEE_LIST = "List what is installed with: peekr plugins list"
_said: Set[str] = set()

#: What failed to load in this process: (group, name) → reason.
failures: Dict[Tuple[str, str], str] = {}
#: What was loaded for use in this process.
active: set[Tuple[str, str]] = set()


def record_failure(group: str, name: str, error: BaseException) -> None:
    """Remember that a plugin could not be set up, for ``peekr plugins list`` here and in a later process."""
    failures[group, name] = f"{type(error).__name__}: {error}"
    active.discard((group, name))
    _remember_failures()


def forget_recovered() -> None:
    """Take back what an earlier process left behind about plugins that work in this one."""
    recorded = _recorded_failures()
    if any(key in active and key not in failures for key in recorded):
        _write_failures({key: reason for key, reason in recorded.items() if key not in active or key in failures})


def _failed(group: str, name: str, error: BaseException) -> None:
    reason = f"{type(error).__name__}: {error}"
    if failures.get((group, name)) != reason:
        failures[group, name] = reason
        logger.warning(
            "plugin %r of %s cannot be loaded and is skipped: %s.\nSee: peekr plugins list --check", name, group, reason
        )
    _remember_failures()


def load_group(group: str, choice: Optional[Choice] = None, first: str = "") -> Iterator[Tuple[str, Any]]:
    """Load every wanted entry of a group; yield name and object. One that fails is reported, and skipped.

    :param first: name of the entry to begin with: who finds what it needs there loads no other.
    """
    from stevedore.extension import ExtensionManager

    searchpath.look_again()
    wanted = choice or Choice.of()
    # an instance that loads nothing by itself: stevedore lets a plugin's AssertionError and SystemExit through
    listing: Any = ExtensionManager.make_test_instance([], namespace=group)
    try:
        entries = listing.list_entry_points()
    except Exception as error:  # an unreadable folder on sys.path, a broken distribution
        logger.warning("plugins of %s cannot be listed: %s: %s", group, type(error).__name__, error)
        return
    for entry in sorted(entries, key=lambda each: each.name != first):
        if wanted.refusal(group, entry.name, entry.value) is None:
            try:
                loaded = entry.load()
            except (Exception, SystemExit) as error:
                _failed(group, entry.name, error)
            else:
                active.add((group, entry.name))
                yield entry.name, loaded


def driver(group: str, name: str, hint: str = "") -> Any:
    """Load the one entry of a group that has this name, and nothing else.

    :raises PluginNotFound: if there is none, or it is disabled.
    :raises PluginNotFound: if it fails to load; the cause is chained.
    """
    from stevedore.driver import DriverManager
    from stevedore.exception import NoMatches

    refusal = Choice(None, _names("PEEKR_PLUGINS_DISABLE") or ()).refusal(group, name, f"{name}:")
    if refusal:
        raise PluginNotFound(group, name, _names_of(group), f"It is {refusal}.")
    searchpath.look_again()
    try:
        loaded = DriverManager(group, name, invoke_on_load=False, on_load_failure_callback=_raise)
    except NoMatches:
        raise PluginNotFound(group, name, _names_of(group), hint) from None
    except (Exception, SystemExit) as error:
        _failed(group, name, error)
        raise PluginNotFound(
            group, name, _names_of(group), f"It is installed, but cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    active.add((group, name))
    return loaded.driver


def _names_of(group: str) -> List[str]:
    from peekr.entries import names_of

    return names_of(group)


def _raise(_manager: Any, _entry: Any, error: BaseException) -> None:
    raise error


def installed(choice: Optional[Choice] = None) -> List[PluginInfo]:
    """List every plugin with its state, without importing any.

    Failures are those of this process, and those the last failing process left behind.
    """
    from peekr.entries import entries

    wanted = choice or Choice.of()
    known = {**_recorded_failures(), **failures}
    found = []
    for info in entries():
        key = (info.group, info.name)
        refusal = wanted.refusal(info.group, info.name, info.value)
        if refusal:
            info = attrs.evolve(info, state="disabled", reason=refusal)
        elif key in known:
            info = attrs.evolve(info, state="failed", reason=known[key])
        elif key in active:
            info = attrs.evolve(info, state="active")
        found.append(info)
    return sorted(found, key=lambda info: (info.group, info.name, info.distribution))


def check(choice: Optional[Choice] = None) -> List[PluginInfo]:
    """Load every plugin that is not disabled, and list all with the outcome."""
    from importlib.metadata import EntryPoint

    checked = []
    for info in installed(choice):
        if info.state != "disabled":
            try:
                EntryPoint(info.name, info.value, info.group).load()
            except (Exception, SystemExit) as error:
                info = attrs.evolve(info, state="failed", reason=f"{type(error).__name__}: {error}")
                failures[info.group, info.name] = info.reason or ""
            else:
                info = attrs.evolve(info, state="installed" if info.state == "failed" else info.state, reason=None)
                failures.pop((info.group, info.name), None)
        checked.append(info)
    _remember_failures(replace=True)
    return checked


# -- what the last process left behind ----------------------------------------------------------------------------


def _record_path() -> str:
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "peekr", "plugin-failures.json")


def _recorded_failures() -> Dict[Tuple[str, str], str]:
    import json

    try:
        with open(_record_path(), encoding="utf-8") as file:
            rows = json.load(file)
        return {(row["group"], row["name"]): str(row["reason"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _remember_failures(replace: bool = False) -> None:
    """Keep failures for ``peekr plugins list`` of a later process; a place that cannot be written is no trouble."""
    known = {**({} if replace else _recorded_failures()), **failures}
    if known or os.path.exists(_record_path()):
        _write_failures(known)


def _write_failures(known: Dict[Tuple[str, str], str]) -> None:
    import json

    path = _record_path()
    rows = [{"group": group, "name": name, "reason": reason} for (group, name), reason in sorted(known.items())]
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    except OSError as error:
        logger.debug("cannot record plugin failures in %s: %s", path, error)
