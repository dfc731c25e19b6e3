"""Scoring many spans at once."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Dict, Iterator, Set

import attrs

from peekr.judging import judge, readable
from peekr.spans import Span
from peekr_eval.offline.plan import Plan, changes, widened
from peekr_eval.offline.sealed import as_stored, is_encrypted, without_content


@attrs.define(slots=True, frozen=True)
class Scored:
    """One span that was looked at.

    :ivar span: as it is stored: what was sealed is.
    :ivar changes: attributes to set, or as None to take away.
    :ivar failed: how many evaluators gave no score.
    """

    span: Span
    changes: Dict[str, Any]
    done: int
    failed: int


def scored(spans: Iterator[Span], plan: Plan, workers: int) -> Iterator[Scored]:
    """Yield the spans of a plan as their scores come; no more are in memory than are being worked on.

    Interrupted, it still yields those that are being worked on, whose judges are paid already.
    """
    running: Set[Future[Scored]] = set()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="peekr-eval")
    try:
        for span in spans:
            if span.span_id in plan.todo:
                running.add(pool.submit(_score, span, plan))
            if len(running) >= workers * 2:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from _results(finished)
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from _results(finished)
    except KeyboardInterrupt:
        left = {future for future in running if not future.cancel()}
        yield from (future.result() for future in wait(left).done if future.exception() is None)
        raise
    finally:
        pool.shutdown(wait=True)


def _results(finished: Set[Future[Scored]]) -> Iterator[Scored]:
    """The results first: what was raised ends the run."""
    for future in sorted(finished, key=lambda future: future.exception() is not None):
        yield future.result()


def _score(span: Span, plan: Plan) -> Scored:
    stored, encrypted = as_stored(span), is_encrypted(span)
    whole = widened(span)
    if plan.force:
        _forget(whole, plan)
    needed = plan.needed(span)
    asked = readable(whole, needed)
    done, failed = judge(whole, asked)
    made = changes(span, whole)
    return Scored(stored, without_content(made) if encrypted else made, done, failed + len(needed) - len(asked))


def _forget(span: Span, plan: Plan) -> None:
    """Take the scores away that are to be given anew: where that fails there is an error, not an old score."""
    for kind in ("eval_scores", "eval_errors"):
        known = span.attributes.get(kind)
        if isinstance(known, dict):
            left = {name: value for name, value in known.items() if name not in dict(plan.named)}
            span.attributes[kind] = left
            if not left:
                del span.attributes[kind]
