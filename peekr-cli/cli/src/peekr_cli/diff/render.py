"""A comparison as text: what returned something else first, then the steps, then the sums."""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Sequence, Tuple

from peekr.terminal import neutral
from peekr_cli import values
from peekr_cli.diff.model import TIMES, Figures, Output, Report, Step, Whole
from peekr_cli.render import clock
from peekr_cli.replay.report import dollars
from peekr_cli.table import print_table
from peekr_cli.terminal import Screen
from peekr_cli.texts import compared

#: Outputs and steps that are shown; --json and --all have the rest.
_MOST = 20
_VERBS = {"llm": "answered", "embedding": "answered"}


def print_report(report: Report, screen: Screen, everything: bool = False) -> None:
    """Print a comparison.

    :param everything: also the steps in which nothing is different, and any number of them.
    """
    labels = report.a.label, report.b.label
    width = max(map(len, labels))
    for whole in (report.a, report.b):
        screen.line(_headline(whole, width, screen))
    most = None if everything else _MOST
    for output in report.outputs[:most]:
        screen.line()
        screen.lines(list(_output(output, labels, screen)))
    _more(report.outputs, most, "outputs differ", screen)
    steps = report.steps if everything else report.changed
    if steps:
        screen.line()
        _print_steps(_ranked(steps, everything)[:most], labels, screen)
        _more(steps, most, "steps differ", screen)
    for line in _verdict(report, screen):
        screen.line()
        screen.line(line)
    for text in report.left_out:
        screen.line(screen.paint(text, "warning"))


def _headline(whole: Whole, width: int, screen: Screen) -> str:
    parts = [screen.paint(whole.label.ljust(width), "heading"), neutral(whole.title)]
    if whole.traces != 1:
        parts.append(f"{whole.traces:,} traces")
    parts.append("1 span" if whole.spans == 1 else f"{whole.spans:,} spans")
    if whole.duration_ms is not None:
        parts.append(("median " if whole.traces != 1 else "") + values.milliseconds(whole.duration_ms))
    parts += [values.tokens(whole.tokens)] if whole.tokens else []
    parts += [dollars(whole.cost_usd)] if whole.cost_usd else []
    if whole.errors:
        parts.append(screen.paint("1 error" if whole.errors == 1 else f"{whole.errors:,} errors", "error"))
    parts += [screen.paint(clock(whole.start_time), "quiet")] if whole.start_time else []
    return "  ".join(parts)


def _more(found: Sequence[Any], most: Optional[int], what: str, screen: Screen) -> None:
    if most is not None and len(found) > most:
        screen.line(screen.paint(f"   {len(found) - most:,} more {what}: --all shows them, --json too.", "quiet"))


# -- outputs ---------------------------------------------------------------------------------------------------------


def _output(output: Output, labels: Tuple[str, str], screen: Screen) -> Iterator[str]:
    what = f"{_VERBS.get(output.kind, 'returned')} something else"
    if output.same_input:
        what += " for the same input" if output.times == 1 else f" for {output.times:,} of the same inputs"
    else:
        what += ", given another input"
    name = screen.paint(neutral(output.name), "error" if output.cause and output.same_input else "heading")
    note = "" if output.cause else screen.paint("  (a step inside of it differs, too)", "quiet")
    yield f"{name} {what}{note}"
    width = max(len("in"), *map(len, labels)) + 1
    if output.input is not None:
        yield f"   {screen.paint('in:'.ljust(width), 'quiet')} {values.shown(output.input)}"
    yield from compared(output.a, output.b, screen, labels)


# -- steps -----------------------------------------------------------------------------------------------------------


def _ranked(steps: Sequence[Step], everything: bool) -> List[Step]:
    """What only took another time comes last, the most of it first; of all steps, their own order."""
    if everything:
        return list(steps)
    return sorted(
        steps, key=lambda step: (set(step.changed) <= TIMES, -_slowdown(step) if set(step.changed) <= TIMES else 0)
    )


