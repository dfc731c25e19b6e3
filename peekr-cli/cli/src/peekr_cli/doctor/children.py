"""Processes for what must not touch this one: SDKs, plugins, stores. Each is bounded in time, and starts clean."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from time import monotonic
from typing import Any, Dict, List, Optional, Sequence, Tuple

import attrs

from peekr_cli.doctor.findings import Check, SdkFinding

#: Settings of SDKs and whatever may be a key; none of them is needed, and none may be seen.
_PRIVATE = re.compile(
    r"^(OPENAI|ANTHROPIC|CLAUDE|AWS|AZURE|BEDROCK|BOTO|GOOGLE|GEMINI|GENAI|VERTEX|LANG|OTEL|TRACE_|PEEKR_)"
    r"|KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|_PROXY$",
    re.IGNORECASE,
)
_KEPT = ("PEEKR_PLUGINS", "PEEKR_PLUGINS_DISABLE")
#: Seconds that a child may take to import what it drives.
_IMPORT_S = 60.0


@attrs.frozen
class Limits:
    """How long things may take, in seconds.

    :ivar probe: one probe.
    :ivar budget: all of a provider's, the import of its SDK not counted.
    """

    probe: float = 5.0
    budget: float = 60.0


def environment(home: str) -> Dict[str, str]:
    """Return the variables for a child: no keys, no proxies, a home of its own, and the same modules as here."""
    found = {name: value for name, value in os.environ.items() if name in _KEPT or not _PRIVATE.search(name)}
    # what this process imports from: some of it may be relative, or in the home that the child does not have
    found["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        found[name] = home
    nowhere = os.path.join(home, "none")
    found.update(AWS_CONFIG_FILE=nowhere, AWS_SHARED_CREDENTIALS_FILE=nowhere, AWS_EC2_METADATA_DISABLED="true")
    found.update(NO_PROXY="*", no_proxy="*", PYTHONIOENCODING="utf-8")
    return found


def _lines(task: Dict[str, Any], limit: float) -> Tuple[List[Dict[str, Any]], str]:
    """Run a child; return what it said, and the end of its stderr if it did not come to its end."""
    with tempfile.TemporaryDirectory(prefix="peekr-doctor-") as home, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "peekr_cli.doctor.child", json.dumps(task)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(home),
            cwd=home,
        )
        try:
            out, _ = child.communicate(timeout=limit)
            trouble = "" if child.returncode == 0 else f"its process ended with {child.returncode}"
        except subprocess.TimeoutExpired:
            child.kill()
            out, _ = child.communicate()
            trouble = f"it took longer than {limit:g} s"
        except BaseException:
            child.kill()
            child.wait()
            raise
        errors.seek(0)
        said = errors.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
    found = [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]
    ended = any(line.get("done") for line in found)
    return found, "" if ended else ": ".join(filter(None, (trouble, said[-1] if said else "")))


class ProviderExam:
    """Drives the suites of one provider; after a probe that hung or killed its process, the rest in another."""

    def __init__(self, name: str, value: str, plugins: Sequence[str], sdks: Sequence[str], limits: Limits) -> None:
        self._task: Dict[str, Any] = {"task": "provider", "provider": name, "value": value, "plugins": list(plugins)}
        self._task.update(sdks=[sdk.lower() for sdk in sdks], deadline=limits.probe)
        self._name, self._limits = name, limits
        self._found: Dict[str, SdkFinding] = {}
        self._at: Dict[str, int] = {}
        self._total: Dict[str, int] = {}
        self._order: Dict[str, Dict[int, Dict[str, Any]]] = {}
        self.known: List[str] = []
        self.checks: List[Check] = []

    def run(self) -> List[SdkFinding]:
        """Return what was found, one SDK after the other."""
        begin, left = monotonic(), self._limits.budget
        while True:
            used = self._once(left)
            left -= used
            if not self._unfinished() or left <= 0 or monotonic() - begin > self._limits.budget + _IMPORT_S:
                break
        for sdk, found in self._found.items():
            found.probes = [self._order[sdk][at] for at in sorted(self._order.get(sdk, {}))]
            missing = self._total.get(sdk, 0) - len(found.probes)
            if missing > 0 and found.state == "ok":
                found.state, found.reason = "failed", f"{missing} entry points were not reached in time"
            found.settle()
        return list(self._found.values())

    def _unfinished(self) -> bool:
        return any(self._at.get(sdk, 0) < total for sdk, total in self._total.items())

    def _once(self, left: float) -> float:
        task = {**self._task, "budget": left, "skip": dict(self._at)}
        begin = monotonic()
        before = dict(self._at)
        lines, trouble = _lines(task, left + _IMPORT_S)
        for line in lines:
            self._take(line)
        if trouble:
            self._blame(trouble, before)
        elif self._at == before:  # nothing more to be had
            self._at.update(self._total)
        return max(monotonic() - begin, 0.01)

    def _take(self, line: Dict[str, Any]) -> None:
        if "known" in line:
            self.known = list(dict.fromkeys([*self.known, line["known"]]))
        elif "result" in line:
            self._result(line)
        elif "sdk" in line:
            self._sdk(line)
        elif "failed" in line or "unproven" in line:
            reason = line.get("failed") or "its plugin offers no probes"
            state = "failed" if "failed" in line else "unproven"
            self._found[self._name] = SdkFinding(self._name, self._name, None, state, reason)
        elif "ended" in line:
            self._ended(line)

    def _sdk(self, line: Dict[str, Any]) -> None:
        found = self._found.setdefault(line["sdk"], SdkFinding(line["sdk"], self._name))
        found.version = line["version"]
        if line.get("failed"):
            found.state, found.reason = "failed", line["failed"]
        elif found.version is None:
            found.state = "absent"
        if "probes" in line:
            self._total[line["sdk"]] = line["probes"]

    def _result(self, line: Dict[str, Any]) -> None:
        sdk, at = line.pop("result"), line.pop("at")
        self._order.setdefault(sdk, {})[at] = line
        self._at[sdk] = max(self._at.get(sdk, 0), at + 1)

    def _ended(self, line: Dict[str, Any]) -> None:
        self._at[line["ended"]] = self._total.get(line["ended"], 0)
        if line["provider_failed"]:
            found = self._found[line["ended"]]
            found.state, found.reason = "failed", f"the plugin could not be switched on: {line['provider_failed']}"
        self.checks += [Check("captures", line["ended"], "warning", what) for what in line["captures"]]

    def _blame(self, trouble: str, before: Dict[str, int]) -> None:
        """The process died in a probe: the one after the last result. Say so, and go on behind it."""
        for sdk, total in self._total.items():
            at = self._at.get(sdk, 0)
            if at < total:
                found = self._found[sdk]
                found.state, found.reason = "failed", f"entry point {at + 1} of {total}: {trouble}"
                self._at[sdk] = at + 1
                return
        if self._at == before:
            self._found.setdefault(self._name, SdkFinding(self._name, self._name, None, "failed", trouble))


def trial(stores: Sequence[str], limit: float = 60.0) -> List[Check]:
    """Load every plugin and try the stores, in a child."""
    lines, trouble = _lines({"task": "trial", "stores": list(stores)}, limit)
    checks = [Check(**line) for line in lines if "check" in line]
    return [*checks, Check("plugins", "all", "failed", trouble)] if trouble else checks


def selected(names: Optional[Sequence[str]]) -> List[str]:
    """Return the SDKs asked for, in lower case; nothing stands for all."""
    return [name.strip().lower() for name in names or () if name.strip()]
