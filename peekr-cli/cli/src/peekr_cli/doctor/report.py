"""What was found, for people: a table for each SDK, sync beside async, and one for the rest."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from peekr.terminal import neutral
from peekr_cli.doctor.findings import Check, SdkFinding, is_well
from peekr_cli.table import print_table
from peekr_cli.terminal import Screen

_STYLES = {"ok": "good", "failed": "error", "warning": "warning"}
_QUIET = ("ok", "absent", "untraced")
Row = Tuple[str, ...]


def show(screen: Screen, sdks: Sequence[SdkFinding], checks: Sequence[Check], quiet: bool) -> None:
    """Print everything; with ``quiet`` only what is not as it should be, and the totals."""
    for found in sdks:
        if found.state != "absent":
            _show_sdk(screen, found, quiet)
    missing = [found.sdk for found in sdks if found.state == "absent"]
    if missing:
        screen.line(screen.paint(f"Not installed: {', '.join(missing)}\n", "quiet"))
    rows = [one for one in checks if not quiet or one.state != "ok"]
    if rows:
        screen.line(screen.paint("The rest of the installation", "heading"))
        texts = [(one.check, one.subject, one.state, one.detail) for one in rows]
        print_table(screen, _heads("check", "subject", "state", ""), texts, _styles(rows), wrap=True)
        screen.line()
    screen.line(_verdict(screen, sdks, checks))


def _heads(*names: str) -> Row:
    return names


def _styles(rows: Sequence[Check]) -> List[Optional[str]]:
    return [_STYLES.get(row.state) for row in rows]


def _show_sdk(screen: Screen, found: SdkFinding, quiet: bool) -> None:
    title = f"{found.sdk} {found.version or ''}".rstrip() + f" by {found.provider}"
    style = _STYLES.get(found.state, "heading")
    screen.line(screen.paint(neutral(f"{title}: {_summary(found)}"), style))
    if found.reason:
        screen.line(screen.paint("  " + neutral(found.reason), style))
    rows, styles = _matrix(found.probes, quiet)
    if rows:
        print_table(screen, _heads("entry point", "called", "sync", "async", ""), rows, styles, wrap=True)
    screen.line()


def _summary(found: SdkFinding) -> str:
    if not found.probes:
        return found.state
    counts: Dict[str, int] = {}
    for probe in found.probes:
        counts[probe["verdict"]] = counts.get(probe["verdict"], 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _matrix(probes: Sequence[Dict[str, Any]], quiet: bool) -> Tuple[List[Row], List[Optional[str]]]:
    """One row for an entry point and a way of calling it, in the order they came; the twins side by side."""
    pairs: Dict[Tuple[str, str], Dict[bool, Dict[str, Any]]] = {}
    for probe in probes:
        pairs.setdefault((probe["entry"], probe["way"]), {})[bool(probe["asynchronous"])] = probe
    rows: List[Row] = []
    styles: List[Optional[str]] = []
    for (entry, way), twins in pairs.items():
        if quiet and all(probe["verdict"] in _QUIET for probe in twins.values()):
            continue
        reason = "; ".join(dict.fromkeys(probe["reason"] for probe in twins.values() if probe["reason"]))
        rows.append((entry, way, _cell(twins.get(False)), _cell(twins.get(True)), reason))
        styles.append(_style(list(twins.values())))
    return rows, styles


def _cell(probe: Optional[Dict[str, Any]]) -> str:
    if probe is None:
        return ""
    if probe["verdict"] != "ok":
        return str(probe["verdict"])
    spans = "1 span" if probe["spans"] == 1 else f"{probe['spans']} spans"
    return spans if probe["expected_tokens"] is None else f"{spans}, {probe['tokens']} tokens"


def _style(twins: Sequence[Dict[str, Any]]) -> Optional[str]:
    if any(probe["fault"] for probe in twins):
        return "error"
    if any(probe["verdict"] == "undriven" for probe in twins):
        return "warning"
    return "quiet" if all(probe["verdict"] in ("absent", "untraced") for probe in twins) else None


def _verdict(screen: Screen, sdks: Sequence[SdkFinding], checks: Sequence[Check]) -> str:
    driven = sum(len(found.probes) for found in sdks)
    faults = sum(bool(probe["fault"]) for found in sdks for probe in found.probes)
    if is_well(list(sdks), list(checks)):
        return screen.paint(f"{driven} entry points, none is at fault.", "good")
    failed = [found.sdk for found in sdks if found.state == "failed"]
    failed += [f"{one.check} ({one.subject})" for one in checks if one.state == "failed"]
    return screen.paint(f"{driven} entry points, {faults} at fault. Failed: {', '.join(failed)}.", "error")
