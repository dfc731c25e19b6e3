"""A cost report on a terminal, and as CSV."""

from __future__ import annotations

import csv
import sys
import unicodedata
from typing import Any, Dict, List, Optional, Sequence

from peekr.terminal import neutral

#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
#: Longest text in a column of a table.
_WIDEST = 48
_HEADS = {
    "calls": "calls",
    "errors": "errors",
    "tokens_input": "tokens in",
    "tokens_output": "tokens out",
    "duration_ms": "time",
    "cost_usd": "cost",
}


def line(text: str = "") -> None:
    """Write a line to stdout; characters that its encoding lacks become ``?``."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")


def safe_lines(text: str) -> str:
    """Return a message of several lines in which nothing else is a control character."""
    return "\n".join(map(neutral, text.splitlines()))


# -- CSV --------------------------------------------------------------------------------------------------------------


def print_csv(shown: Dict[str, Any]) -> None:
    """Print the groups, with a head; texts that a spreadsheet would run get a leading ``'``."""
    writer = csv.writer(_Lines(), lineterminator="")
    names = [*shown["by"], *_columns(shown)]
    writer.writerow(names)
    for group in shown["groups"]:
        writer.writerow([_cell(group[name]) for name in names])


class _Lines:
    """The file that :mod:`csv` writes to."""

    def write(self, text: str) -> None:
        line(text)


def _columns(shown: Dict[str, Any]) -> List[str]:
    from peekr_cost.report import COLUMNS

    return [name for name in COLUMNS if name not in shown["by"]]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        value = neutral(value)
        return "'" + value if value.startswith(_FORMULA) else value
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


# -- terminal ---------------------------------------------------------------------------------------------------------


def print_report(shown: Dict[str, Any]) -> None:
    """Print totals, groups, the hottest and slowest calls, and what has no price."""
    if not shown["llm_calls"]:
        line(f"{neutral(shown['store'])}: {_counted(shown['spans'], 'span')}, no model calls that fit.")
        return
    _print_totals(shown)
    line()
    _print_groups(shown)
    for title, calls in (("Hottest calls (60 % cost, 40 % time)", "hottest"), ("Slowest calls", "slowest")):
        if shown[calls]:
            line(f"\n{title}")
            _print_calls(shown[calls])
    _print_unknown(shown)


def _print_totals(shown: Dict[str, Any]) -> None:
    line(f"{neutral(shown['store'])}   prices: {shown['prices']}")
    facts = {
        "spans": f"{shown['spans']:,}",
        "LLM calls": f"{shown['llm_calls']:,}",
        "errors": f"{shown['errors']:,}",
        "tokens in": f"{shown['tokens_input']:,}",
        "tokens out": f"{shown['tokens_output']:,}",
        "LLM time": time_text(shown["llm_time_ms"]),
        "est. cost": money(shown["cost_usd"]),
    }
    for name, value in facts.items():
        line(f"  {name:11}{value}")
    if "repriced" in shown:
        changed, written = shown["repriced"]["changed"], shown["repriced"]["written"]
        line(f"  {'repriced':11}{_counted(changed, 'call')}, {written:,} written")
    elif shown["estimated_calls"]:
        line(f"  {'':11}({_counted(shown['estimated_calls'], 'call')} without a stored cost, priced by tokens)")


def _print_groups(shown: Dict[str, Any]) -> None:
    if shown["by"] == ["operation", "model"]:
        heads = ["operation [model]"]
        names = [[f"{_name(each['operation'])} [{_name(each['model'])}]"] for each in shown["groups"]]
    else:
        heads = list(shown["by"])
        names = [[_name(each[name]) for name in heads] for each in shown["groups"]]
    rows = [[*texts, *_sums(group)] for texts, group in zip(names, shown["groups"])]
    print_table([*heads, *_HEADS.values()], rows, len(heads))


def _sums(group: Dict[str, Any]) -> List[str]:
    counts = [f"{group[name]:,}" for name in ("calls", "errors", "tokens_input", "tokens_output")]
    cost = money(group["cost_usd"]) + ("+?" if group["unpriced"] and group["cost_usd"] is not None else "")
    return [*counts, time_text(group["duration_ms"]), cost]


def _print_calls(calls: Sequence[Dict[str, Any]]) -> None:
    rows = [
        [
            _name(call["trace_id"])[:8],
            f"{_name(call['name'])} [{_name(call['model'])}]",
            time_text(call["duration_ms"]),
            f"{call['tokens_total']:,}",
            money(call["cost_usd"]),
        ]
        for call in calls
    ]
    print_table(["trace", "call", "time", "tokens", "cost"], rows, 2)


def _print_unknown(shown: Dict[str, Any]) -> None:
    if not shown["unknown_models"]:
        return
    looked_at = shown["estimated_calls"] is not None
    what = "No known price" if looked_at else "No stored cost"
    line(f"\n{what}, not in the sums: {_counted(shown['unpriced_calls'], 'call')}")
    for each in shown["unknown_models"]:
        line(f"  {_name(each['model'])}  {each['calls']:,}")
    if looked_at:
        line("Set prices with peekr.set_price(model, input=, output=) or --prices FILE, then --reprice.")
    else:
        line("Compute them from the tokens with --reprice, and store them; --dry-run only shows.")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> None:
    """Print aligned columns.

    :param left: how many columns stand at the left; the others are numbers and stand at the right.
    """
    widths = [max(map(columns_of, texts)) for texts in zip(heads, *rows)]
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [
            text + " " * (width - columns_of(text)) if at < left else " " * (width - columns_of(text)) + text
            for at, (text, width) in enumerate(zip(row, widths))
        ]
        line("  ".join(cells).rstrip())


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _name(value: Optional[str]) -> str:
    text = "-" if value is None else neutral(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def money(cost: Optional[float]) -> str:
    """Return US dollars with the digits that matter; ``?`` for what is not known."""
    if cost is None:
        return "?"
    return f"${cost:,.2f}" if cost >= 100 else f"${cost:,.4f}" if cost >= 0.01 or cost == 0 else f"${cost:.6f}"


def time_text(ms: float) -> str:
    """Return a duration, with a unit that suits it."""
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:,.1f} min"
