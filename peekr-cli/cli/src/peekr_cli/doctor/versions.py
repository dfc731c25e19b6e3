"""Whether the distributions fit each other: peekr's own among themselves, and SDKs with what a plugin supports."""

from __future__ import annotations

import operator
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from peekr_cli.doctor.findings import Check, SdkFinding

_NUMBER = re.compile(r"\d+")
_CLAUSE = re.compile(r"(==|!=|<=|>=|<|>)\s*([\w.]+)")
_OPERATORS: Dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_REQUIREMENT = re.compile(r"^\s*([\w.-]+)\s*(?:\[[^]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?$")


def _release(version: str) -> Tuple[int, ...]:
    """The numbers of a version as far as they can be compared, without zeros at its end."""
    numbers: List[int] = []
    for part in version.split("."):
        found = _NUMBER.match(part)
        if found is None:
            break
        numbers.append(int(found.group()))
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def fits(version: str, wanted: str) -> bool:
    """Whether a version is within ``">=1.2,<2"``; clauses of other kinds are taken as kept."""
    have = _release(version)
    return all(_OPERATORS[sign](have, _release(limit)) for sign, limit in _CLAUSE.findall(wanted))


def _requirements(dist: Distribution) -> Iterator[Tuple[str, str, str]]:
    """Yield name, versions and marker of what a distribution requires."""
    for line in dist.requires or ():
        found = _REQUIREMENT.match(line)
        if found is not None:
            yield _name(found.group(1)), found.group(2).strip(), found.group(3) or ""


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def version_checks() -> List[Check]:
    """Return what does not fit among the distributions that require one of peekr's; one line where all does."""
    found = {_name(dist.metadata["Name"] or ""): dist for dist in reversed(list(distributions()))}
    own = {name: dist for name, dist in found.items() if name.startswith("peekr")}
    checks = [
        Check("versions", name, "failed", f"{name} {dist.version} needs {wanted}{versions}, but {have} is installed")
        for name, dist in sorted(own.items())
        for wanted, versions, marker in _requirements(dist)
        if "extra" not in marker and wanted in own
        for have in [own[wanted].version]
        if not fits(have, versions)
    ]
    return checks or [Check("versions", "peekr", "ok", _list_of(own))]


def _list_of(own: Dict[str, Distribution]) -> str:
    by_version: Dict[str, int] = {}
    for dist in own.values():
        by_version[dist.version] = by_version.get(dist.version, 0) + 1
    return ", ".join(f"{count} distributions at {version}" for version, count in sorted(by_version.items()))


def supported(plugin: str, sdk: str) -> Optional[str]:
    """Return the versions of an SDK that a plugin's extra ``client`` names, or None."""
    try:
        wanted = _requirements(distribution(plugin))
    except PackageNotFoundError:
        return None
    return next((versions for name, versions, marker in wanted if name == _name(sdk) and "client" in marker), None)


def judge_version(found: SdkFinding, plugin: str) -> None:
    """Warn of an SDK that is older than what its plugin is made for."""
    wanted = supported(plugin, found.sdk)
    if found.version and wanted and not fits(found.version, wanted) and found.state == "ok":
        found.state, found.reason = "warning", f"{plugin} is made for {found.sdk}{wanted}"
