"""One call of ``peekr replay``: what is shown, asked and sent, in which order."""

from __future__ import annotations

import json
import sys
from itertools import count
from typing import Any, Dict, Iterable, Iterator, List, Tuple

import click

from peekr import ReadStore, Span, open_store
from peekr.errors import ReplayError
from peekr.replay import Changes, Connections, Outcome, Plan, Writer, plan, read, run
from peekr.replaying.running import calls_of
from peekr.terminal import neutral
from peekr_cli.progress import Bar
from peekr_cli.reading import Filters
from peekr_cli.replay import report
from peekr_cli.replay.estimate import estimate
from peekr_cli.replay.waterfall import steps, steps_data
from peekr_cli.terminal import Screen, neutral_lines, safe_json


class Session:
    """Shows traces, and sends their calls again.

    :param show: print the traces step by step.
    :param send: send their calls.
    """

    def __init__(
        self, target: str, changes: Changes, force: bool, as_json: bool, *, show: bool = True, send: bool = True
    ) -> None:
        self._target = target
        self._changes = changes
        self._force = force
        self._as_json = as_json
        self._show = show
        self._send = send
        self._screen = Screen.standard()
        self._connections = Connections()
        self._results: List[Dict[str, Any]] = []

    # -- traces by their ids ----------------------------------------------------------------------------------

    def each(self, ids: Iterable[str]) -> bool:
        """Show and replay these traces one after the other; return whether all went well.

        :raises UnknownId, AmbiguousId: before anything is sent.
        """
        worked = True
        with open_store(self._target) as store, self._connections:
            for trace_id, spans in [read(store, each) for each in ids]:
                result = self._shown(trace_id, spans)
                if self._send:
                    worked = self._replay_one(store, trace_id, spans, result) and worked
                self._results.append(result)
        self._finish()
        return worked

    def _shown(self, trace_id: str, spans: List[Span]) -> Dict[str, Any]:
        if self._as_json:
            return {"trace_id": trace_id, **({"steps": steps_data(spans)} if self._show else {})}
        if self._show:
            waits = not self._send and self._screen.width is not None and sys.stdin.isatty()
            for number, lines in enumerate(steps(spans, self._screen)):
                if waits and number > 1 and not _enter():
                    break
                self._screen.lines(lines)
            self._screen.line()
            self._screen.flush()
        return {}

    def _replay_one(self, store: ReadStore, trace_id: str, spans: List[Span], result: Dict[str, Any]) -> bool:
        if not calls_of(spans):
            text = f"Trace {neutral(trace_id[:8])} has no LLM call, so there is nothing to send again."
            result.update(report.failed_data(trace_id, text))
            self._say(text)
            return self._show
        try:
            todo = plan(trace_id, spans, self._changes, self._connections, force=self._force)
        except ReplayError as error:
            if not self._as_json:
                raise
            result.update(report.failed_data(trace_id, str(error)))
            return False
        outcomes = self._run(store, [todo])[0]
        result.update(report.replay_data(todo, outcomes))
        if not self._as_json:
            self._screen.lines(list(report.replayed_lines(todo, outcomes, self._screen)))
        return _worked(outcomes)

    # -- all traces that fit ----------------------------------------------------------------------------------

    def many(self, filters: Filters, limit: int, yes: bool) -> bool:
        """Replay the newest traces that fit, oldest first; return whether all went well."""
        with open_store(self._target) as store, self._connections:
            chosen = list(_newest(store, filters, limit))[::-1]
            if not chosen:
                self._say(f"{neutral(self._target)} has no trace with LLM calls that fits.")
                self._finish()
                return True
            if not self._send:
                self._results = [self._shown(trace_id, spans) for trace_id, spans in chosen]
                self._finish()
                return True
            plans, refused = self._plans(chosen)
            if plans:
                self._announce(plans, yes)
            outcomes = self._run(store, plans)
        for todo, done in zip(plans, outcomes):
            self._results.append(report.replay_data(todo, done))
            if not self._as_json:
                self._screen.lines([*report.replayed_lines(todo, done, self._screen), ""])
        worked = not refused and all(map(_worked, outcomes))
        self._summary(plans, outcomes, refused)
        self._finish()
        return worked

    def _plans(self, chosen: List[Tuple[str, List[Span]]]) -> Tuple[List[Plan], int]:
        plans: List[Plan] = []
        refused = 0
        for trace_id, spans in chosen:
            try:
                plans.append(plan(trace_id, spans, self._changes, self._connections, force=self._force))
            except ReplayError as error:
                refused += 1
                self._results.append(report.failed_data(trace_id, str(error)))
                self._say(f"Trace {neutral(trace_id[:8])} is left out: {neutral_lines(str(error))}", err=True)
        return plans, refused

    def _announce(self, plans: List[Plan], yes: bool) -> None:
        cost, unknown = estimate(plans)
        text = report.plan_lines(plans, cost, unknown)
        if not yes and self._screen.width is not None and sys.stdin.isatty():
            click.confirm(f"Send {text}?", abort=True, err=True)
        else:
            click.echo(f"Sending {text}.", err=True)

    def _summary(self, plans: List[Plan], outcomes: List[List[Outcome]], refused: int) -> None:
        failed = sum(outcome.error is not None for done in outcomes for outcome in done)
        different = sum(
            outcome.error is None and report.said(outcome.old) != report.said(outcome.new)
            for done in outcomes
            for outcome in done
        )
        calls = sum(map(len, outcomes))
        done_text = f"{report.count(len(plans), 'trace')} replayed, {report.count(calls, 'call')}"
        text = f"{done_text}: {different:,} answered differently, {failed:,} failed"
        self._say(text + (f"; {report.count(refused, 'trace')} left out." if refused else "."))

    # -- both -------------------------------------------------------------------------------------------------

    def _run(self, store: ReadStore, plans: List[Plan]) -> List[List[Outcome]]:
        if not plans:
            return []
        done = count(1)
        with Writer(store) as writer, Bar("Sending", sum(len(todo.steps) for todo in plans)) as bar:
            return [run(todo, writer, lambda _: bar.update(next(done))) for todo in plans]

    def _say(self, text: str, err: bool = False) -> None:
        if not self._as_json:
            click.echo(text, err=err)

    def _finish(self) -> None:
        if self._as_json:
            data = {"schema": report.SCHEMA, "store": self._target, "replays": self._results}
            self._screen.line(safe_json(json.dumps(data, ensure_ascii=False)))


def _worked(outcomes: List[Outcome]) -> bool:
    return all(outcome.error is None for outcome in outcomes)


def _newest(store: ReadStore, filters: Filters, limit: int) -> Iterator[Tuple[str, List[Span]]]:
    """Traces with LLM calls; those that a replay made are not replayed again."""
    found = 0
    for summary in store.traces(**filters.arguments(), newest_first=True):
        spans = sorted(store.spans(trace_id=summary.trace_id), key=lambda span: span.start_time)
        if calls_of(spans) and not any("replay_of" in span.attributes for span in spans):
            yield summary.trace_id, spans
            found += 1
            if found == limit:
                return


def _enter() -> bool:
    """Wait for Enter; False for q. At the end of the input there is nothing to wait for."""
    sys.stderr.write("-- Enter: next step, q: end -- ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() != "q"
