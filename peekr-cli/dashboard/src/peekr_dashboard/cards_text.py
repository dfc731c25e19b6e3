"""Cards of the diagnosis as lines of text, for a terminal or a pipe."""

from __future__ import annotations

import textwrap
from typing import Any, Dict, List, Mapping

from peekr.terminal import neutral
from peekr_cli.terminal import Screen, cells

_STYLES = {"high": "error", "medium": "warning", "low": "warning", "info": "quiet", "good": "good"}
#: Columns of a pipe, where there is no terminal to ask; and at most, on a wide one.
_PIPE, _WIDEST = 100, 100
#: Calls named under a card.
_CALLS = 3
_ID = 16


def headline(target: str, aggregates: Mapping[str, Any], filtered: bool) -> str:
    """Return the first line: what was looked at."""
    spans, traces, calls, scored = (aggregates[name] for name in ("spans", "traces", "calls", "scored"))
    name = neutral(target)
    if not spans:
        return f"{name} has {'no span that fits' if filtered else 'no spans yet'}."
    counts = ", ".join((_count(calls, "model call"), f"{scored:,} scored"))
    text = f"{name}: {_count(spans, 'span')} in {_count(traces, 'trace')}, {counts}"
    integrity = aggregates["integrity"] or {}
    if integrity.get("open"):
        text += f", {integrity['open']:,} still running"
    return text


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def card_lines(card: Dict[str, Any], screen: Screen) -> List[str]:
    """Return one card: severity and title, cause, numbered fixes, the calls to look at."""
    width = min(screen.width or _PIPE, _WIDEST)
    severity = card["severity"]
    badge = f"{severity.upper():<6} "
    title = _wrapped(card["title"], width, badge, " " * len(badge))
    lines = [screen.paint(severity.upper(), _STYLES[severity]) + title[0][len(severity) :], *title[1:]]
    lines += _wrapped(card["cause"], width, "  ", "  ")
    for number, fix in enumerate(card["fixes"], 1):
        lines += _wrapped(fix, width, f"  {number}. ", "     ")
    lines += [screen.paint(line, "quiet") for line in _calls(card["evidence"])]
    return lines


def _wrapped(text: str, width: int, first: str, rest: str) -> List[str]:
    text = neutral(text)
    if cells(text) != len(text):  # East Asian characters take two columns
        width = max(width // 2, 20)
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first]


def _calls(evidence: Mapping[str, Any]) -> List[str]:
    calls = evidence.get("calls") or []
    return ["  → " + _call(call) for call in calls[:_CALLS]]


def _call(call: Mapping[str, Any]) -> str:
    parts = [f"trace {neutral(str(call.get('trace_id', '')))[:_ID]}", neutral(str(call.get("name") or ""))[:60]]
    if call.get("model"):
        parts.append(f"[{neutral(str(call['model']))[:60]}]")
    if call.get("score") is not None:
        parts.append(f"score {call['score']:.2f}")
    if call.get("tokens_total") is not None:
        parts.append(f"{call['tokens_total']:,.0f}tok")
    if call.get("error_reason"):
        parts.append(neutral(str(call["error_reason"]))[:60])
    return "  ".join(filter(None, parts))
