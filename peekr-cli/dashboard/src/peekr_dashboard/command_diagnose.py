"""``peekr diagnose``: what is likely wrong, why, and what to do."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import click

from peekr.terminal import neutral
from peekr_cli.reading import default_target, filter_options

#: ``--fail-on`` → the severities that end with exit code 1.
_FAILING = {"low": ("high", "medium", "low"), "medium": ("high", "medium"), "high": ("high",)}


@click.command()
@click.argument("file", required=False)
@filter_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--fail-on", type=click.Choice(["low", "medium", "high"]), help="Exit with 1 if a card is that severe, or more: CI."
)
def diagnose(file: Optional[str], as_json: bool, fail_on: Optional[str], **given: Any) -> None:
    """Say what is likely wrong in FILE, why, and what to do.

    FILE is a .jsonl file or an SQLite database; without it, traces.db of this directory, else traces.jsonl. Nothing
    leaves the machine, and no model is asked: rules look at scores, claims, citations, errors, tools, memories and
    tokens. The filters choose spans; --trace one trace or run.

    \b
    peekr diagnose traces.db
    peekr diagnose traces.db --tenant acme --since 24h
    peekr diagnose traces.db --json --fail-on high
    """
    from peekr import open_store
    from peekr.selection import Selection
    from peekr_cli.progress import Bar
    from peekr_cli.terminal import Screen, safe_json
    from peekr_dashboard.diagnostics.engine import diagnose_store
    from peekr_dashboard.diagnostics.reading import Question

    target = file or default_target()
    question = Question(_selection(Selection, given), given["trace"])
    with open_store(target) as store, Bar("Reading spans") as bar:
        diagnosis = diagnose_store(store, question, progress=bar.update)
    cards = [card.as_dict() for card in diagnosis.cards]
    screen = Screen.standard()
    if as_json:
        shown = {"schema": 1, "store": target, "filters": _filters(given), "cards": cards}
        screen.line(safe_json(json.dumps(shown, ensure_ascii=False)))
    else:
        from peekr_dashboard.cards_text import card_lines, headline

        screen.line(headline(target, diagnosis.aggregates, bool(_filters(given))))
        for card in cards:
            screen.lines(["", *card_lines(card, screen)])
    screen.flush()
    _exit(cards, fail_on)


def _selection(kind: Any, given: Dict[str, Any]) -> Any:
    return kind(
        tenant_id=given["tenant"],
        user_id=given["user"],
        session_id=given["session"],
        status=given["status"],
        since=given["since"],
        until=given["until"],
    )


def _filters(given: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _exit(cards: List[Dict[str, Any]], fail_on: Optional[str]) -> None:
    if fail_on is not None:
        failing = [card for card in cards if card["severity"] in _FAILING[fail_on]]
        if failing:
            rules = ", ".join(dict.fromkeys(neutral(card["rule"]) for card in failing))
            click.echo(f"--fail-on {fail_on}: {rules}", err=True)
            raise click.exceptions.Exit(1)
