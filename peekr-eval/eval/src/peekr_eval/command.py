"""``peekr eval``: score the spans of a stored file."""

from __future__ import annotations

import json
import sys
from time import monotonic
from typing import Any, Dict, List, Optional, Tuple

import click

from peekr.terminal import neutral

#: Exit codes besides 0 (all scored), 1 (could not be done) and 2 (wrong command line).
SOME_FAILED = 3
_BATCH, _BATCH_S = 50, 1.0


def _moment(_context: click.Context, _parameter: click.Parameter, value: Optional[str]) -> Optional[float]:
    from peekr.timeparse import parse_time

    try:
        return None if value is None else parse_time(value)
    except ValueError as error:
        raise click.BadParameter(" ".join(map(neutral, str(error).splitlines()))) from error


@click.command("eval", short_help="Score the spans of a file or a database.")
@click.argument("store")
@click.option(
    "-e", "--evaluator", "names", multiple=True, metavar="NAME", help="Rubric, Hallucination, … or module:Class."
)
@click.option(
    "--criteria", multiple=True, metavar="TEXT", help="What a Rubric scores by; one for each --evaluator Rubric."
)
@click.option("--detailed", is_flag=True, help="Hallucination: every claim with its verdict.")
@click.option("--model", metavar="MODEL", help="Model of the judge.")
@click.option("--judge-provider", default="auto", metavar="NAME", help="auto, openai, anthropic, gemini or bedrock.")
@click.option("--repeat", default=1, metavar="N", help="Ask so often where a score is near the threshold.")
@click.option("--threshold", default=0.5, metavar="X", help="See --repeat.")
@click.option("--cache", metavar="FILE", help="Keep verdicts in FILE, and take those that are there.")
@click.option("--trace", metavar="ID", help="One trace or run: its id, or six or more characters of it.")
@click.option("--tenant", "tenant_id", metavar="ID", help="Spans of this tenant.")
@click.option("--user", "user_id", metavar="ID", help="Spans of this user.")
@click.option("--session", "session_id", metavar="ID", help="Spans of this session.")
@click.option("--status", type=click.Choice(["ok", "error"]), help="Spans that succeeded, or failed.")
@click.option("--name", metavar="NAME", help="Spans of this name, or whose name begins so: openai.chat.")
@click.option("--kind", default="llm", show_default=True, metavar="KIND", help="Spans of this kind.")
@click.option(
    "--since", callback=_moment, metavar="TIME", help="Started then or later: 2026-01-31T09:00, 15m, 24h ago."
)
@click.option("--until", callback=_moment, metavar="TIME", help="Started before.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N spans.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, and leave STORE as it is.")
@click.option("--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Spans scored at a time.")
@click.option("--force", is_flag=True, help="Score again what has a score.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before a judge is paid.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(store: str, as_json: bool, **given: Any) -> None:
    """Score the spans of STORE, a .jsonl file or an SQLite database, and write the scores into it.

    Spans that have a score are skipped, so the command can be interrupted and run again. Exit codes: 0 all scored,
    1 not possible, 2 wrong command line, 3 some evaluations gave no score (see attributes.eval_errors).

    \b
    peekr eval traces.db --evaluator CitationAccuracy
    peekr eval traces.jsonl -e Hallucination --detailed --dry-run
    """
    from peekr import open_store
    from peekr_eval.offline.choice import evaluators
    from peekr_eval.offline.summary import Tally, document, lines

    if not given["names"]:
        raise click.UsageError("Missing option '--evaluator', for instance: --evaluator Hallucination")
    judge = {name: given[name] for name in ("model", "judge_provider", "repeat", "threshold")}
    judge["cache"] = given["cache"] or True
    named = evaluators(given["names"], given["criteria"], judge, given["detailed"])
    with open_store(store) as opened:
        target, plan = _planned(opened, named, given)
        tally, written = Tally(named), False
        try:
            if not given["dry_run"] and plan.todo:
                _agree(plan, given["yes"])
                _run(target, plan, tally, given, _filters(opened, given))
            else:
                _tell(plan)
                written = not given["dry_run"] and target.unfinished
                if written:
                    target.finish()
        finally:
            target.close()
        if as_json:
            click.echo(json.dumps(document(store, target.where, plan, tally, given["dry_run"])))
        else:
            click.echo("\n".join(lines(target.where, plan, tally, written)))
    click.get_current_context().exit(SOME_FAILED if tally.failed else 0)


def _planned(store: Any, named: Any, given: Dict[str, Any]) -> Tuple[Any, Any]:
    from peekr_eval.offline.plan import make_plan
    from peekr_eval.offline.targets import target_for

    target = target_for(store, given["output"], given["force"])
    try:
        return target, make_plan(target.candidates(_filters(store, given), given["limit"]), named, given["force"])
    except BaseException:
        target.close()
        raise


def _filters(store: Any, given: Dict[str, Any]) -> Dict[str, Any]:
    names = ("tenant_id", "user_id", "session_id", "status", "name", "kind", "since", "until")
    filters = {name: given[name] for name in names if given[name] is not None}
    if given["trace"] is not None:
        found, trace_id = store.locate(given["trace"])
        filters["trace_id"] = trace_id
        if found != trace_id:
            filters["run_id"] = found
    return filters


def _tell(plan: Any) -> None:
    from peekr_eval.offline.summary import bill_line

    click.echo(f"{len(plan.todo):,} of {plan.selected:,} spans to evaluate.", err=True)
    if plan.estimate.calls:
        click.echo(f"Judge, at most: {bill_line(plan.estimate, 'about ')}.", err=True)


def _agree(plan: Any, yes: bool) -> None:
    """Say what it will cost, and ask somebody who is there to answer."""
    _tell(plan)
    if plan.estimate.calls and not yes and sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm("Go on?", abort=True, err=True)


def _run(target: Any, plan: Any, tally: Any, given: Dict[str, Any], filters: Dict[str, Any]) -> None:
    from peekr_eval.offline.scoring import scored

    batch: List[Any] = []
    results = scored(target.spans(plan, filters, given["limit"]), plan, given["workers"])
    last = monotonic()
    try:
        with click.progressbar(length=len(plan.todo), label="Evaluating", file=sys.stderr) as bar:
            for each in results:
                tally.add(each, plan)
                batch.append(each)
                bar.update(1)
                if len(batch) >= _BATCH or monotonic() - last > _BATCH_S:
                    target.write(batch)
                    batch, last = [], monotonic()
    except KeyboardInterrupt:
        click.echo("Interrupted. The scores so far are kept; run the same command again to go on.", err=True)
        raise
    finally:
        target.write(batch)
    target.finish()
