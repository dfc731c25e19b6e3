"""``peekr demo``: a traced agent in a second, without an account or a network."""

from __future__ import annotations

import os
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any, List, Tuple

import click

_NEEDED = {
    "openai": "openai",
    "peekr_openai": "peekr-openai",
    "peekr_jsonl": "peekr-jsonl",
    "peekr_sqlite": "peekr-sqlite",
}
_BUG = (
    "tool.stock_level found nothing (out: null), so the last prompt says “Stock of KTL-BLUE: None”, "
    "and the model promised a kettle that is not there."
)
_MARGIN = 10


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="Where to write traces.jsonl and traces.db; this directory by default.",
)
def demo(directory: Path) -> None:
    """Trace a small agent that has a bug.

    It uses the real openai package against an endpoint on this machine: no account, no network, no cost.

    \b
    peekr demo
    peekr demo --dir first-look
    """
    missing = [distribution for module, distribution in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise click.ClickException(f"the demo needs {' and '.join(missing)}: pip install {' '.join(missing)}")
    from peekr_cli.terminal import Screen

    directory.mkdir(parents=True, exist_ok=True)
    jsonl, db = directory / "traces.jsonl", directory / "traces.db"
    screen = Screen.standard()
    trace_id, question, answer = _run(jsonl, db)
    _tell(screen, "Question", question)
    _tell(screen, "Answer", answer)
    screen.line()
    _print_trace(screen, jsonl, trace_id)
    screen.line()
    _tell(screen, "The bug", _BUG)
    screen.line(f"\nThe trace is in {jsonl} and {db}. Try next:")
    for command, purpose in _next_commands(jsonl, db):
        screen.line(f"  {command}")
        screen.line("      " + screen.paint(purpose, "quiet"))


def _run(jsonl: Path, db: Path) -> Tuple[str, str, str]:
    """Return trace id, question and answer; the trace is on disk then."""
    import peekr
    from peekr_cli.demo import agent
    from peekr_cli.demo.endpoint import serving

    peekr.instrument(storage="both", console=False, jsonl_path=str(jsonl), db_path=str(db), sample_rate=1.0)
    try:
        with serving() as base_url, agent.client_of(base_url) as client:
            assistant = agent.ShopAssistant(client)
            answer = assistant.answer(agent.QUESTION)
        if not peekr.flush():
            raise click.ClickException(f"the trace could not be written to {jsonl} and {db}.")
    finally:
        peekr.uninstrument()
    return assistant.trace_id or "", agent.QUESTION, answer


def _tell(screen: Any, label: str, text: str) -> None:
    from peekr_cli.terminal import fold

    first, *more = [text] if screen.width is None else fold(text, screen.width - _MARGIN)
    screen.line(screen.paint(f"{label}:".ljust(_MARGIN), "heading") + first)
    screen.lines([" " * _MARGIN + piece for piece in more])


def _print_trace(screen: Any, jsonl: Path, trace_id: str) -> None:
    from peekr import open_store
    from peekr_cli.render import trace_lines
    from peekr_cli.tree import build

    with open_store(str(jsonl)) as store:
        screen.lines(list(trace_lines(build(store.trace(trace_id)), screen, io=True)))


def _next_commands(jsonl: Path, db: Path) -> List[Tuple[str, str]]:
    """Three commands that can be pasted, with what they show."""
    slowest = "SELECT name, COUNT(*) calls, ROUND(AVG(duration_ms)) ms FROM spans GROUP BY name ORDER BY ms DESC"
    return [
        (f"peekr view {_quoted(jsonl)} --io", "every trace as a tree; add --follow to watch your own program"),
        (f'peekr query {_quoted(db)} "{slowest}"', "where the time goes, in SQL"),
        (f"peekr view {_quoted(db)} --status error", "only the traces in which something failed"),
    ]


def _quoted(path: Path) -> str:
    if os.name == "nt":
        return f'"{path}"' if " " in str(path) else str(path)
    return shlex.quote(str(path))
