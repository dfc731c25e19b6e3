"""What the routes have in common: the store of the application, and the checks of its key."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator

import attrs
from fastapi import Request, Response

from peekr import wire
from peekr.stores import ReadStore
from peekr.traceconfig import TraceConfig
from peekr_server.memory import Memory
from peekr_server.security import Keys
from peekr_server.source import Source


@attrs.define(slots=True, frozen=True)
class Context:
    """Of one application; in ``app.state.peekr``.

    :ivar max_body_bytes: of a request, after decompression.
    """

    source: Source
    memory: Memory
    config: TraceConfig
    keys: Keys
    max_body_bytes: int


def context(request: Request) -> Context:
    """Return the context of the application that was asked."""
    found = request.app.state.peekr
    assert isinstance(found, Context)
    return found


@contextmanager
def reading(request: Request) -> Iterator[ReadStore]:
    """Open the store for the time of a request."""
    with context(request).source.open() as store:
        yield store


def remembered(request: Request, ask: Callable[[ReadStore], Any]) -> Response:
    """Answer with what ``ask`` returns of the store; with the same as last time if the store has not changed."""

    def make() -> bytes:
        with reading(request) as store:
            return wire.encode(ask(store))

    body = context(request).memory.get(f"{request.url.path}?{request.url.query}", make)
    return Response(body, media_type="application/json")


async def reader(request: Request) -> None:
    """Let a request pass that may read."""
    await context(request).keys.reader(request)


async def writer(request: Request) -> None:
    """Let a request pass that may write."""
    await context(request).keys.writer(request)
