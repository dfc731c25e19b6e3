"""Streams: the SDK's own object and chunks, and a span that ends once, however the stream does."""

from __future__ import annotations

import gc
import os
import threading
import time
from typing import Any

import openai
import pytest

import peekr
from peekr.testing import record

with_responses = pytest.mark.skipif(not hasattr(openai.OpenAI, "responses"), reason="openai before 1.66")


@pytest.fixture
def start(api: Any, make: Any) -> Any:
    """Start a streamed chat; the server sends usage only when asked, as OpenAI does."""
    api.answers = [lambda request: make.sse(make.stream_chunks(usage=make.wants_usage(request)))]

    def start(**options: Any) -> Any:
        return api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True, **options)

    return start


def test_the_stream_is_the_sdks_own(start: Any, recording: Any) -> None:
    """INST-12, STREAM-3, field B 10."""
    stream = start()
    assert isinstance(stream, openai.Stream)
    with stream as same:
        assert same is stream
        assert next(stream).choices[0].delta.role == "assistant"
        assert [chunk.choices[0].delta.content for chunk in stream] == ["Par", "is", ".", None]
    assert stream.response.status_code == 200
    assert recording.only.attributes["output"] == "Paris."


def test_tokens_come_with_a_stream(start: Any, recording: Any) -> None:
    """STREAM-1, STREAM-3, STREAM-6."""
    list(start())
    attributes = recording.only.attributes
    assert [attributes[f"tokens_{name}"] for name in ("input", "output", "total")] == [11, 7, 18]
    assert (attributes["streaming"], attributes["finish_reason"]) == (True, "stop")
    assert 0 < attributes["ttft_ms"] <= recording.only.duration_ms
    assert "stream_incomplete" not in attributes


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}, {"stream_options": {}}])
def test_the_chunks_are_those_without_tracing(options: Any, start: Any, api: Any) -> None:
    """STREAM-2: the usage that peekr asked for is hidden; the usage that the caller asked for is not."""
    bare = [chunk.to_dict() for chunk in start(**options)]
    with record(plugins=["openai"]) as recording:
        traced = [chunk.to_dict() for chunk in start(**options)]
        assert recording.only.attributes["tokens_total"] == 18
    assert traced == bare


def test_a_caller_who_declines_usage_gets_none(start: Any, api: Any, recording: Any) -> None:
    """STREAM-1: an explicit False is respected, and no tokens are invented."""
    list(start(stream_options={"include_usage": False}))
    assert api.requests[0]["stream_options"] == {"include_usage": False}
    assert not [name for name in recording.only.attributes if name.startswith("tokens_")]


def test_the_payload_shows_the_request_of_the_caller(start: Any, recording: Any) -> None:
    list(start())
    assert "stream_options" not in recording.only.payload["request"]


def test_a_server_that_refuses_stream_options_is_asked_again_without(api: Any, make: Any, recording: Any) -> None:
    """STREAM-1: invisible to the caller, and remembered for the server."""

    def answer(request: Any) -> Any:
        if b"stream_options" in request.content:
            return 400, {"error": {"message": "Unrecognized request argument supplied: stream_options"}}
        return make.sse(make.stream_chunks(usage=False))

    api.answers = [answer]
    client = api.client(base_url="https://old.example/v1")
    for _ in range(2):
        stream = client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)
        assert len(list(stream)) == 5
    assert ["stream_options" in request for request in api.requests] == [True, False, False]
    assert [span.status for span in recording.spans] == ["ok", "ok"]


@pytest.mark.parametrize("leave", ["close", "with", "response"])
def test_a_stream_closed_early_is_incomplete(leave: str, start: Any, recording: Any) -> None:
    """STREAM-4, IFACE-11."""
    stream = start()
    next(stream), next(stream)
    if leave == "with":
        with stream:
            pass
    else:
        (stream if leave == "close" else stream.response).close()
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Par")
    assert "tokens_total" not in span.attributes


@pytest.mark.usefixtures("closes_dropped_streams")
def test_a_stream_that_is_left_and_dropped_closes_its_response(api: Any, make: Any, recording: Any) -> None:
    """Field B 9, INST-12: as without tracing, else its connection would never be free again."""
    closed = []

    class Body(api.httpx.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            for chunk in make.stream_chunks():
                yield make.sse([chunk], done=False)

        def close(self) -> None:
            closed.append(self)

    def look_at_one() -> None:
        for _ in client.chat.completions.create(model="gpt-4o", messages=make.messages, stream=True):
            break

    api.answers = [(200, Body())]
    client = api.client()
    look_at_one()
    gc.collect()
    assert len(closed) == 1
    assert recording.only.attributes["stream_incomplete"] is True


def test_a_stream_dropped_while_the_worker_sleeps_still_arrives(
    start: Any, recording: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STREAM-4: the drop itself wakes the worker; nothing is flushed here."""
    from peekr import delivery

    monkeypatch.setattr(delivery, "IDLE_S", 0.0)
    stream = start()
    recording.clear()
    _wait_until(lambda: delivery.delivery._asleep)
    del stream
    gc.collect()
    _wait_until(lambda: recording._exporter.spans)
    assert recording.only.attributes["stream_incomplete"] is True


def _wait_until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not come about within 10 s"
        time.sleep(0.005)


def test_streams_dropped_in_many_threads_are_all_there(start: Any, recording: Any) -> None:
    """STREAM-4: the collector ends spans at any point of any thread, with no deadlock and no loss."""
    each, threads = 25, 8
    before = gc.get_threshold()

    def work() -> None:
        for number in range(each):
            stream = start()
            if number % 2:
                next(stream)
            with peekr.span("busy"):
                del stream

    gc.set_threshold(50, 2, 2)
    try:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert len(recording.named("openai.chat.completions")) == each * threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_the_open_streams_to_its_parent(start: Any, recording: Any) -> None:
    """Field B 2: else the child would write the parent's span again, cut off."""
    from peekr.delivery import delivery

    stream = start()
    next(stream)
    child = os.fork()
    if child == 0:
        del stream
        gc.collect()
        os._exit(len(delivery.queue))
    assert os.waitpid(child, 0)[1] == 0
    list(stream)
    assert recording.only.attributes["output"] == "Paris."


def test_the_response_object_is_left_as_it_was(start: Any, recording: Any) -> None:
    stream = start()
    list(stream)
    assert "close" not in vars(stream.response)
    assert len(recording.spans) == 1


def test_a_break_can_be_taken_up_again(start: Any, recording: Any) -> None:
    """The SDK lets a stream be read on after a break; so the break does not end the span."""
    stream = start()
    for _ in stream:
        break
    assert recording.spans == []
    list(stream)
    assert recording.only.attributes["output"] == "Paris."


def test_a_cut_connection_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """IFACE-11; what came before is kept."""
    body = api.body(
        [make.sse(make.stream_chunks(usage=False)[:3], done=False)], api.httpx.RemoteProtocolError("peer closed")
    )
    api.answers = [(200, body)]
    stream = api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)
    with pytest.raises((openai.APIConnectionError, api.httpx.RemoteProtocolError)):
        list(stream)
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "connection")
    assert span.attributes["output"] == "Paris"