def _slowdown(step: Step) -> float:
    a, b = step.a, step.b
    if a is None or b is None:
        return 0.0
    if a.own_ms is not None and b.own_ms is not None:
        return b.own_ms - a.own_ms
    return (b.duration_ms or 0.0) - (a.duration_ms or 0.0)


def _print_steps(steps: Sequence[Step], labels: Tuple[str, str], screen: Screen) -> None:
    rows = [(_name(step), *_cells(step)) for step in steps]
    styles = [_style(step) for step in steps]
    columns = ["step", *(f"{label} time" for label in labels), "tokens", "cost", "errors", "scores", "changed"]
    used = [at for at in range(len(columns)) if at == 0 or any(row[at] for row in rows)]
    print_table(screen, [columns[at] for at in used], [[row[at] for at in used] for row in rows], styles, wrap=True)


def _name(step: Step) -> str:
    model = sorted({*(step.a.models if step.a else []), *(step.b.models if step.b else [])})
    shown = f" [{values.cut(', '.join(model), 40)}]" if model and "model" not in step.changed else ""
    return "  " * min(step.depth, 20) + step.name + shown


def _cells(step: Step) -> List[str]:
    a, b = step.a or Figures(0), step.b or Figures(0)
    return [
        _time(step.a),
        _time(step.b),
        _change(f"{a.tokens:,.10g}", f"{b.tokens:,.10g}") if a.tokens or b.tokens else "",
        _change(_cost(a), _cost(b)),
        _change(_errors(step.a), _errors(step.b)) if a.errors or b.errors else "",
        _scores(a, b),
        ", ".join([*step.changed, *_model(step)]),
    ]


def _time(figures: Optional[Figures]) -> str:
    if figures is None:
        return "-"
    return "" if figures.duration_ms is None else values.milliseconds(figures.duration_ms)


def _change(a: str, b: str) -> str:
    return a if a == b else f"{a or '?'} → {b or '?'}"


def _cost(figures: Figures) -> str:
    return "" if not figures.cost_usd else dollars(figures.cost_usd)


def _errors(figures: Optional[Figures]) -> str:
    if figures is None:
        return "-"
    return str(figures.errors) if figures.calls == 1 else f"{figures.errors:,} of {figures.calls:,}"


def _scores(a: Figures, b: Figures) -> str:
    names = sorted(name for name in {*a.scores, *b.scores} if a.scores.get(name) != b.scores.get(name))
    texts = (f"{name} {_change(_score(a, name), _score(b, name))}" for name in names[:4])
    return ", ".join(texts)


def _score(figures: Figures, name: str) -> str:
    return "-" if name not in figures.scores else str(round(figures.scores[name], 2))


def _model(step: Step) -> List[str]:
    if "model" not in step.changed or step.a is None or step.b is None:
        return []
    return [_change(", ".join(step.a.models) or "none", ", ".join(step.b.models) or "none")]


def _style(step: Step) -> Optional[str]:
    worse = step.b is not None and step.b.errors > (step.a.errors if step.a is not None else 0)
    if worse or "removed" in step.changed:
        return "error"
    if "added" in step.changed:
        return "good"
    return "warning" if "slower" in step.changed else None if step.changed else "quiet"


# -- the end ---------------------------------------------------------------------------------------------------------


def _verdict(report: Report, screen: Screen) -> Iterator[str]:
    slower = sorted((step for step in report.steps if "slower" in step.changed), key=_slowdown, reverse=True)
    if slower and slower[0].a is not None and slower[0].b is not None:
        before, after = slower[0].a.duration_ms or 0.0, slower[0].b.duration_ms or 0.0
        factor = f", {after / before:.1f} times as long" if before > 0 else ""
        times = f"{values.milliseconds(before)} → {values.milliseconds(after)}"
        yield f"Slowed down most: {screen.paint(neutral(slower[0].name), 'warning')}  {times}{factor}."
    if not report.differs(times=True):
        steps = "1 step" if len(report.steps) == 1 else f"{len(report.steps):,} steps"
        yield screen.paint("No difference", "good") + f" in {steps}, but for times within the noise."
