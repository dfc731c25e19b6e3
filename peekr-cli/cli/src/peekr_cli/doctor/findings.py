"""What the doctor finds: data."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import attrs

#: Version of what ``--json`` prints; a number more where a key goes or changes its meaning.
SCHEMA = 1


@attrs.define
class SdkFinding:
    """One SDK.

    :ivar provider: the entry name of the plugin that traces it.
    :ivar state: ``ok``; ``failed``: an entry point is at fault, or the plugin is; ``absent``: the SDK is not
        installed; ``disabled``: the plugin is; ``unproven``: the plugin offers no probes; ``warning``: see the reason.
    :ivar probes: one dict for each entry point and way of calling it.
    """

    sdk: str
    provider: Optional[str]
    version: Optional[str] = None
    state: str = "ok"
    reason: Optional[str] = None
    probes: List[Dict[str, Any]] = attrs.field(factory=list)

    def settle(self) -> None:
        """Take the state from the probes, unless there is a worse one."""
        if self.state in ("ok", "warning") and any(probe["fault"] for probe in self.probes):
            self.state = "failed"


@attrs.frozen
class Check:
    """One thing about the rest of the installation.

    :ivar check: ``plugins``, ``stores``, ``delivery``, ``versions`` or ``captures``.
    :ivar state: ``ok``, ``warning`` or ``failed``.
    """

    check: str
    subject: str
    state: str = "ok"
    detail: str = ""


def is_well(sdks: List[SdkFinding], checks: List[Check]) -> bool:
    """Whether nothing failed."""
    states = [*(found.state for found in sdks), *(found.state for found in checks)]
    return "failed" not in states


def as_json(sdks: List[SdkFinding], checks: List[Check], seconds: float) -> Dict[str, Any]:
    """Return everything as the object that ``--json`` prints."""
    import platform

    import peekr

    return {
        "schema": SCHEMA,
        "ok": is_well(sdks, checks),
        "peekr": peekr.__version__,
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "sdks": [attrs.asdict(found) for found in sdks],
        "checks": [attrs.asdict(found) for found in checks],
    }
