"""``peekr view``: traces as trees."""

from __future__ import annotations

import os
import time
from typing import Any, Iterator, List, Optional, Set

import click

from peekr.terminal import neutral
from peekr_cli.reading import Filters, Traces, default_target, filter_options

#: How many traces a terminal shows unless told otherwise; a pipe gets all.
_ON_TERMINAL = 20


@click.command()
@click.argument("file", required=False)
@click.option("--io", is_flag=True, help="Show inputs, outputs and scores, 120 characters each.")
@click.option("--json", "as_json", is_flag=True, help="Print the spans that fit instead, one JSON object a line.")
@filter_options
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="The newest N traces; 0 for all.")
@click.option("-f", "--follow", is_flag=True, help="Go on and print spans as they arrive, until Ctrl-C.")
def view(file: Optional[str], io: bool, as_json: bool, limit: Optional[int], follow: bool, **filters: Any) -> None:
    """Show the traces in FILE as trees.

    The newest comes last. FILE is a .jsonl file or an SQLite database; without it, traces.db of this directory, else
    traces.jsonl. The filters choose whole traces; with --json, spans.

    \b
    peekr view
    peekr view traces.db --io --since 1h --status error
    peekr view traces.jsonl --follow
    """
    from peekr import open_store
    from peekr_cli.terminal import Screen

    screen = Screen.standard()
    if limit is None and screen.width is not None and not as_json:
        limit = _ON_TERMINAL
    target = file or default_target()
    if follow:
        _wait_for(target)
    with open_store(target) as store:
        traces = Traces(store, Filters(**filters), limit or None)
        arriving = store.follow() if follow else None  # from here on nothing is missed; what is shown twice is left out
        seen: Optional[Set[str]] = set() if follow else None
        if as_json:
            _print_json(traces, screen, seen)
        else:
            _print_trees(traces, screen, io, seen)
        screen.flush()
        if arriving is not None:
            _follow(arriving, traces.filters, seen or set(), screen, io, as_json)


def _print_trees(traces: Traces, screen: Any, io: bool, seen: Optional[Set[str]]) -> None:
    from peekr_cli.render import session_line, trace_lines

    trees, session = traces.trees(), traces.filters.session
    if session is not None:
        together = list(trees)
        if together:
            screen.line(session_line(session, together, screen) + "\n")
        trees = iter(together)
    shown = 0
    for tree in trees:
        screen.lines([""] * bool(shown) + list(trace_lines(tree, screen, io)))
        shown += 1
        if seen is not None:
            seen.update(span.span_id for span in tree.spans if span.ended)
    if not shown:
        what = "no span that fits" if traces.filters.any else "no spans yet"
        screen.line(f"{neutral(traces.store.target)} has {what}.")
    elif traces.more and traces.limit and screen.width is not None:
        hint = f"Older traces are not shown: --limit {traces.limit * 5} shows more, --limit 0 all."
        screen.line("\n" + screen.paint(hint, "quiet"))


def _print_json(traces: Traces, screen: Any, seen: Optional[Set[str]]) -> None:
    for span in traces.spans():
        screen.line(_json(span))
        if seen is not None and span.ended:
            seen.add(span.span_id)


def _json(span: Any) -> str:
    from peekr import wire
    from peekr_cli.terminal import safe_json

    return safe_json(wire.encode(wire.record(span)).decode())


def _follow(arriving: Iterator[Any], filters: Filters, seen: Set[str], screen: Any, io: bool, as_json: bool) -> None:
    """Print every span that ends from now on, as soon as the store has it."""
    from peekr_cli.render import arrival_lines

    accepts = filters.selection().accepts
    if not as_json:
        screen.line("\n" + screen.paint("Waiting for spans. Ctrl-C ends this.", "quiet"))
        screen.flush()
    for span in arriving:
        if span.span_id in seen or not accepts(span) or not _of_trace(span, filters.trace):
            continue
        lines: List[str] = [_json(span)] if as_json else list(arrival_lines(span, screen, io))
        screen.lines(lines)
        screen.flush()


def _of_trace(span: Any, prefix: Optional[str]) -> bool:
    return prefix is None or span.trace_id.startswith(prefix) or span.run_id.startswith(prefix)


def _wait_for(target: str) -> None:
    """A program that is about to be started makes the file: no reason to give up."""
    if "://" in target or os.path.exists(target):
        return
    click.echo(f"{neutral(target)} does not exist yet; waiting for it. Ctrl-C ends this.", err=True)
    while not os.path.exists(target) or not os.path.getsize(target):
        time.sleep(0.1)
