"""Which calls of a trace are sent again, and sending them."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import attrs

from peekr.context import untraced
from peekr.errors import PeekrError, ReplayError, ReplayRefused
from peekr.replaying import Replayer, Request
from peekr.replaying.changes import Changes, found
from peekr.replaying.memories import recalled_before
from peekr.replaying.sending import Connections, check_destination, installed, nobody, replayer_for
from peekr.replaying.storing import Writer
from peekr.replaying.wholeness import flaw, stored_request
from peekr.runs import BILLED_KINDS
from peekr.scope import Scope
from peekr.sealed_spans import UNREADABLE
from peekr.spans import Anchor, Span, describe_error
from peekr.stores import ReadStore


@attrs.frozen
class Step:
    """One recorded call, and the request that will be sent in its place."""

    old: Span
    request: Request
    replayer: Replayer
    client: Any
    model: Optional[str]


@attrs.frozen
class Outcome:
    """A recorded call and the new one.

    :ivar error: what the SDK raised, as a sentence; None if the call worked.
    """

    old: Span
    new: Span
    error: Optional[str] = None


@attrs.frozen
class Plan:
    """What a replay of one trace will do.

    :ivar spans: of the trace, or below the run that was asked for, by start time.
    :ivar steps: the calls that will be sent, in order.
    :ivar left_out: calls of a model that cannot be sent again, each with the reason in two sentences.
    """

    trace_id: str
    spans: List[Span]
    steps: List[Step]
    left_out: List[Tuple[Span, str]]
    changes: Changes


def read(store: ReadStore, trace_or_run: str) -> Tuple[str, List[Span]]:
    """Return the trace's id and its spans by start time, of a nested run only those inside of it.

    :raises UnknownId, AmbiguousId: see :meth:`peekr.ReadStore.resolve_id`.
    """
    named, trace_id = store.locate(trace_or_run)
    spans = sorted(store.spans(trace_id=trace_id), key=lambda span: span.start_time)
    return trace_id, spans if named == trace_id else list(_inside(spans, named))


def _inside(spans: List[Span], run_id: str) -> Iterator[Span]:
    inside = {run_id}
    for span in spans:
        if span.run_id in inside or span.parent_id in inside:
            inside.add(span.span_id)
            yield span


def calls_of(spans: List[Span]) -> List[Span]:
    """Return the calls of a model, each once: not what a framework recorded around an SDK's call."""
    calls = [span for span in spans if span.kind in BILLED_KINDS and span.attributes.get("billed") is not False]
    around = _ancestors(calls, {span.span_id: span for span in spans})
    return [span for span in calls if span.span_id not in around]


def _ancestors(calls: List[Span], by_id: Dict[str, Span]) -> set[str]:
    out: set[str] = set()
    for call in calls:
        at = call.parent_id
        while at is not None and at not in out:
            out.add(at)
            parent = by_id.get(at)
            at = parent.parent_id if parent is not None else None
    return out


def plan(trace_id: str, spans: List[Span], changes: Changes, connections: Connections, *, force: bool = False) -> Plan:
    """Decide what will be sent. Nothing has been sent when this raises.

    :param connections: stay open until the plan has been run.
    :param force: send requests that were cut or redacted, too, and to the API's own address what went elsewhere.
    :raises ReplayRefused: if what was stored of a call is not what was sent.
    :raises ReplayError: (a ValueError) if there is no call of a model, or none that can be sent again.
    """
    calls = calls_of(spans)
    if not calls:
        raise ReplayError(f"trace {trace_id} has no LLM call, so there is nothing to replay.\nSee: peekr view --io")
    replayers, steps, left_out = installed(), [], []
    for span in calls:
        able = replayer_for(span, replayers)
        if able is None:
            left_out.append((span, nobody(span, replayers)))
            continue
        replayer, shape = able
        request = _whole(span, force)
        if span.kind == "llm":  # an embedding has no part in what is tried out
            request = changes.apply(span, request, shape, recalled_before(spans, span))
        client = connections.client(replayer, span)
        if not force:
            check_destination(span, replayer, client)
        model = found(request, shape.model)
        steps.append(Step(span, request, replayer, client, model if isinstance(model, str) else None))
    if not steps:
        raise ReplayError(left_out[0][1])
    return Plan(trace_id, spans, steps, left_out, changes)


def _whole(span: Span, force: bool) -> Request:
    request = stored_request(span)
    if request is None:
        unreadable = span.attributes.get(UNREADABLE)
        if unreadable is not None:
            raise ReplayRefused(
                f"the request of {span.name} ({span.span_id}) cannot be read ({unreadable}): it is encrypted.\n"
                "Set TRACE_ENCRYPTION_KEY to the key that it was recorded with"
            )
        raise ReplayRefused(
            f"the request of {span.name} ({span.span_id}) was not stored, so it cannot be sent again.\n"
            "Record payloads: do not set capture_io=False"
        )
    reason = None if force else flaw(span, request)
    if reason is not None:
        raise ReplayRefused(
            f"the request of {span.name} ({span.span_id}) {reason[0]}, so it is not what the model was asked.\n"
            f"{reason[1]}. To send what is there: force=True, or --force"
        )
    return request


def run(todo: Plan, writer: Writer, progress: Optional[Callable[[Outcome], object]] = None) -> List[Outcome]:
    """Send the calls, one after the other, and store each as soon as it is over.

    Nothing of it is recorded anywhere else. A call that fails does not keep the others from being sent.

    :param progress: called after each call.
    """
    outcomes: List[Outcome] = []
    first: Optional[Span] = None
    for step in todo.steps:
        span = _new_span(step.old, first, todo.changes)
        first = first or span
        outcome = Outcome(step.old, span, _send(step, span))
        writer.write([span])
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
    return outcomes


def _send(step: Step, span: Span) -> Optional[str]:
    try:
        with untraced():
            step.replayer.send(span, step.old, step.request, step.client)
    except Exception as error:
        if span.status != "error":
            span.record_error(error)
        return str(error) if isinstance(error, PeekrError) else f"{type(error).__name__}: {describe_error(error)}"
    finally:
        span._t1 = perf_counter_ns()
    return str(span.attributes.get("error")) if span.status == "error" else None


def _new_span(old: Span, first: Optional[Span], changes: Changes) -> Span:
    """A span in the trace of the first one. Who the call was for is kept, as retention and deletion go by it."""
    scope = Scope(old.tenant_id, old.retention_class, old.user_id, old.session_id)
    span = Span(old.name, Anchor(scope), old.kind)
    if first is not None:
        span._trace, span._run = first._trace, first._run
    span.attributes.update(replay_of=old.trace_id, replay_of_span=old.span_id)
    changed = changes.names()
    if changed:
        span.attributes["replay_changed"] = changed
    return span
