"""A stored trace as numbered steps, in the order in which they started."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from peekr import Span
from peekr_cli import values
from peekr_cli.render import header, notes, span_label
from peekr_cli.terminal import Screen, fold
from peekr_cli.tree import TraceTree, build, tokens_of

_INDENT = 2
_DEEPEST = 20


def ordered(tree: TraceTree) -> List[Tuple[int, Span]]:
    """Return depth and span, by start time."""
    return sorted(tree.walk(), key=lambda step: step[1].start_time)


def steps(spans: List[Span], screen: Screen) -> Iterator[List[str]]:
    """Yield the lines of the heading, then those of each step."""
    tree = build(spans)
    walked = ordered(tree)
    yield [header(tree, screen), screen.paint("─" * min(screen.width or 60, 100), "quiet")]
    digits = len(str(len(walked)))
    offsets = [f"+{values.milliseconds(max(0.0, (span.start_time - tree.start_time) * 1000))}" for _, span in walked]
    widest = max(map(len, offsets))
    for number, ((depth, span), offset) in enumerate(zip(walked, offsets), 1):
        yield list(_step(number, digits, offset.rjust(widest), depth, span, screen))


def _step(number: int, digits: int, offset: str, depth: int, span: Span, screen: Screen) -> Iterator[str]:
    lead = f"{number:>{digits}}. "
    indent = " " * _INDENT * min(depth, _DEEPEST)
    used = tokens_of(span)
    room = max(20, screen.width - 40 - len(indent)) if screen.width is not None else 0
    parts = [lead + screen.paint(offset, "quiet"), indent + span_label(span, screen, room)[0]]
    parts += [] if span.duration_ms is None else [values.milliseconds(span.duration_ms)]
    parts += [values.tokens(used)] if used else []
    yield "  ".join(parts + [screen.paint(note, "warning") for note in notes(span)])
    column = len(lead) + len(offset) + 4 + len(indent)
    attributes = span.attributes
    for label, name in (("in:  ", "input"), ("out: ", "output")):
        if name in attributes:
            yield from _detail(column, label, values.shown(attributes[name]), "", screen)
    if span.status == "error":
        yield from _detail(column, "err: ", values.error_text(attributes), "error", screen)


def _detail(column: int, label: str, text: str, style: str, screen: Screen) -> Iterator[str]:
    pieces = [text] if screen.width is None else fold(text, max(screen.width - column - len(label), 20))
    yield " " * column + screen.paint(label, "quiet") + screen.paint(pieces[0], style)
    for piece in pieces[1:]:
        yield " " * (column + len(label)) + screen.paint(piece, style)


def steps_data(spans: List[Span]) -> List[Dict[str, Any]]:
    """Return the steps as JSON data."""
    tree = build(spans)
    return [
        {
            "number": number,
            "offset_ms": round((span.start_time - tree.start_time) * 1000, 3),
            "depth": depth,
            "span_id": span.span_id,
            "name": span.name,
            "kind": span.kind,
            "status": span.status,
            "duration_ms": span.duration_ms,
            "tokens": tokens_of(span) or None,
            "model": span.attributes.get("model"),
            "input": span.attributes.get("input"),
            "output": span.attributes.get("output"),
            "error": span.attributes.get("error"),
        }
        for number, (depth, span) in enumerate(ordered(tree), 1)
    ]
