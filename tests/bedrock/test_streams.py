"""Event streams: the SDK's own object and events; one span, which ends with the stream, however it ends."""

from __future__ import annotations

import gc
import json
import threading
from typing import Any

import pytest
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError

import peekr
from peekr.testing import record

#: A stream that breaks off leaves its socket to the collector, traced or not.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TOOL = {"toolUseId": "t1", "name": "weather"}


def test_a_streamed_conversation(api: Any, recording: Any) -> None:
    """LLM-2, STREAM-3, STREAM-6, STREAM-7."""
    stream = api.stream()["stream"]
    assert isinstance(stream, EventStream) and type(stream) is EventStream
    assert peekr.get_current_span() is None
    events = list(stream)
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, span.status) == ("bedrock.converse_stream", "llm", "ok")
    assert [next(iter(event)) for event in events][-1] == "metadata"
    assert (attributes["output"], attributes["finish_reason"]) == ("Paris.", "end_turn")
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 7, 18)
    assert attributes["streaming"] is True and 0 < attributes["ttft_ms"] <= span.duration_ms
    assert span.payload["response"]["output"]["message"]["content"] == [{"text": "Paris."}]
    assert "stream_incomplete" not in attributes


def test_streamed_tool_calls_reasoning_and_citations(api: Any, recording: Any) -> None:
    """LLM-7, STREAM-7."""
    deltas = [
        (0, {"reasoningContent": {"text": "Hm"}}),
        (0, {"reasoningContent": {"text": "."}}),
        (0, {"reasoningContent": {"signature": "abc"}}),
        (1, {"text": "Look"}),
        (1, {"citation": {"title": "Atlas"}}),
        (2, {"toolUse": {"input": '{"city": '}}),
        (2, {"toolUse": {"input": '"Paris"}'}}),
    ]
    events = [api.event("messageStart", {"role": "assistant"})]
    events += [api.event("contentBlockDelta", {"contentBlockIndex": n, "delta": delta}) for n, delta in deltas[:5]]
    events += [api.event("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": TOOL}})]
    events += [api.event("contentBlockDelta", {"contentBlockIndex": n, "delta": delta}) for n, delta in deltas[5:]]
    events += [api.event("messageStop", {"stopReason": "tool_use"}), api.event("metadata", {"usage": api.usage})]
    list(api.stream(events)["stream"])
    span = recording.only
    assert span.attributes["output"].startswith('Look\n[{"name": "weather", "arguments": ')
    assert span.attributes["tool_calls"] == 1
    content = span.payload["response"]["output"]["message"]["content"]
    assert content[0] == {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "abc"}}}
    assert content[1]["citationsContent"]["citations"] == [{"title": "Atlas"}]
    assert content[2] == {"toolUse": {**TOOL, "input": {"city": "Paris"}}}


def test_arguments_that_are_no_json(api: Any, recording: Any) -> None:
    """LLM-8: cut off by the limit of tokens."""
    events = [
        api.event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": TOOL}}),
        api.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '{"ci'}}}),
        api.event("messageStop", {"stopReason": "max_tokens"}),
        api.event("metadata", {"usage": api.usage}),
    ]
    list(api.stream(events)["stream"])
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "json_parse")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("throttlingException", "rate_limit"),
        ("modelStreamErrorException", "server_error"),
        ("internalServerException", "server_error"),
        ("serviceUnavailableException", "server_error"),
        ("validationException", "bad_request"),
    ],
)
def test_an_error_in_mid_stream_is_recorded_when_the_caller_gets_it(
    api: Any, recording: Any, name: str, reason: str
) -> None:
    """IFACE-11, INST-12, LLM-8: with what came before it."""
    stream = api.stream([*api.converse_events()[:3], api.exception(name, "It broke.")])["stream"]
    with pytest.raises(EventStreamError, match="It broke") as failure:
        list(stream)
    span = recording.only  # while the stream is still held
    assert (span.status, span.attributes["error"]) == ("error", str(failure.value))
    assert (span.attributes["error_type"], span.attributes["error_code"]) == ("EventStreamError", name)
    assert (span.attributes["error_reason"], span.attributes["output"]) == (reason, "Paris")
    assert "tokens_total" not in span.attributes
    assert stream is not None


def test_a_context_overflow_in_mid_stream(api: Any, recording: Any) -> None:
    """LLM-8."""
    stream = api.stream([api.exception("validationException", "Input is too long for requested model.")])["stream"]
    with pytest.raises(EventStreamError):
        list(stream)
    assert recording.only.attributes["error_reason"] == "context_length"


