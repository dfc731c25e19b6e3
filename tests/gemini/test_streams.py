"""Streams: the SDK's own generators and chunks, one span that ends when the stream does."""

from __future__ import annotations

import contextlib
import gc
import inspect
import json
import threading
from typing import Any, List

import pytest
from google.genai import errors

import peekr


def ask(api: Any, make: Any, **kwargs: Any) -> Any:
    """Start a stream."""
    return api.client().models.generate_content_stream(model=make.model, contents=make.question, **kwargs)


def test_a_stream_is_one_span(api: Any, make: Any, recording: Any) -> None:
    """STREAM-3, STREAM-6, STREAM-7."""
    api.answers = [make.chunks("Par", "is", ".")]
    stream = ask(api, make)
    assert inspect.isgenerator(stream)
    assert [chunk.text for chunk in stream] == ["Par", "is", "."]
    span = recording.only
    found = span.attributes
    assert (span.name, span.status, found["output"]) == ("gemini.generate_content_stream", "ok", "Paris.")
    assert (found["tokens_input"], found["tokens_output"], found["tokens_total"]) == (11, 7, 18)
    assert found["streaming"] is True and 0 <= found["ttft_ms"] <= span.duration_ms
    assert (found["finish_reason"], found["model"]) == ("STOP", f"{make.model}-001")
    assert "stream_incomplete" not in found
    parts = span.payload["response"]["candidates"][0]["content"]["parts"]
    assert parts == [{"text": "Paris."}]


def test_an_async_stream_is_one_span(api: Any, make: Any, recording: Any) -> None:
    """STREAM-3."""
    api.answers = [make.chunks("Par", "is", ".")]

    async def main() -> None:
        stream = await api.client().aio.models.generate_content_stream(model=make.model, contents=make.question)
        assert inspect.isasyncgen(stream)
        assert [chunk.text async for chunk in stream] == ["Par", "is", "."]

    api.run(main())
    found = recording.only.attributes
    assert (found["output"], found["tokens_total"], found["streaming"]) == ("Paris.", 18, True)


def test_nothing_is_sent_before_the_first_next(api: Any, make: Any, recording: Any) -> None:
    """INST-12: the SDK's generator is lazy, and stays so."""
    stream = ask(api, make)
    del stream
    assert api.requests == [] and recording.spans == []


def test_spans_made_while_reading_are_siblings(api: Any, make: Any, recording: Any) -> None:
    """STREAM-5: the LLM span is not current for its consumer."""
    api.answers = [make.chunks("Par", "is", ".")]
    with peekr.span("parent") as parent:
        for _ in ask(api, make):
            assert peekr.get_current_span() is parent
            with peekr.span("inner"):
                pass
    assert {span.parent_id for span in recording.spans[:-1]} == {parent.span_id}


def test_a_stream_read_in_another_thread(api: Any, make: Any, recording: Any) -> None:
    """STREAM-5."""
    api.answers = [make.chunks("Par", "is", ".")]
    stream, words = ask(api, make), []
    words.append(next(stream).text)
    thread = threading.Thread(target=lambda: words.extend(chunk.text for chunk in stream))
    thread.start()
    thread.join(10)
    assert words == ["Par", "is", "."]
    assert recording.only.attributes["output"] == "Paris."


