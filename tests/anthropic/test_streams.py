"""Streams: the SDK's own object and events, and a span that ends once, however the stream does."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from peekr.testing import record


@pytest.fixture
def start(api: Any, make: Any) -> Any:
    """Start a streamed message."""
    api.answers = [make.sse(make.stream_events())]
    return lambda: api.client().messages.create(**make.ask, stream=True)


def play(api: Any, make: Any, *events: Any, **usage: Any) -> Any:
    """Start a stream of other events."""
    api.answers = [make.sse([*events])]
    return api.client().messages.create(**make.ask, stream=True)


def test_the_stream_is_the_sdks_own(start: Any, recording: Any) -> None:
    """INST-12, STREAM-3, field B 10."""
    stream = start()
    assert isinstance(stream, anthropic.Stream)
    with stream as same:
        assert same is stream
        assert next(stream).type == "message_start"
        assert [event.delta.text for event in stream if event.type == "content_block_delta"] == ["Par", "is", "."]
    assert stream.response.status_code == 200
    assert recording.only.attributes["output"] == "Paris."


def test_tokens_and_text_come_with_a_stream(start: Any, recording: Any) -> None:
    """STREAM-3, STREAM-6, STREAM-7."""
    list(start())
    span = recording.only
    attributes = span.attributes
    assert [attributes[f"tokens_{name}"] for name in ("input", "output", "total")] == [11, 7, 18]
    assert (attributes["output"], attributes["streaming"], attributes["finish_reason"]) == ("Paris.", True, "end_turn")
    assert (attributes["model"], attributes["response_id"]) == ("claude-sonnet-5-20260901", "msg_1")
    assert 0 < attributes["ttft_ms"] <= span.duration_ms
    assert "stream_incomplete" not in attributes


def test_the_payload_is_what_the_call_gives_without_a_stream(start: Any, make: Any, recording: Any) -> None:
    """MODEL-11."""
    list(start())
    assert recording.only.payload["response"] == make.message()


def test_the_events_are_those_without_tracing(start: Any, api: Any, make: Any) -> None:
    """INST-12."""
    bare = [event.to_dict() for event in start()]
    with record(plugins=["anthropic"]):
        assert [event.to_dict() for event in start()] == bare


def test_the_last_event_may_restate_the_input(api: Any, make: Any, recording: Any) -> None:
    """Field D.3: counts are totals so far; they overwrite and do not add up."""
    more = {"input_tokens": 20, "cache_read_input_tokens": 5, "output_tokens_details": {"thinking_tokens": 3}}
    list(play(api, make, *make.stream_events(**more)))
    attributes = recording.only.attributes
    counts = [attributes[f"tokens_{name}"] for name in ("input", "output", "total", "cached", "reasoning")]
    assert counts == [25, 7, 32, 5, 3]


def test_tools_and_thinking_are_put_together(api: Any, make: Any, recording: Any) -> None:
    """LLM-7: a tool's arguments come in pieces of JSON; thinking is not the output."""
    thinking = [{"type": "thinking_delta", "thinking": "Hm"}, {"type": "signature_delta", "signature": "abc"}]
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"city":', ' "Par', 'is"}')]
    events = make.stream_events(
        make.block_events(0, {"type": "thinking", "thinking": "", "signature": ""}, thinking),
        make.block_events(1, make.tool_use("weather", {}), pieces),
        make.block_events(2, make.tool_use("time", {}), []),
        stop="tool_use",
    )
    list(play(api, make, *events))
    span = recording.only
    assert json.loads(span.attributes["output"]) == [
        {"name": "weather", "arguments": '{"city": "Paris"}'},
        {"name": "time", "arguments": "{}"},
    ]
    assert span.attributes["tool_calls"] == 2
    assert span.payload["response"]["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "abc"},
        make.tool_use("weather", {"city": "Paris"}),
        make.tool_use("time", {}),
    ]


def test_broken_tool_arguments_are_said(api: Any, make: Any, recording: Any) -> None:
    """LLM-8: json_parse; max_tokens cut the arguments off."""
    pieces = [{"type": "input_json_delta", "partial_json": '{"city": "Par'}]
    list(play(api, make, *make.stream_events(make.block_events(0, make.tool_use("w", {}), pieces), stop="max_tokens")))
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "json_parse")
    assert '{\\"city\\": \\"Par' in span.attributes["output"]
    assert span.attributes["tokens_total"] == 18


def test_arguments_that_the_helper_gives_up_on_are_said(api: Any, make: Any, recording: Any) -> None:
    """LLM-8: json_parse; the helper raises in mid-stream, before the block has ended."""
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"city": ', "Paris}")]
    api.answers = [make.sse(make.stream_events(make.block_events(0, make.tool_use("w", {}), pieces)))]
    with pytest.raises(ValueError, match="expected"), api.client().messages.stream(**make.ask) as stream:
        stream.until_done()
    span = recording.only
    assert (span.attributes["error_reason"], span.attributes["stream_incomplete"]) == ("json_parse", True)