def test_an_error_in_mid_stream_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """IFACE-11: an error event inside a 200."""
    error = {"error": {"message": "The server had an error", "type": "server_error"}}
    api.answers = [make.sse([*make.stream_chunks(usage=False)[:2], error])]
    stream = api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)
    span = recording.only
    assert (span.status, span.attributes["error_reason"], span.attributes["output"]) == ("error", "server_error", "Par")


def test_a_long_stream_is_whole(api: Any, make: Any, recording: Any) -> None:
    """Chunks folded on the way and chunks folded by the worker."""
    words = [f"w{number} " for number in range(1000)]
    api.answers = [make.sse(make.stream_chunks(words))]
    list(api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True))
    assert recording.only.payload["response"]["choices"][0]["message"]["content"] == "".join(words)


def test_many_tool_calls_are_put_together(api: Any, make: Any, recording: Any) -> None:
    def part(index: int, arguments: str, **more: Any) -> Any:
        call = {"index": index, "function": {"arguments": arguments, **more.pop("function", {})}, **more}
        return make.chunk({"tool_calls": [call]})

    api.answers = [
        make.sse(
            [
                part(0, "", id="a", type="function", function={"name": "weather"}),
                part(0, '{"city":'),
                part(0, '"Paris"}'),
                part(1, "{}", id="b", type="function", function={"name": "time"}),
                make.chunk({}, "tool_calls"),
            ]
        )
    ]
    list(api.client().chat.completions.create(model="gpt-4o", messages=make.messages, stream=True))
    span = recording.only
    calls = span.payload["response"]["choices"][0]["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"name": "weather", "arguments": '{"city":"Paris"}'},
        {"name": "time", "arguments": "{}"},
    ]
    assert (span.attributes["tool_calls"], span.attributes["finish_reason"]) == (2, "tool_calls")


def test_the_stream_helper_is_traced(start: Any, api: Any, make: Any, recording: Any) -> None:
    """Field D.2: chat.completions.stream() closes the response behind the stream's back."""
    with api.client().beta.chat.completions.stream(model="gpt-4o", messages=make.messages) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "Paris."
    assert final.usage is None
    assert recording.only.attributes["tokens_total"] == 18


def test_the_stream_helper_left_early_is_incomplete(start: Any, api: Any, make: Any, recording: Any) -> None:
    with api.client().beta.chat.completions.stream(model="gpt-4o", messages=make.messages) as stream:
        next(stream)
    assert recording.only.attributes["stream_incomplete"] is True


RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5", "output": [], "tools": []}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
TEXT = {"type": "output_text", "text": "Hello", "annotations": []}
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def _events() -> Any:
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "msg_1"}
    done = {**ITEM, "status": "completed", "content": [TEXT]}
    whole = {**RESPONSE, "status": "completed", "output": [done], "usage": USAGE}
    events = [
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
        {**delta, "delta": "Hel"},
        {**delta, "delta": "lo"},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": whole},
    ]
    return [{"sequence_number": number, **event} for number, event in enumerate(events)]


@with_responses
def test_a_responses_stream_has_text_and_tokens(api: Any, make: Any, recording: Any) -> None:
    """STREAM-1, LLM-13."""
    api.answers = [make.sse(_events(), done=False)]
    assert len(list(api.client().responses.create(model="gpt-5", input="Hi", stream=True))) == 6
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["tokens_total"], attributes["finish_reason"]) == ("Hello", 5, "completed")
    assert "stream_options" not in api.requests[0]


@with_responses
def test_a_responses_stream_left_early_has_the_text_so_far(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    api.answers = [make.sse(_events(), done=False)]
    with api.client().responses.create(model="gpt-5", input="Hi", stream=True) as stream:
        for _ in range(3):
            next(stream)
    attributes = recording.only.attributes
    assert (attributes["output"], attributes["stream_incomplete"], attributes["model"]) == ("Hel", True, "gpt-5")
    assert "finish_reason" not in attributes


@with_responses
def test_a_responses_stream_left_after_its_last_event_is_complete(api: Any, make: Any, recording: Any) -> None:
    api.answers = [make.sse(_events(), done=False)]
    with api.client().responses.create(model="gpt-5", input="Hi", stream=True) as stream:
        for event in stream:
            if event.type == "response.completed":
                break
    assert "stream_incomplete" not in recording.only.attributes
