"""Rows as a table: rich on a terminal, aligned columns in a pipe, one field a line where columns would not fit."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from peekr.terminal import neutral
from peekr_cli.terminal import Screen, cells, fit

#: Columns narrower than this cannot be read: rather one field a line.
_NARROWEST = 9


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
    if screen.width is None:
        _print_plain(screen, heads, texts, right)
    elif _too_narrow(screen.width, heads, texts):
        _print_records(screen, screen.width, heads, texts)
    else:
        _print_rich(screen, heads, texts, right, styles or [None] * len(rows), wrap)


def _text(value: Any) -> str:
    return "NULL" if value is None else neutral(value if isinstance(value, str) else str(value))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _widths(heads: Sequence[str], texts: Sequence[Sequence[str]]) -> List[int]:
    return [max([cells(head), *(cells(row[at]) for row in texts)]) for at, head in enumerate(heads)]


def _too_narrow(width: int, heads: Sequence[str], texts: Sequence[Sequence[str]]) -> bool:
    return sum(min(wanted, _NARROWEST) + 2 for wanted in _widths(heads, texts)) > width


def _print_plain(screen: Screen, heads: List[str], texts: List[List[str]], right: List[bool]) -> None:
    widths = _widths(heads, texts)
    for row in [heads, ["-" * width for width in widths], *texts]:
        padded = [_pad(text, width, at_right) for text, width, at_right in zip(row, widths, right)]
        screen.line("  ".join(padded).rstrip())


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


def _print_rich(
    screen: Screen,
    heads: List[str],
    texts: List[List[str]],
    right: List[bool],
    styles: Sequence[Optional[str]],
    wrap: bool,
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for head, at_right in zip(heads, right):
        side, overflow = ("right" if at_right else "left"), ("fold" if wrap else "ellipsis")
        table.add_column(Text(head), justify=side, no_wrap=not wrap, overflow=overflow)  # type: ignore[arg-type]
    for row, style in zip(texts, styles):
        table.add_row(*(Text(text) for text in row), style=style)
    screen.console().print(table)