@pytest.mark.parametrize("keep", [-1, -20, 30])
def test_a_connection_cut_in_mid_stream(api: Any, keep: int) -> None:
    """INST-12, IFACE-11: the same events and the same exception as without tracing, and no tokens made up."""
    whole = b"".join(api.converse_events())
    answer = api.Answer([whole[:keep]], cut=True)

    def drain() -> Any:
        events = []
        try:
            for event in api.stream(answer)["stream"]:
                events.append(event)
        except Exception as error:
            return events, type(error)
        return events, None

    bare = drain()
    with record(plugins=["bedrock"]) as recording:
        assert drain() == bare
        span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "connection")
    assert span.attributes["error_type"] == bare[1].__name__
    assert "tokens_total" not in span.attributes


def test_a_stream_without_its_end_is_incomplete(api: Any, recording: Any) -> None:
    """STREAM-4: the connection was closed in order, but the last events never came."""
    assert len(list(api.stream(api.converse_events(usage=False)[:3])["stream"])) == 3
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Paris")
    assert "tokens_total" not in span.attributes


def test_a_broken_frame_is_the_sdks_error(api: Any, recording: Any) -> None:
    """INST-12: a checksum that does not fit."""
    events = api.converse_events()
    events[2] = events[2][:-1] + bytes([events[2][-1] ^ 1])
    with pytest.raises(Exception, match="Checksum mismatch"):
        list(api.stream(events)["stream"])
    span = recording.only
    assert (span.attributes["error_type"], span.attributes["error_reason"]) == ("ChecksumMismatch", "connection")


def test_a_payload_that_is_no_utf8(api: Any) -> None:
    """INST-12, INST-13: what the SDK makes of it is the SDK's business."""
    events = api.converse_events()
    events[1] = api.event("contentBlockDelta", b'{"contentBlockIndex": 0, "delta": {"text": "caf\xe9"}}')

    def drain() -> Any:
        try:
            return list(api.stream(events)["stream"])
        except Exception as error:
            return type(error)

    bare = drain()
    with record(plugins=["bedrock"]) as recording:
        assert drain() == bare
        span = recording.only
    assert (span.status == "error") == isinstance(bare, type)


def test_a_stream_that_stalls_is_a_timeout(api: Any, recording: Any) -> None:
    """LLM-8: the transport's own exception reaches the caller here."""
    wait = threading.Event()
    api.answers = [api.Answer(api.converse_events(), wait=wait)]
    client = api.client(read_timeout=0.2)
    stream = client.converse_stream(modelId=api.model, messages=api.messages)["stream"]
    with pytest.raises(Exception, match="timed out"):
        list(stream)
    wait.set()
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "timeout")


def test_closing_in_mid_stream_ends_the_span(api: Any, recording: Any) -> None:
    """STREAM-4."""
    stream = api.stream()["stream"]
    for event in stream:
        if "contentBlockDelta" in event:
            break
    assert recording.spans == []
    stream.close()
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Par")


def test_closing_after_the_last_event_cuts_nothing_off(api: Any, recording: Any) -> None:
    """STREAM-4."""
    stream = api.stream()["stream"]
    for event in stream:
        if "metadata" in event:
            break
    stream.close()
    assert "stream_incomplete" not in recording.only.attributes


@pytest.mark.parametrize("begin", [False, True])
def test_a_dropped_stream_is_not_lost(api: Any, recording: Any, begin: bool) -> None:
    """STREAM-4: the SDK's stream is part of a cycle, so it is the collector that finds it."""
    stream = api.stream()["stream"]
    if begin:
        next(iter(stream))
    del stream
    gc.collect()
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"]) == ("ok", True)


def test_what_the_caller_does_to_an_event_stays_with_the_caller(api: Any, recording: Any) -> None:
    """INST-13."""
    for event in api.stream()["stream"]:
        event.clear()
    assert recording.only.attributes["output"] == "Paris."


def test_an_unknown_event_and_unknown_fields_are_passed_over(api: Any, recording: Any) -> None:
    """INST-12: the SDK hands out what it does not know under a name of its own."""
    events = api.converse_events()
    events.insert(2, api.event("somethingNew", {"a": [1]}))
    events.insert(3, api.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"hologram": 1}}))
    events.insert(4, api.event("contentBlockStop", b""))
    list(api.stream(events)["stream"])
    assert recording.only.attributes["output"] == "Paris."


def test_a_guardrail_in_a_stream(api: Any, recording: Any) -> None:
    """LLM-9."""
    events = [*api.converse_events()[:2], api.event("messageStop", {"stopReason": "guardrail_intervened"})]
    list(api.stream([*events, api.event("metadata", {"usage": api.usage})])["stream"])
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("ok", "guardrail")


def test_streams_are_siblings_of_what_is_done_while_reading_them(api: Any, recording: Any) -> None:
    """STREAM-5, CTX-3: also in another thread."""
    with peekr.span("turn") as turn:
        stream = api.stream()["stream"]
        with peekr.span("inside"):
            thread = threading.Thread(target=lambda: list(stream))
            thread.start()
            thread.join(10)
    parents = {span.name: span.parent_id for span in recording.spans}
    assert parents["bedrock.converse_stream"] == parents["inside"] == turn.span_id


