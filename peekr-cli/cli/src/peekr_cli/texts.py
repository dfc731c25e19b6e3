"""Two texts beside or under each other, with what differs marked: for answers before and after."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Iterator, List, Optional, Tuple

from peekr.terminal import neutral
from peekr_cli.terminal import Screen, cells, fold

#: From this width on, texts of several lines stand side by side.
_WIDE = 100
#: Characters of a text that are compared and shown, and lines.
_MOST = 20_000
_MOST_LINES = 60
#: Words beyond which single words are not marked: comparing takes the square of it.
_MOST_WORDS = 400
_WORD = re.compile(r"\s+|[^\s]+")

Labels = Tuple[str, str]
Sides = Tuple[List[str], List[str]]


def compared(old: str, new: str, screen: Screen, labels: Labels = ("old", "new"), indent: int = 3) -> Iterator[str]:
    """Yield the lines that show two texts; each text of one line has a line of its own, named by its label."""
    first, second, space = _lines(old), _lines(new), " " * indent
    if len(first) < 2 and len(second) < 2:
        yield from _two_lines("".join(first), "".join(second), screen, labels, space)
    elif screen.width is not None and screen.width >= _WIDE and first != second:
        yield from _columns(first, second, screen, labels, space)
    else:
        yield from _unified(first, second, screen, labels, space)


def _lines(text: str) -> List[str]:
    lines = [neutral(line) for line in text[:_MOST].splitlines()]
    left = len(lines) - _MOST_LINES
    if left > 0:
        lines = [*lines[:_MOST_LINES], f"… {left:,} more lines"]
    elif len(text) > _MOST:
        lines.append(f"… {len(text) - _MOST:,} more characters")
    return lines


def _two_lines(old: str, new: str, screen: Screen, labels: Labels, space: str) -> Iterator[str]:
    width = max(map(len, labels)) + 1
    same = old == new
    marked = (old, new) if same or screen.width is None else _words(old, new, screen)
    for label, text, plain in zip(labels, marked, (old, new)):
        head = space + screen.paint(f"{label}:".ljust(width), "quiet") + " "
        if screen.width is not None and cells(plain) > screen.width - len(space) - width - 1:
            pieces = fold(plain, screen.width - len(space) - width - 1)
            yield head + pieces[0]
            yield from (" " * (len(space) + width + 1) + piece for piece in pieces[1:])
        else:
            yield head + text + (screen.paint("  (the same)", "quiet") if same and label == labels[1] else "")


def _words(old: str, new: str, screen: Screen) -> Tuple[str, str]:
    """The texts with the words that differ painted."""
    a, b = _WORD.findall(old), _WORD.findall(new)
    if len(a) > _MOST_WORDS or len(b) > _MOST_WORDS:
        return old, new
    left, right = [], []
    for change, a1, a2, b1, b2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        gone, come = "".join(a[a1:a2]), "".join(b[b1:b2])
        left.append(gone if change == "equal" else screen.paint(gone, "error"))
        right.append(come if change == "equal" else screen.paint(come, "good"))
    return "".join(left), "".join(right)


def _unified(first: List[str], second: List[str], screen: Screen, labels: Labels, space: str) -> Iterator[str]:
    yield space + screen.paint(f"- {labels[0]}  + {labels[1]}", "quiet")
    for gone, come, same in _rows(first, second):
        for mark, text, style in (("-", gone, "error"), ("+", come, "good")):
            if text is None or (same and mark == "+"):
                continue
            pieces = [text] if screen.width is None else fold(text, screen.width - len(space) - 2)
            for piece in pieces:
                yield space + screen.paint(f"{' ' if same else mark} {piece}", "" if same else style)


def _columns(first: List[str], second: List[str], screen: Screen, labels: Labels, space: str) -> Iterator[str]:
    width = ((screen.width or _WIDE) - len(space) - 3) // 2
    yield space + screen.paint(labels[0].ljust(width) + " │ " + labels[1], "quiet")
    for gone, come, same in _rows(first, second):
        left = [] if gone is None else fold(gone, width)
        right = [] if come is None else fold(come, width)
        for a, b in zip_longest(left, right, fillvalue=""):
            pad = " " * (width - cells(a))
            yield (
                space + screen.paint(a, "" if same else "error") + pad + " │ " + screen.paint(b, "" if same else "good")
            )


def _rows(first: List[str], second: List[str]) -> Iterator[Tuple[Optional[str], Optional[str], bool]]:
    for change, a1, a2, b1, b2 in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        for a, b in zip_longest(first[a1:a2], second[b1:b2]):
            yield a, b, change == "equal"
