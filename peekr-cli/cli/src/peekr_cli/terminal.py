"""Where output goes: a terminal with its width and colours, or a pipe that gets plain text."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
from typing import Any, Callable, Dict, List, Optional, TextIO

import attrs

from peekr.terminal import neutral

#: Style names used by the renderers, in rich's notation. Few, so that what is red or bright means something.
STYLES = {
    "heading": "bold",
    "quiet": "dim",
    "error": "red",
    "warning": "yellow",
    "good": "green",
    "llm": "cyan",
    "tool": "magenta",
    "retrieval": "blue",
    "run": "bold",
}


#: Characters of one column, so that what peekr itself draws needs no table of widths.
_NARROW = re.compile("[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u259f]*")

#: What trees and tables are drawn with → the same in ASCII.
_PLAINER = str.maketrans({"─": "-", "└": "`", "│": "|", "├": "|", "…": "...", "→": "->", "×": "x"})


def _identity(text: str, _style: str) -> str:
    return text


@attrs.define(slots=True)
class Screen:
    """What the renderers need to know of the output.

    :ivar stream: where :meth:`line` writes.
    :ivar width: columns of a terminal; None for a pipe or file, where lines may have any length.
    :ivar paint: puts a text into one of :data:`STYLES`; the identity where there are no colours.
    """

    stream: TextIO
    width: Optional[int] = None
    paint: Callable[[str, str], str] = _identity

    @classmethod
    def standard(cls) -> Screen:
        """Return the screen of this process's standard output.

        Colours need a terminal; ``NO_COLOR`` and ``TERM=dumb`` switch them off.
        """
        stream = sys.stdout
        if not stream.isatty():
            return cls(stream)
        width = max(40, shutil.get_terminal_size().columns)
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return cls(stream, width)
        return cls(stream, width, _painter(stream))

    def line(self, text: str = "") -> None:
        """Write a line; where the encoding lacks its characters, trees are drawn in ASCII and others are ``?``."""
        text += "\n"
        try:
            self.stream.write(text)
        except UnicodeEncodeError:
            encoding = self.stream.encoding or "ascii"
            self.stream.write(text.translate(_PLAINER).encode(encoding, "replace").decode(encoding))

    def lines(self, texts: List[str]) -> None:
        """Write lines."""
        if texts:
            self.line("\n".join(texts))

    def flush(self) -> None:
        """Hand on what was written."""
        self.stream.flush()


def _painter(stream: TextIO) -> Callable[[str, str], str]:
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style

    names = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}
    system = names.get(Console(file=stream).color_system or "", ColorSystem.STANDARD)
    styles: Dict[str, Any] = {name: Style.parse(definition) for name, definition in STYLES.items()}

    def paint(text: str, style: str) -> str:
        known = styles.get(style)
        return str(known.render(text, color_system=system)) if known is not None and text else text

    return paint


def neutral_lines(text: str) -> str:
    """Return a message of several lines with all else that is no printable character written out."""
    return "\n".join(map(neutral, text.splitlines()))


class _Warnings(logging.Handler):
    """Shows what peekr logs (skipped lines, broken plugins) on stderr, as harmless lines."""

    def emit(self, record: logging.LogRecord) -> None:
        print(neutral_lines(record.getMessage()), file=sys.stderr)


def show_warnings() -> None:
    """Send peekr's warnings to stderr. For the whole process, so only the command itself calls this."""
    logger = logging.getLogger("peekr")
    logger.addHandler(_Warnings(logging.WARNING))
    logger.propagate = False


def safe_json(text: str) -> str:
    """Return one line of JSON with control and invisible characters written as escapes: still the same JSON."""
    if neutral(text) == text:
        return text
    return "".join(c if neutral(c) == c else json.dumps(c)[1:-1] if c > "\x7f" else f"\\u{ord(c):04x}" for c in text)


def cells(text: str) -> int:
    """Return how many columns a text takes: East Asian characters and emoji take two."""
    if text.isascii() or _NARROW.fullmatch(text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, width: int) -> str:
    """Return the text cut to ``width`` columns, with ``…`` at the end if something was left out."""
    if cells(text) <= width:
        return text
    room, kept = width - 1, []
    for character in text:
        room -= cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def fold(text: str, width: int) -> List[str]:
    """Return the text in pieces of at most ``width`` columns, cut at a space where there is one near the end."""
    width = max(width, 8)
    pieces = []
    while cells(text) > width:
        piece = fit(text, width + 1)[:-1] or text[0]
        space = piece.rfind(" ", len(piece) * 2 // 3)
        piece = piece if space < 0 else piece[: space + 1]
        pieces.append(piece.rstrip())
        text = text[len(piece) :]
    return [*pieces, text]