def test_a_long_stream_is_folded_on_the_way(api: Any, recording: Any) -> None:
    list(api.stream(api.converse_events(["word "] * 5000))["stream"])
    span = recording.only
    assert span.payload["response"]["output"]["message"]["content"] == [{"text": "word " * 5000}]


# -- InvokeModelWithResponseStream ----------------------------------------------------------------------------

METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 11, "outputTokenCount": 7}}
STREAMS = {
    "titan": [{"outputText": "Par", "index": 0}, {"outputText": "is.", "completionReason": "FINISH", **METRICS}],
    "llama": [
        {"generation": "Par", "prompt_token_count": 11, "generation_token_count": 1, "stop_reason": None},
        {"generation": "is.", "prompt_token_count": None, "generation_token_count": 7, "stop_reason": "stop"},
    ],
    "mistral": [
        {"outputs": [{"text": "Par", "stop_reason": None}]},
        {"outputs": [{"text": "is.", "stop_reason": "stop"}], **METRICS},
    ],
    "mistral chat": [
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Par"}, "stop_reason": None}]},
        {"choices": [{"index": 0, "message": {"content": "is."}, "stop_reason": "stop"}], **METRICS},
    ],
    "jamba": [
        {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]},
        {"id": "1", "choices": [{"index": 0, "delta": {"content": "Paris."}, "finish_reason": None}]},
        {
            "id": "1",
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        },
    ],
    "command": [
        {"text": "Par", "is_finished": False, "index": 0},
        {"text": "is.", "is_finished": False, "index": 0},
        {"is_finished": True, "finish_reason": "COMPLETE", **METRICS},
    ],
    "command r": [
        {"event_type": "text-generation", "text": "Par", "is_finished": False},
        {"event_type": "text-generation", "text": "is.", "is_finished": False},
        {
            "event_type": "stream-end",
            "is_finished": True,
            "finish_reason": "COMPLETE",
            "response": {"text": "Paris."},
            **METRICS,
        },
    ],
    "claude 2": [{"completion": "Par", "stop_reason": None}, {"completion": "is.", "stop_reason": "stop", **METRICS}],
    "claude": [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 11, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Par"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "is."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop", **METRICS},
    ],
    "nova": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Par"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "is."}, "contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 11, "outputTokens": 7}}, **METRICS},
    ],
}


def _invoke(api: Any, chunks: Any) -> Any:
    api.answers = [[api.chunk(chunk) for chunk in chunks]]
    return api.client().invoke_model_with_response_stream(modelId="m", body='{"prompt": "Hi"}')["body"]


@pytest.mark.parametrize("family", STREAMS)
def test_the_stream_of_each_family(api: Any, recording: Any, family: str) -> None:
    """LLM-13, STREAM-7."""
    chunks = STREAMS[family]
    assert [json.loads(event["chunk"]["bytes"]) for event in _invoke(api, chunks)] == chunks
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind) == ("bedrock.invoke_model_with_response_stream", "llm")
    assert (attributes["output"], attributes["model"], attributes["input"]) == ("Paris.", "m", "Hi")
    assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 7, 18)
    assert attributes["finish_reason"].lower() in ("stop", "finish", "complete", "end_turn")
    assert "stream_incomplete" not in attributes


@pytest.mark.parametrize("family", STREAMS)
def test_the_stream_of_each_family_without_its_end(api: Any, recording: Any, family: str) -> None:
    """STREAM-4: no tokens but those that the first events told."""
    list(_invoke(api, STREAMS[family][:-2] or STREAMS[family][:1]))
    attributes = recording.only.attributes
    assert attributes["stream_incomplete"] is True
    assert not attributes.get("tokens_output") or family == "llama"
    assert not attributes.get("tokens_total") or family == "llama"


def test_a_stream_of_an_unknown_family_is_shown_as_it_is(api: Any, recording: Any) -> None:
    """INST-13."""
    chunks = [{"glyphs": [1, 2]}, {"glyphs": [3]}, 7, {"done": True, **METRICS}]
    assert len(list(_invoke(api, chunks))) == 4
    span = recording.only
    assert (span.status, span.attributes["tokens_total"]) == ("ok", 18)
    assert "glyphs" in span.attributes["output"]


def test_streamed_tool_calls_in_openais_format(api: Any, recording: Any) -> None:
    """LLM-7."""
    calls = [
        {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Paris"}'}},
    ]
    chunks: Any = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
    list(_invoke(api, [*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], **METRICS}]))
    assert json.loads(recording.only.attributes["output"]) == [{"name": "weather", "arguments": '{"city":"Paris"}'}]
