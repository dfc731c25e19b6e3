"""Trees as lines of text: aligned, coloured and cut to width on a terminal, plain in a pipe."""

from __future__ import annotations

import time
from typing import Iterator, List, Sequence, Tuple

import attrs

from peekr import Span
from peekr.terminal import neutral
from peekr_cli import values
from peekr_cli.terminal import Screen, cells, fit, fold
from peekr_cli.tree import TraceTree, tokens_of

_INDENT = 3
#: Levels of indentation in plain output; deeper spans say their depth instead.
_DEEPEST = 60
_RULE = 60
#: From this width on, a bar beside each span shows when it ran.
_WIDE = 100
_BAR = 20
#: Kinds of span that share a style.
_STYLES = {
    "llm": "llm",
    "embedding": "llm",
    "tool": "tool",
    "retrieval": "retrieval",
    "memory_read": "retrieval",
    "memory_write": "retrieval",
    "run": "run",
    "agent": "run",
}


def trace_lines(tree: TraceTree, screen: Screen, io: bool = False) -> Iterator[str]:
    """Yield the header, a rule and the tree.

    :param io: whether inputs, outputs and scores are shown. Errors always are.
    """
    yield header(tree, screen)
    yield screen.paint("─" * (min(screen.width or _RULE, _WIDE)), "quiet")
    layout = _Layout.of(tree, screen)
    for depth, span in tree.walk():
        yield layout.span_line(depth, span)
        yield from _details(layout.text_column(depth), span, screen, io)


def header(tree: TraceTree, screen: Screen) -> str:
    """Return ``Trace 3f2a91bc  612ms  431tok`` and what else there is to say of the whole trace."""
    paint, total = screen.paint, tree.tokens
    parts = [f"Trace {paint(neutral(tree.trace_id[:8]), 'heading')}", values.milliseconds(tree.duration_ms)]
    if total:
        parts.append(values.tokens(total))
    if tree.errors:
        parts.append(paint("1 error" if tree.errors == 1 else f"{tree.errors:,} errors", "error"))
    if tree.running:
        parts.append(paint("running", "warning"))
    parts += [paint(text, "quiet") for text in (clock(tree.start_time), *_who(tree)) if text]
    return "  ".join(parts)


def session_line(session_id: str, trees: Sequence[TraceTree], screen: Screen) -> str:
    """Return ``Session sess_abc  3 traces  1,234ms  567tok``: the sums over its traces."""
    used = sum(tree.tokens for tree in trees)
    parts = [f"Session {screen.paint(neutral(session_id), 'heading')}"]
    parts.append("1 trace" if len(trees) == 1 else f"{len(trees):,} traces")
    parts.append(values.milliseconds(sum(tree.duration_ms for tree in trees)))
    return "  ".join(parts + ([values.tokens(used)] if used else []))


def _who(tree: TraceTree) -> List[str]:
    first = tree.root or tree.roots[0]
    known = (("tenant", first.tenant_id), ("user", first.user_id), ("session", first.session_id))
    return [f"{label}={values.cut(neutral(str(value)[:80]), 40)}" for label, value in known if value]


