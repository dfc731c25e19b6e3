"""Send the recorded LLM calls of a trace again, as they were or with one thing changed.

::

    from peekr.replay import replay_trace

    new = replay_trace("3f2a91bc", db_path="traces.db")
    new = replay_trace("3f2a91bc", db_path="traces.db", model="gpt-4o-mini")
    new = replay_trace("3f2a91bc", db_path="traces.db", messages=lambda span, messages: messages[-1:])

Only the calls of models are made again, through the installed SDKs, with credentials and addresses from the
environment; tools and the program itself are not run, so a later call gets the input that it had, not one that
follows from the new answers. Calls that were streamed are sent unstreamed. On the command line: ``peekr replay``.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, List, Mapping, Optional, Union

from peekr.errors import ConfigurationError
from peekr.errors import ReplayError as ReplayError
from peekr.errors import ReplayFailed as ReplayFailed
from peekr.errors import ReplayRefused as ReplayRefused
from peekr.opening import default_store
from peekr.process import is_instrumented
from peekr.replaying.changes import Changes as Changes
from peekr.replaying.changes import Memories, Messages
from peekr.replaying.running import Outcome as Outcome
from peekr.replaying.running import Plan as Plan
from peekr.replaying.running import Step as Step
from peekr.replaying.running import plan as plan
from peekr.replaying.running import read as read
from peekr.replaying.running import run as run
from peekr.replaying.sending import Connections as Connections
from peekr.replaying.storing import Writer as Writer
from peekr.stores import open_store

Path = Union[str, "os.PathLike[str]", None]


def replay_trace(
    trace_id: str,
    db_path: Path = None,
    jsonl_path: Path = None,
    *,
    model: Optional[str] = None,
    system: Optional[str] = None,
    messages: Optional[Messages] = None,
    parameters: Optional[Mapping[str, Any]] = None,
    memories: Optional[Memories] = None,
    force: bool = False,
    client: Any = None,
) -> str:
    """Send the LLM calls of a trace again, in order, and return the id of the new trace.

    The new spans are in the same store, all in one trace, with ``attributes.replay_of`` and ``replay_of_span``. Works
    whether or not :func:`peekr.instrument` was called, and leaves what it set up alone. Waits for all answers.

    :param trace_id: a trace or run, or the first six or more characters of its id.
    :param db_path: the database it is in; or ``jsonl_path``. Without either ``traces.db`` if that exists, else
        ``traces.jsonl``.
    :param model: send the calls to this model of the same API.
    :param system: give this system prompt.
    :param messages: function of the recorded span and its messages, as its API has them; returns those to send.
    :param parameters: by name, such as ``{"temperature": 0}``; None takes one away.
    :param memories: function of the recorded span and the memories that were recalled before it; returns those to
        put in their places in the prompt.
    :param force: send what was stored although it was cut or redacted, or went to another server.
    :param client: of the SDK, synchronous, instead of one from the environment.
    :raises UnknownId, AmbiguousId: if the store has no such trace, or several.
    :raises ReplayRefused: (a ValueError) if the payload was cut, redacted or not stored. Nothing was sent.
    :raises ReplayError: (a ValueError) if the trace has no LLM call, or none that can be sent again. Likewise.
    :raises ReplayFailed: (a ValueError) if a call failed. The others were made; ``new_trace_id`` names their trace.
    """
    if not isinstance(trace_id, str):
        raise ReplayError(f"trace_id must be the id of a trace, got {trace_id!r}.\nList them with: peekr traces --list")
    changes = Changes(model, system, messages, {} if parameters is None else parameters, memories)
    if is_instrumented():
        from peekr.lifecycle import flush

        flush()
    with open_store(_target(db_path, jsonl_path)) as store:
        found, spans = read(store, trace_id)
        with Connections(client) as connections:
            todo = plan(found, spans, changes, connections, force=force)
            with Writer(store) as writer:
                outcomes = run(todo, writer)
    _check(outcomes)
    return outcomes[0].new.trace_id


async def replay_trace_async(trace_id: str, db_path: Path = None, jsonl_path: Path = None, **options: Any) -> str:
    """Do what :func:`replay_trace` does, in a thread, without holding up the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: replay_trace(trace_id, db_path, jsonl_path, **options))


def _target(db_path: Path, jsonl_path: Path) -> str:
    if db_path is not None and jsonl_path is not None:
        raise ConfigurationError("db_path and jsonl_path are both given.\nGive the one that the trace is in")
    given = db_path if db_path is not None else jsonl_path
    if given is not None:
        return os.fspath(given)
    return default_store()


def _check(outcomes: List[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if failed:
        new = outcomes[0].new.trace_id
        first = failed[0]
        raise ReplayFailed(
            f"{len(failed)} of {len(outcomes)} calls failed; {first.old.name} ({first.old.span_id}): {first.error}\n"
            f"The trace with what came back: {new}",
            new,
        )