def test_a_stream_closed_early_is_incomplete(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4, IFACE-11; no total where the output has not been counted yet."""
    api.answers = [make.chunks("Par", "is", ".")]
    stream = ask(api, make)
    next(stream)
    stream.close()
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"], span.attributes["output"]) == ("ok", True, "Par")
    assert span.attributes["tokens_input"] == 11
    assert not {"tokens_output", "tokens_total"} & set(span.attributes)


def test_a_stream_dropped_midway_is_not_lost(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    api.answers = [make.chunks("Par", "is", ".")]
    for _ in ask(api, make):
        break
    gc.collect()
    assert recording.only.attributes["stream_incomplete"] is True


def test_an_async_stream_left_midway_is_not_lost(api: Any, make: Any, recording: Any) -> None:
    """STREAM-4."""
    api.answers = [make.chunks("Par", "is", ".")]

    async def main() -> None:
        async for _ in await api.client().aio.models.generate_content_stream(model=make.model, contents="Hi"):
            break

    api.run(main())
    gc.collect()
    assert recording.only.attributes["stream_incomplete"] is True


def test_a_stream_whose_end_never_came_is_incomplete(api: Any, make: Any, recording: Any) -> None:
    """The server hung up politely before the last chunk: no error for the caller, and no pretence in the span."""
    api.answers = [make.chunks("Par", "is", ".")[:2]]
    assert [chunk.text for chunk in ask(api, make)] == ["Par", "is"]
    span = recording.only
    assert (span.status, span.attributes["stream_incomplete"]) == ("ok", True)
    assert (span.attributes["output"], span.attributes["tokens_input"]) == ("Paris", 11)
    assert "tokens_total" not in span.attributes


def test_a_connection_cut_in_mid_stream_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """LLM-8, STREAM-3: the caller gets the SDK's exception, the span what came before."""
    api.answers = [make.Cut(make.chunks("Par", "is", ".")[:2])]
    words: List[str] = []
    with pytest.raises(Exception) as raised:
        words.extend(chunk.text for chunk in ask(api, make))
    span = recording.only
    assert words == ["Par", "is"]
    assert (span.status, span.attributes["error_type"]) == ("error", type(raised.value).__name__)
    assert (span.attributes["error_reason"], span.attributes["output"]) == ("connection", "Paris")


def test_an_event_cut_in_half_is_an_error(api: Any, make: Any, recording: Any) -> None:
    """INST-12, LLM-8."""
    api.answers = [[*make.chunks("Par", "is", ".")[:1], b'data: {"candidates": [{"conte\n\n']]
    with pytest.raises(Exception) as raised:
        list(ask(api, make))
    span = recording.only
    assert (span.status, span.attributes["error_type"]) == ("error", type(raised.value).__name__)
    assert (span.attributes["error_reason"], span.attributes["output"]) == ("json_parse", "Par")


def test_an_error_in_mid_stream_has_its_reason(api: Any, make: Any, recording: Any) -> None:
    """LLM-8: the API reports it as an event, after a 200. SDKs before 1.50 or so pass over it in silence."""
    _, body = make.error(503, "UNAVAILABLE", "The model is overloaded.")
    api.answers = [[*make.chunks("Par", "is", ".")[:1], body]]
    with contextlib.suppress(errors.ServerError):
        list(ask(api, make))
    span = recording.only
    assert "overloaded" in span.attributes["error"]
    assert (span.status, span.attributes["error_reason"], span.attributes["status_code"]) == (
        "error",
        "server_error",
        503,
    )
    assert span.attributes["output"] == "Par"


def test_an_error_before_a_stream_ends_the_span(api: Any, make: Any, recording: Any) -> None:
    api.answers = [make.error(429, "RESOURCE_EXHAUSTED")]
    with pytest.raises(errors.ClientError):
        next(ask(api, make))
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "rate_limit")
    assert (span.attributes["streaming"], span.attributes["model"]) == (True, make.model)
    assert peekr.get_current_span() is None


def test_function_calls_in_a_stream(api: Any, make: Any, recording: Any) -> None:
    """LLM-7."""
    api.answers = [[make.answer("Let me see. ", finish=None), make.answer(make.call_of("weather", city="Paris"))]]
    list(ask(api, make))
    found = recording.only.attributes
    assert found["output"] == 'Let me see. \n[{"name": "weather", "arguments": "{\\"city\\": \\"Paris\\"}"}]'
    assert found["tool_calls"] == 1


def test_function_arguments_that_come_in_pieces(api: Any, make: Any, recording: Any) -> None:
    """Vertex AI streams the arguments on demand, each piece with the path of its value."""

    def piece(name: Any, *partials: Any, more: bool = True) -> Any:
        named = {"name": name} if name else {}
        return make.answer(
            {"functionCall": {**named, "partialArgs": list(partials), "willContinue": more}}, finish=None
        )

    api.answers = [
        [
            piece("weather", {"jsonPath": "$.city", "stringValue": "Par", "willContinue": True}),
            piece(None, {"jsonPath": "$.city", "stringValue": "is"}, {"jsonPath": "$.days[1]", "numberValue": 3}),
            piece(None, more=False),
            make.answer({"text": ""}),
        ]
    ]
    try:
        list(ask(api, make))
    except Exception:  # older versions of the SDK do not know these fields
        pytest.skip("this version of the SDK has no partial arguments")
    (call,) = json.loads(recording.only.attributes["output"])
    assert (call["name"], json.loads(call["arguments"])) == ("weather", {"city": "Paris", "days": [None, 3]})


def test_a_long_stream_is_whole(api: Any, make: Any, recording: Any) -> None:
    words = [f"w{number} " for number in range(1500)]
    api.answers = [make.chunks(*words)]
    assert [chunk.text for chunk in ask(api, make)] == words
    span = recording.only
    assert span.payload["response"]["candidates"][0]["content"]["parts"] == [{"text": "".join(words)}]


def test_a_chat_stream_is_one_span(api: Any, make: Any, recording: Any) -> None:
    api.answers = [make.chunks("Par", "is", ".")]
    chat = api.client().chats.create(model=make.model)
    assert [chunk.text for chunk in chat.send_message_stream(make.question)] == ["Par", "is", "."]
    assert recording.only.name == "gemini.generate_content_stream"
    assert len(chat.get_history()) >= 2
