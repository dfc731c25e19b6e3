"""``with_raw_response`` and ``with_streaming_response``: still one span, with all it needs."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import anthropic
import pytest


@pytest.fixture
def streamed(api: Any, make: Any) -> None:
    """The server streams."""
    api.answers = [make.sse(make.stream_events())]


def test_a_raw_response_is_complete_before_it_is_parsed(api: Any, make: Any, recording: Any) -> None:
    """Field B 11."""
    raw = api.client().messages.with_raw_response.create(**make.ask)
    assert raw.http_response.status_code == 200
    assert recording.only.attributes["output"] == "Paris."
    assert raw.parse().content[0].text == "Paris."
    assert len(recording.spans) == 1


def test_an_async_raw_response_is_complete_before_it_is_parsed(api: Any, make: Any, recording: Any) -> None:
    async def main() -> Any:
        raw = await api.async_client().messages.with_raw_response.create(**make.ask)
        return json.loads(raw.http_response.content)

    assert asyncio.run(main()) == make.message()
    assert recording.only.attributes["tokens_total"] == 18


def test_a_raw_stream_is_recorded_once_it_is_parsed(streamed: None, api: Any, make: Any, recording: Any) -> None:
    """Also when nobody holds the raw response."""
    stream = api.client().messages.with_raw_response.create(**make.ask, stream=True).parse()
    assert isinstance(stream, anthropic.Stream)
    assert len(list(stream)) >= 7
    assert recording.only.attributes["tokens_total"] == 18


def test_an_async_raw_stream_is_recorded_once_it_is_parsed(streamed: None, api: Any, make: Any, recording: Any) -> None:
    async def main() -> int:
        raw = await api.async_client().messages.with_raw_response.create(**make.ask, stream=True)
        stream = raw.parse()
        stream = await stream if asyncio.iscoroutine(stream) else stream
        return len([event async for event in stream])

    assert asyncio.run(main()) >= 7
    assert recording.only.attributes["output"] == "Paris."


def test_a_raw_stream_that_is_never_parsed_is_incomplete(streamed: None, api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    raw = api.client().messages.with_raw_response.create(**make.ask, stream=True)
    del raw
    gc.collect()
    assert recording.only.attributes["stream_incomplete"] is True


@pytest.mark.parametrize("use", ["parse", "read", "json", "text"])
def test_a_streaming_response_ends_with_its_block(use: str, api: Any, make: Any, recording: Any) -> None:
    with api.client().messages.with_streaming_response.create(**make.ask) as response:
        assert recording.spans == []
        getattr(response, use)()
    span = recording.only
    assert (span.attributes["output"], span.attributes["tokens_total"]) == ("Paris.", 18)
    assert "stream_incomplete" not in span.attributes


def test_a_streaming_response_that_is_not_read_is_incomplete(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4: the body never came."""
    with api.client().messages.with_streaming_response.create(**make.ask):
        pass
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"]) == ("ok", True)
    assert span.attributes["model"] == "claude-sonnet-5"


def test_an_async_streaming_response_ends_with_its_block(api: Any, make: Any, recording: Any) -> None:
    async def main() -> Any:
        async with api.async_client().messages.with_streaming_response.create(**make.ask) as response:
            return (await response.parse()).content[0].text

    assert asyncio.run(main()) == "Paris."
    assert recording.only.attributes["tokens_total"] == 18


def test_a_streaming_response_of_a_stream_can_be_parsed(streamed: None, api: Any, make: Any, recording: Any) -> None:
    with api.client().messages.with_streaming_response.create(**make.ask, stream=True) as response:
        assert len(list(response.parse())) >= 7
    assert recording.only.attributes["output"] == "Paris."


def test_who_reads_raw_lines_sees_all_of_them(streamed: None, api: Any, make: Any, recording: Any) -> None:
    with api.client().messages.with_streaming_response.create(**make.ask, stream=True) as response:
        lines = [line for line in response.iter_lines() if line.startswith("data:")]
    assert len(lines) == len(make.stream_events())
    assert recording.only.attributes["streaming"] is True
