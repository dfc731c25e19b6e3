"""Rows as aligned columns, cut to the width of a terminal; one field a line where columns would be too narrow."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, List, Optional, Sequence

import attrs

from peekr.terminal import neutral
from peekr_cli.terminal import Screen, cells, fit, fold

#: Columns narrower than this cannot be read: rather one field a line.
_NARROWEST = 9
_GAP = 2


def print_table(
    screen: Screen,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    styles: Optional[Sequence[Optional[str]]] = None,
    wrap: bool = False,
) -> None:
    """Print a table.

    :param rows: of texts and numbers; None shows as NULL. Numbers stand at the right.
    :param styles: a style for each row.
    :param wrap: on a terminal, continue long texts on further lines rather than cut them.
    """
    heads = [neutral(str(column)) for column in columns]
    texts = [[_text(value) for value in row] for row in rows]
    right = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(heads))]
    widths = [max([cells(head), *(cells(row[at]) for row in texts)]) for at, head in enumerate(heads)]
    if screen.width is not None:
        if sum(min(width, _NARROWEST) + _GAP for width in widths) > screen.width:
            return _print_records(screen, screen.width, heads, texts)
        widths = shrunk(widths, screen.width - _GAP * (len(widths) - 1))
    grid = _Grid(screen, widths, right, wrap)
    grid.row(heads, "heading")
    screen.line(screen.paint("  ".join(("-" if screen.width is None else "─") * width for width in widths), "quiet"))
    for text, style in zip(texts, styles or [None] * len(rows)):
        grid.row(text, style)


def shrunk(widths: Sequence[int], room: int) -> List[int]:
    """Return the widths with the widest made narrower until all fit in ``room``: short columns keep theirs."""
    out = list(widths)
    excess = sum(out) - room
    while excess > 0:
        widest = max(out)
        second = max([width for width in out if width < widest], default=0)
        share = [at for at, width in enumerate(out) if width == widest]
        cut = min(widest - second, max(1, excess // len(share)))
        for at in share:
            step = min(cut, excess)
            out[at] -= step
            excess -= step
    return out


def _text(value: Any) -> str:
    return "NULL" if value is None else neutral(value if isinstance(value, str) else str(value))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


@attrs.define(slots=True)
class _Grid:
    """Prints rows in columns of given widths."""

    screen: Screen
    widths: Sequence[int]
    right: Sequence[bool]
    wrap: bool

    def row(self, texts: Sequence[str], style: Optional[str]) -> None:
        """Print one row; with ``wrap`` as many lines as its longest text needs."""
        for line in zip_longest(*map(self._pieces, texts, self.widths), fillvalue=""):
            padded = "  ".join(map(_pad, line, self.widths, self.right)).rstrip()
            self.screen.line(self.screen.paint(padded, style) if style else padded)

    def _pieces(self, text: str, width: int) -> List[str]:
        return fold(text, width) if self.wrap and cells(text) > width else [fit(text, width)]


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space


def _print_records(screen: Screen, width: int, heads: List[str], texts: List[List[str]]) -> None:
    longest = max(cells(head) for head in heads)
    for number, row in enumerate(texts):
        if number:
            screen.line()
        for head, text in zip(heads, row):
            label = screen.paint(_pad(head, longest, False), "quiet")
            screen.line(f"{label}  {fit(text, max(20, width - longest - 2))}")
