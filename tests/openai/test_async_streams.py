"""The asynchronous twins of the streams."""

from __future__ import annotations

import asyncio
import functools
import gc
from typing import Any

import openai
import pytest

from peekr.testing import record


def in_a_loop(test: Any) -> Any:
    """Run an asynchronous test in a new event loop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def start(api: Any, make: Any) -> Any:
    """Start a streamed chat; the server sends usage only when asked, as OpenAI does."""
    api.answers = [lambda request: make.sse(make.stream_chunks(usage=make.wants_usage(request)))]

    async def start(**options: Any) -> Any:
        client = api.async_client()
        return await client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=True, **options)

    return start


@in_a_loop
async def test_the_stream_is_the_sdks_own(start: Any, recording: Any) -> None:
    """INST-12, STREAM-3, STREAM-6."""
    stream = await start()
    assert isinstance(stream, openai.AsyncStream)
    async with stream:
        await stream.__anext__()
        assert [chunk.choices[0].delta.content async for chunk in stream] == ["Par", "is", ".", None]
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["tokens_total"], attributes["streaming"]) == ("Paris.", 18, True)
    assert attributes["ttft_ms"] > 0
    assert "stream_incomplete" not in attributes


@in_a_loop
async def test_the_chunks_are_those_without_tracing(start: Any) -> None:
    """STREAM-2."""
    bare = [chunk.to_dict() async for chunk in await start()]
    with record(plugins=["openai"]):
        traced = [chunk.to_dict() async for chunk in await start()]
    assert traced == bare


@in_a_loop
async def test_a_reader_that_is_cancelled_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """TRACE-6, LLM-8."""
    waiting = asyncio.Event()

    class Hanging(api.httpx.AsyncByteStream):  # type: ignore[misc, name-defined]
        async def __aiter__(self) -> Any:
            yield make.sse(make.stream_chunks()[:2], done=False)
            waiting.set()
            await asyncio.Event().wait()

    api.answers = [(200, Hanging())]
    client = api.async_client()
    stream = await client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)

    async def read() -> None:
        async for _ in stream:
            pass

    task = asyncio.ensure_future(read())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == ("error", "cancelled", "Par")


@in_a_loop
async def test_a_cut_connection_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """IFACE-11."""
    body = api.body(
        [make.sse(make.stream_chunks(usage=False)[:3], done=False)], api.httpx.RemoteProtocolError("peer closed")
    )
    api.answers = [(200, body)]
    client = api.async_client()
    stream = await client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)
    with pytest.raises((openai.APIConnectionError, api.httpx.RemoteProtocolError)):
        async for _ in stream:
            pass
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "connection")


@pytest.mark.usefixtures("closes_dropped_streams")
def test_streams_that_are_left_and_dropped_close_their_responses(api: Any, make: Any, recording: Any) -> None:
    """Field B 9, INST-12: as without tracing, else their connections would never be free again."""
    closed = []

    class Body(api.httpx.AsyncByteStream):  # type: ignore[misc, name-defined]
        async def __aiter__(self) -> Any:
            for chunk in make.stream_chunks():
                yield make.sse([chunk], done=False)

        async def aclose(self) -> None:
            closed.append(self)

    async def look_at_one(client: Any) -> None:
        stream = await client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break

    async def look_at_three() -> None:
        client = api.async_client()
        for _ in range(3):
            await asyncio.create_task(look_at_one(client))
        gc.collect()

    api.answers = [lambda request: (200, Body())]
    asyncio.run(look_at_three())  # the last of them is closed as the loop ends
    assert len(closed) == 3
    assert [span.attributes["stream_incomplete"] for span in recording.spans] == [True] * 3


@in_a_loop
async def test_the_stream_helper_is_traced(start: Any, api: Any, make: Any, recording: Any) -> None:
    """Field D.2."""
    manager = api.async_client().beta.chat.completions.stream(model="gpt-4o", messages=make.messages)
    async with manager as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "Paris."
    assert recording.only.attributes["tokens_total"] == 18
