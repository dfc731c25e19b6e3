"""The asynchronous twins of the streams."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

import peekr
from peekr.testing import record


@pytest.fixture
def start(api: Any, make: Any) -> Any:
    """Start a streamed message."""
    api.answers = [make.sse(make.stream_events())]

    async def start() -> Any:
        return await api.async_client().messages.create(**make.ask, stream=True)

    return start


def test_the_stream_is_the_sdks_own(start: Any, recording: Any) -> None:
    """INST-12, STREAM-3, STREAM-6."""

    async def main() -> None:
        stream = await start()
        assert isinstance(stream, anthropic.AsyncStream)
        async with stream:
            await stream.__anext__()
            assert [event.delta.text async for event in stream if event.type == "content_block_delta"] == [
                "Par",
                "is",
                ".",
            ]
        attributes = recording.only.attributes
        assert (attributes["output"], attributes["tokens_total"], attributes["streaming"]) == ("Paris.", 18, True)
        assert attributes["ttft_ms"] > 0
        assert "stream_incomplete" not in attributes

    asyncio.run(main())


def test_the_events_are_those_without_tracing(start: Any) -> None:
    """INST-12."""

    async def main() -> None:
        bare = [event.to_dict() async for event in await start()]
        with record(plugins=["anthropic"]):
            assert [event.to_dict() async for event in await start()] == bare

    asyncio.run(main())


def test_a_reader_that_is_cancelled_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """TRACE-6, LLM-8."""

    async def main() -> None:
        waiting = asyncio.Event()

        class Hanging(api.httpx.AsyncByteStream):  # type: ignore[misc, name-defined]
            async def __aiter__(self) -> Any:
                yield make.sse(make.stream_events()[:4])
                waiting.set()
                await asyncio.Event().wait()

        api.answers = [(200, Hanging())]
        stream = await api.async_client().messages.create(**make.ask, stream=True)

        async def read() -> None:
            async for _ in stream:
                pass

        task = asyncio.ensure_future(read())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        span = recording.only
        assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == (
            "error",
            "cancelled",
            "Par",
        )

    asyncio.run(main())


def test_an_error_in_mid_stream_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """IFACE-11, LLM-8."""

    async def main() -> None:
        api.answers = [make.sse([*make.stream_events()[:4], make.failure("overloaded_error")])]
        stream = await api.async_client().messages.create(**make.ask, stream=True)
        with pytest.raises(anthropic.APIStatusError):
            async for _ in stream:
                pass
        assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "server_error")

    asyncio.run(main())


@pytest.mark.parametrize("beta", [False, True])
def test_the_stream_helper_is_traced(beta: bool, start: Any, api: Any, make: Any, recording: Any) -> None:
    """LLM-13; the call is made where the block is entered, not where the helper is called."""

    async def main() -> None:
        client = api.async_client()
        manager = (client.beta.messages if beta else client.messages).stream(**make.ask)
        async with peekr.span("turn") as turn:
            async with manager as stream:
                assert [text async for text in stream.text_stream] == ["Par", "is", "."]
                final = await stream.get_final_message()
        assert final.content[0].text == "Paris."
        span = recording.named("anthropic.messages")[0]
        assert (span.parent_id, span.attributes["tokens_total"]) == (turn.span_id, 18)

    asyncio.run(main())