def test_arguments_that_the_consumer_did_not_wait_for_are_not_broken(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4: the caller stopped, the model did nothing wrong."""
    pieces = [{"type": "input_json_delta", "partial_json": '{"city": "Par'}]
    stream = play(api, make, *make.stream_events(make.block_events(0, make.tool_use("w", {}), pieces)))
    for event in stream:
        if event.type == "content_block_delta":
            stream.close()
            break
    attributes = recording.only.attributes
    assert "error_reason" not in attributes
    assert attributes["stream_incomplete"] is True


@pytest.mark.parametrize("leave", ["close", "with", "response"])
def test_a_stream_closed_early_is_incomplete_and_guesses_nothing(leave: str, start: Any, recording: Any) -> None:
    """STREAM-4, IFACE-11: the count of output in the first event is a placeholder."""
    stream = start()
    while next(stream).type != "content_block_delta":
        pass
    if leave == "with":
        with stream:
            pass
    else:
        (stream if leave == "close" else stream.response).close()
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Par")
    assert {name: value for name, value in span.attributes.items() if name.startswith("tokens_")} == {
        "tokens_input": 11
    }
    assert "finish_reason" not in span.attributes


def test_a_stream_that_just_ends_without_its_last_event_is_incomplete(api: Any, make: Any, recording: Any) -> None:
    """Issue: a stream cut in the middle. The SDK raises nothing; the span is honest."""
    assert len(list(play(api, make, *make.stream_events()[:5]))) == 4
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Paris")
    assert not {"tokens_output", "tokens_total"} & set(span.attributes)


def test_an_empty_stream_is_incomplete(api: Any, make: Any, recording: Any) -> None:
    """Issue: a stream cut in the middle."""
    api.answers = [b""]
    assert list(api.client().messages.create(**make.ask, stream=True)) == []
    assert recording.only.attributes["stream_incomplete"] is True


def test_a_stream_left_after_its_last_count_is_complete(start: Any, recording: Any) -> None:
    """STREAM-4."""
    with start() as stream:
        for event in stream:
            if event.type == "message_delta":
                break
    attributes = recording.only.attributes
    assert attributes["tokens_total"] == 18
    assert "stream_incomplete" not in attributes


def test_a_cut_connection_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """IFACE-11; what came before is kept."""
    api.answers = [(200, api.body([make.sse(make.stream_events()[:5])], api.httpx.RemoteProtocolError("peer closed")))]
    stream = api.client().messages.create(**make.ask, stream=True)
    with pytest.raises((anthropic.APIConnectionError, api.httpx.RemoteProtocolError)):
        list(stream)
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == ("error", "connection", "Paris")
    assert "tokens_total" not in span.attributes


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("overloaded_error", "server_error"), ("rate_limit_error", "rate_limit"), ("timeout_error", "timeout")],
)
def test_an_error_in_mid_stream_is_an_error(kind: str, reason: str, api: Any, make: Any, recording: Any) -> None:
    """IFACE-11, LLM-8: ``event: error`` inside a 200."""
    stream = play(api, make, *make.stream_events()[:4], make.failure(kind, "Overloaded"))
    with pytest.raises(anthropic.APIStatusError):
        list(stream)
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["error_code"]) == ("error", reason, kind)
    assert span.attributes["output"] == "Par"
    assert "status_code" not in span.attributes


def test_a_slow_stream_that_times_out_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """LLM-8."""
    api.answers = [(200, api.body([make.sse(make.stream_events()[:4])], api.httpx.ReadTimeout("slow")))]
    stream = api.client().messages.create(**make.ask, stream=True)
    with pytest.raises((anthropic.APITimeoutError, api.httpx.ReadTimeout)):
        list(stream)
    assert (recording.only.status, recording.only.attributes["error_reason"]) == ("error", "timeout")


def test_a_long_stream_is_whole(api: Any, make: Any, recording: Any) -> None:
    """Events folded on the way and events folded by the worker."""
    words = [f"w{number} " for number in range(2000)]
    deltas = [{"type": "text_delta", "text": word} for word in words]
    list(play(api, make, *make.stream_events(make.block_events(0, {"type": "text", "text": ""}, deltas))))
    assert recording.only.payload["response"]["content"][0]["text"] == "".join(words)


@pytest.mark.parametrize("beta", [False, True])
def test_the_stream_helper_is_traced(beta: bool, start: Any, api: Any, make: Any, recording: Any) -> None:
    """LLM-13, STREAM-7: stream() posts by itself, not through create()."""
    messages = api.client().beta.messages if beta else api.client().messages
    with messages.stream(**make.ask) as stream:
        assert list(stream.text_stream) == ["Par", "is", "."]
        final = stream.get_final_message()
    assert (final.content[0].text, final.usage.output_tokens) == ("Paris.", 7)
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["tokens_total"]) == ("Paris.", 18)


def test_the_stream_helper_left_early_is_incomplete(start: Any, api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    with api.client().messages.stream(**make.ask) as stream:
        next(stream)
    assert recording.only.attributes["stream_incomplete"] is True
