"""``with_raw_response`` and ``with_streaming_response``: still one span, with all it needs."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import openai
import pytest


@pytest.fixture
def streamed(api: Any, make: Any) -> None:
    """The server streams; usage only when asked."""
    api.answers = [lambda request: make.sse(make.stream_chunks(usage=make.wants_usage(request)))]


def test_a_raw_response_is_complete_before_it_is_parsed(api: Any, make: Any, recording: Any) -> None:
    """Field B 11."""
    raw = api.client().chat.completions.with_raw_response.create(model="gpt-4o", messages=make.messages)
    assert raw.status_code == 200
    assert recording.only.attributes["output"] == "Paris."
    assert raw.parse().choices[0].message.content == "Paris."
    assert len(recording.spans) == 1


def test_an_async_raw_response_is_complete_before_it_is_parsed(api: Any, make: Any, recording: Any) -> None:
    async def main() -> Any:
        client = api.async_client()
        return await client.chat.completions.with_raw_response.create(model="gpt-4o", messages=make.messages)

    assert asyncio.run(main()).parse().choices[0].message.content == "Paris."
    assert recording.only.attributes["tokens_total"] == 18


def test_a_raw_stream_is_recorded_once_it_is_parsed(streamed: None, api: Any, make: Any, recording: Any) -> None:
    """STREAM-2: the same chunks; also when nobody holds the raw response."""
    create = api.client().chat.completions.with_raw_response.create
    stream = create(model="gpt-4o", messages=make.messages, stream=True).parse()
    assert isinstance(stream, openai.Stream)
    assert len(list(stream)) == 5
    assert recording.only.attributes["tokens_total"] == 18


def test_an_async_raw_stream_is_recorded_once_it_is_parsed(streamed: None, api: Any, make: Any, recording: Any) -> None:
    async def main() -> int:
        create = api.async_client().chat.completions.with_raw_response.create
        raw = await create(model="gpt-4o", messages=make.messages, stream=True)
        return len([chunk async for chunk in raw.parse()])

    assert asyncio.run(main()) == 5
    assert recording.only.attributes["output"] == "Paris."


def test_a_raw_stream_that_is_never_parsed_is_incomplete(streamed: None, api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    create = api.client().chat.completions.with_raw_response.create
    raw = create(model="gpt-4o", messages=make.messages, stream=True)
    del raw
    gc.collect()
    assert recording.only.attributes["stream_incomplete"] is True


@pytest.mark.parametrize("use", ["parse", "read", "json"])
def test_a_streaming_response_ends_with_its_block(use: str, api: Any, make: Any, recording: Any) -> None:
    create = api.client().chat.completions.with_streaming_response.create
    with create(model="gpt-4o", messages=make.messages) as response:
        assert recording.spans == []
        getattr(response, use)()
    span = recording.only
    assert (span.attributes["output"], span.attributes["tokens_total"]) == ("Paris.", 18)
    assert "stream_incomplete" not in span.attributes


def test_a_streaming_response_that_is_not_read_is_incomplete(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4: the body never came."""

    create = api.client().chat.completions.with_streaming_response.create
    with create(model="gpt-4o", messages=make.messages):
        pass
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["model"]) == ("ok", True, "gpt-4o")


def test_an_async_streaming_response_ends_with_its_block(api: Any, make: Any, recording: Any) -> None:
    async def main() -> Any:
        create = api.async_client().chat.completions.with_streaming_response.create
        async with create(model="gpt-4o", messages=make.messages) as response:
            return (await response.parse()).choices[0].message.content

    assert asyncio.run(main()) == "Paris."
    assert recording.only.attributes["tokens_total"] == 18


def test_a_streaming_response_of_a_stream_can_be_parsed(streamed: None, api: Any, make: Any, recording: Any) -> None:
    create = api.client().chat.completions.with_streaming_response.create
    with create(model="gpt-4o", messages=make.messages, stream=True) as response:
        assert len(list(response.parse())) == 5
    assert recording.only.attributes["output"] == "Paris."


def test_who_reads_raw_lines_sees_what_the_server_sends_unasked(
    streamed: None, api: Any, make: Any, recording: Any
) -> None:
    """STREAM-2: there the usage cannot be hidden, so it is not asked for."""
    create = api.client().chat.completions.with_streaming_response.create
    with create(model="gpt-4o", messages=make.messages, stream=True) as response:
        lines = [line for line in response.iter_lines() if line]
    assert len(lines) == 6
    assert "stream_options" not in api.requests[0]
    assert recording.only.attributes["streaming"] is True


def test_speech_is_streamed_to_a_file(api: Any, recording: Any, tmp_path: Any) -> None:
    api.answers = [b"\xff" * 100]
    create = api.client().audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input="hello") as response:
        response.stream_to_file(tmp_path / "hello.mp3")
    assert (tmp_path / "hello.mp3").read_bytes() == b"\xff" * 100
    assert (recording.only.name, recording.only.status) == ("openai.audio.speech", "ok")