def clock(seconds: float, style: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a Unix time as local time, or nothing where a foreign record has none that a calendar knows."""
    try:
        return time.strftime(style, time.localtime(seconds)) if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def span_label(span: Span, screen: Screen, width: int) -> Tuple[str, int]:
    """Return ``name [model]`` in at most ``width`` columns (0 for any), and how many it takes."""
    name, model = neutral(span.name), neutral(str(span.attributes.get("model") or ""))
    tail = f" [{model}]" if model else ""
    if width and cells(name) + cells(tail) > width:
        tail = fit(tail, max(width // 2, width - cells(name)))
        name = fit(name, width - cells(tail))
    known = _STYLES.get(span.kind, "heading" if span.parent_id is None else "")
    style = "error" if span.status == "error" else known
    return screen.paint(name, style) + screen.paint(tail, "quiet"), cells(name) + cells(tail)


def notes(span: Span) -> List[str]:
    """Return what a reader should know beside time and tokens: still running, refused, cut short, tried again."""
    attributes, found = span.attributes, []
    if not span.ended:
        found.append("running")
    if span.status != "error" and attributes.get("error_reason"):
        found.append(neutral(str(attributes["error_reason"]))[:40])
    if attributes.get("stream_incomplete") or attributes.get("incomplete"):
        found.append("incomplete")
    attempt = attributes.get("attempt")
    if isinstance(attempt, int) and attempt > 1:
        found.append(f"attempt {attempt}")
    return found


def span_numbers(span: Span) -> Tuple[str, str]:
    """Return duration and tokens, each empty where unknown or none."""
    used = tokens_of(span)
    return (
        "" if span.duration_ms is None else values.milliseconds(span.duration_ms),
        values.tokens(used) if used else "",
    )


@attrs.define(slots=True)
class _Layout:
    """Where things stand on a line. In plain output two spaces part them; on a terminal they stand in columns.

    :ivar label: columns for indentation, name and model; 0 in plain output.
    :ivar deepest: levels of indentation before a span says its depth instead.
    """

    screen: Screen
    start: float
    length_ms: float
    label: int = 0
    duration: int = 0
    tokens: int = 0
    bar: int = 0
    deepest: int = _DEEPEST

    @classmethod
    def of(cls, tree: TraceTree, screen: Screen) -> _Layout:
        layout = cls(screen, tree.start_time, tree.duration_ms)
        if screen.width is None:
            return layout
        numbers = [span_numbers(span) for span in tree.spans]
        layout.duration = max(len(duration) for duration, _ in numbers)
        layout.tokens = max(len(used) for _, used in numbers)
        layout.deepest = max(4, screen.width // 3 // _INDENT)
        layout.bar = _BAR if screen.width >= _WIDE and len(tree.spans) > 1 else 0
        room = screen.width - layout.duration - layout.tokens - 4 - (layout.bar and layout.bar + 2)
        layout.label = min(max(layout._wanted(tree)), max(room, 20))
        return layout

    def _wanted(self, tree: TraceTree) -> Iterator[int]:
        for depth, span in tree.walk():
            yield cells(self.indent(depth)) + span_label(span, Screen(self.screen.stream), 0)[1]

    def indent(self, depth: int) -> str:
        if depth == 0:
            return ""
        if depth <= self.deepest:
            return " " * (_INDENT * (depth - 1)) + "└─ "
        return " " * (_INDENT * (self.deepest - 1)) + f"[{depth}] └─ "

    def text_column(self, depth: int) -> int:
        return cells(self.indent(depth)) + 2

    def span_line(self, depth: int, span: Span) -> str:
        indent = self.indent(depth)
        label, taken = span_label(span, self.screen, self.label and max(self.label - cells(indent), 8))
        duration, used = span_numbers(span)
        said = [self.screen.paint(note, "warning") for note in notes(span)]
        if not self.label:
            return "  ".join([indent + label, *filter(None, (duration, used)), *said])
        padding = " " * max(0, self.label - cells(indent) - taken)
        columns = [self.screen.paint(indent, "quiet") + label + padding, duration.rjust(self.duration)]
        if self.tokens:
            columns.append(" " * (self.tokens - len(used)) + self.screen.paint(used, "quiet"))
        if self.bar:
            columns.append(self._bar(span))
        return "  ".join(columns + said).rstrip()

    def _bar(self, span: Span) -> str:
        """When the span ran, within its trace."""
        scale = self.bar / self.length_ms if self.length_ms > 0 else 0.0
        first = min(self.bar - 1, max(0, int((span.start_time - self.start) * 1000 * scale)))
        long = min(self.bar - first, max(1, round((span.duration_ms or 0.0) * scale)))
        style = "error" if span.status == "error" else _STYLES.get(span.kind, "quiet")
        bar = self.screen.paint("━" * long, "quiet" if style == "run" else style)
        return " " * first + bar + " " * (self.bar - first - long)


def _details(column: int, span: Span, screen: Screen, io: bool) -> Iterator[str]:
    attributes = span.attributes
    if io and "input" in attributes:
        yield from _detail(column, "in:  ", values.shown(attributes["input"]), "", screen)
    if io and "output" in attributes:
        yield from _detail(column, "out: ", values.shown(attributes["output"]), "", screen)
    if span.status == "error":
        yield from _detail(column, "err: ", values.error_text(attributes), "error", screen)
    scores = values.scores_text(attributes) if io else None
    if scores:
        yield from _detail(column, "eval_scores: ", scores, "", screen)


def _detail(column: int, label: str, text: str, style: str, screen: Screen) -> Iterator[str]:
    """One line in a pipe; on a terminal as many as it takes, each under the first one's text."""
    hanging = column + len(label)
    pieces = [text] if screen.width is None else fold(text, screen.width - hanging)
    yield " " * column + screen.paint(label, "quiet") + screen.paint(pieces[0], style)
    for piece in pieces[1:]:
        yield " " * hanging + screen.paint(piece, style)


def arrival_lines(span: Span, screen: Screen, io: bool) -> Iterator[str]:
    """Yield one span as it arrived: time of day, trace, name, duration, tokens; then its details."""
    start = screen.paint(clock(span.end_time or span.start_time, "%H:%M:%S") or "--:--:--", "quiet")
    trace = screen.paint(neutral(span.trace_id[:8]), "quiet")
    room = max(20, screen.width - 40) if screen.width else 0
    label, _ = span_label(span, screen, room)
    yield "  ".join([start, trace, label, *filter(None, span_numbers(span)), *notes(span)])
    yield from _details(10, span, screen, io)
