"""Streams: what their consumer gets, and what the span says."""

from __future__ import annotations

import gc
import threading
from typing import Any, List

import pytest

litellm = pytest.importorskip("litellm", reason="litellm is not installed")

import peekr  # noqa: E402
from peekr.probes import Reply  # noqa: E402
from peekr.testing import Recording, record  # noqa: E402

ASKED = {"stream_options": {"include_usage": True}}


def calls(api: Any) -> List[Any]:
    """Names and arguments of the functions that stream."""
    instruct = {"model": "text-completion-openai/gpt-3.5-turbo-instruct", "prompt": "hi"}
    found = [
        ("completion", api.chat(stream=True)),
        ("completion", api.claude(stream=True)),
        ("completion", api.chat(stream=True, **ASKED)),
        ("completion", api.claude(stream=True, **ASKED)),
        ("text_completion", api.openai(stream=True, **instruct)),
    ]
    if hasattr(litellm, "responses"):
        found.append(("responses", api.openai(model="openai/gpt-4o", input="hi", stream=True)))
    return found


@pytest.fixture
def whole(api: Any) -> int:
    """How many chunks a stream of OpenAI's has: versions differ."""
    chunks = len(list(litellm.completion(**api.chat(stream=True))))
    api.requests.clear()
    return chunks


async def drained(coroutine: Any) -> List[Any]:
    """What an async stream brings."""
    return [chunk async for chunk in await coroutine]


@pytest.mark.parametrize("is_async", [False, True])
def test_the_consumer_sees_the_same_chunks_and_the_span_the_tokens(
    api: Any, kit: Any, run: Any, is_async: bool
) -> None:
    """STREAM-1, STREAM-2, STREAM-3, STREAM-6, STREAM-7."""
    for name, given in calls(api):

        def stream(name: str = name, given: Any = given) -> Any:
            if is_async:
                return [kit.plain(chunk) for chunk in run(drained(getattr(litellm, f"a{name}")(**given)))]
            return [kit.plain(chunk) for chunk in getattr(litellm, name)(**given)]

        bare = stream()
        with record(plugins=["litellm"]) as recording:
            assert stream() == bare
            span = recording.only
        attributes = span.attributes
        assert (span.name, span.status, attributes["output"]) == (f"litellm.{name}", "ok", "Paris.")
        assert (attributes["tokens_input"], attributes["tokens_output"], attributes["tokens_total"]) == (11, 7, 18)
        assert attributes["streaming"] is True and 0 < attributes["ttft_ms"] <= (span.duration_ms or 0)
        assert attributes["finish_reason"] and "stream_incomplete" not in attributes


def test_a_stream_stays_what_it_is(api: Any, recording: Recording, run: Any) -> None:
    """STREAM-3, field.md row 10: LiteLLM's own class, with its attributes."""
    stream = litellm.completion(**api.chat(stream=True))
    assert type(stream) is litellm.CustomStreamWrapper and stream.model == "gpt-4o"
    assert stream.stream_options is None and stream.send_stream_usage is False
    assert iter(stream) is stream
    list(stream)

    async def work() -> None:
        stream = await litellm.acompletion(**api.chat(stream=True))
        assert type(stream) is litellm.CustomStreamWrapper and stream.__aiter__() is stream
        async for _ in stream:
            pass

    run(work())
    assert len(recording.spans) == 2


def test_a_stream_is_not_current_while_it_is_consumed(api: Any, recording: Recording) -> None:
    """STREAM-5."""
    with peekr.span("parent") as parent:
        for _ in litellm.completion(**api.chat(stream=True)):
            assert peekr.get_current_span() is parent
            with peekr.span("sibling"):
                pass
    call = recording.named("litellm.completion")[0]
    assert {span.parent_id for span in recording.named("sibling")} == {call.parent_id} == {parent.span_id}


def test_a_stream_may_be_consumed_in_another_thread_or_task(
    api: Any, whole: int, recording: Recording, run: Any
) -> None:
    """STREAM-5."""
    chunks: List[Any] = []
    stream = litellm.completion(**api.chat(stream=True))
    thread = threading.Thread(target=lambda: chunks.extend(stream))
    thread.start()
    thread.join(10)

    async def work() -> None:
        import asyncio

        stream = await litellm.acompletion(**api.chat(stream=True))

        async def consume() -> None:
            chunks.extend([chunk async for chunk in stream])

        await asyncio.create_task(consume())

    run(work())
    assert len(chunks) == 2 * whole
    assert [span.attributes["tokens_total"] for span in recording.spans] == [18, 18]


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_an_abandoned_stream_ends_as_incomplete(api: Any, recording: Recording, run: Any, chunks: int) -> None:
    """STREAM-4: sync and async, however far it was read."""
    stream = litellm.completion(**api.chat(stream=True))
    for _ in range(chunks):
        next(stream)
    del stream

    async def work() -> None:
        stream = await litellm.acompletion(**api.chat(stream=True))
        for _ in range(chunks):
            await stream.__anext__()

    run(work())
    gc.collect()
    for span in recording.spans:
        assert span.attributes["stream_incomplete"] is True and span.status == "ok"
    assert len(recording.spans) == 2


def test_a_stream_that_is_closed_ends(api: Any, recording: Recording, run: Any) -> None:
    """STREAM-4."""
    if not hasattr(litellm.CustomStreamWrapper, "aclose"):
        pytest.skip("the streams of this LiteLLM cannot be closed")

    async def work() -> None:
        stream = await litellm.acompletion(**api.chat(stream=True))
        await stream.__anext__()
        await stream.aclose()
        assert recording.only.attributes["stream_incomplete"] is True

    run(work())


def test_a_stream_that_breaks_off_fails(api: Any, recording: Recording, run: Any) -> None:
    """STREAM-3, LLM-8: the exception is LiteLLM's, what came so far is kept."""
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    delta = {
        **chunk,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Par"}, "finish_reason": None}],
    }
    for is_async in (False, True):
        api.replies.append(Reply.events([delta, {"error": {"message": "overloaded", "code": 503}}]))
        given = api.chat(stream=True)
        with pytest.raises(Exception) as failure:
            run(drained(litellm.acompletion(**given))) if is_async else list(litellm.completion(**given))
        span = recording.only
        assert span.status == "error" and span.attributes["error_type"] == type(failure.value).__name__
        assert span.attributes["error_reason"] != "cancelled" and span.attributes["output"] == "Par"
        recording.clear()


def test_tool_calls_of_a_stream_are_put_together(api: Any, recording: Recording) -> None:
    """LLM-7, STREAM-3."""
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "lookup", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"city": ', '"Paris"}')]
    deltas: List[Any] = [({"role": "assistant", "content": None, "tool_calls": [first]}, None)]
    deltas += [({"tool_calls": [piece]}, None) for piece in pieces] + [({}, "tool_calls")]
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    api.replies.append(Reply.events(events, end="[DONE]"))
    list(litellm.completion(**api.chat(stream=True)))
    attributes = recording.only.attributes
    assert attributes["tool_calls"] == 1 and attributes["finish_reason"] == "tool_calls"
    assert '"lookup"' in attributes["output"] and '"Paris\\"' in attributes["output"].replace("\\\\", "\\")


def test_a_server_that_does_not_know_the_question_is_asked_again_without(
    api: Any, whole: int, recording: Recording
) -> None:
    """STREAM-1: the caller never notices."""
    given = api.chat(stream=True, max_retries=0, api_base=f"{api.url}/other/v1")
    api.fails(400, "Unrecognized request argument supplied: stream_options")
    assert len(list(litellm.completion(**given))) == whole
    assert ["stream_options" in body for body in api.bodies] == [True, False]
    list(litellm.completion(**given))
    assert "stream_options" not in api.bodies[-1]
    assert all("tokens_total" not in span.attributes for span in recording.spans)


def test_the_routers_streams_are_recorded(api: Any, whole: int, recording: Recording, run: Any) -> None:
    """STREAM-3: the Router puts streams of its own around them."""
    models = [{"model_name": "good", "litellm_params": {"model": "openai/gpt-4o", **api.openai()}}]
    routed = litellm.Router(model_list=models)
    messages = [{"role": "user", "content": "hi"}]
    stream = routed.completion("good", messages, stream=True)
    assert isinstance(stream, litellm.CustomStreamWrapper) and len(list(stream)) == whole

    async def work() -> None:
        stream = await routed.acompletion("good", messages, stream=True)
        assert isinstance(stream, litellm.CustomStreamWrapper)
        assert len([chunk async for chunk in stream]) == whole

    run(work())
    for span in recording.spans:
        assert (span.name, span.attributes["model_requested"]) == ("litellm.completion", "good")
        assert (span.attributes["tokens_total"], span.attributes["output"]) == (18, "Paris.")
    assert len(recording.spans) == 2


def test_the_router_turning_to_another_model_in_mid_stream_is_one_call(
    api: Any, recording: Recording, run: Any
) -> None:
    """LLM-10: nothing was said yet when the first model broke off."""
    claude = {key: value for key, value in api.claude().items() if key != "messages"}
    models = [
        {"model_name": "good", "litellm_params": {"model": "openai/gpt-4o", **api.openai(max_retries=0)}},
        {"model_name": "other", "litellm_params": claude},
    ]
    routed = litellm.Router(model_list=models, fallbacks=[{"good": ["other"]}], num_retries=0)
    api.replies.append(Reply.events([{"error": {"message": "overloaded", "code": 503}}]))

    async def work() -> str:
        stream = await routed.acompletion("good", [{"role": "user", "content": "hi"}], stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    try:
        said = run(work())
    except (litellm.exceptions.APIError, litellm.exceptions.APIConnectionError):
        pytest.skip("the Router of this LiteLLM does not go on with another model")
    span = recording.only
    assert span.attributes["output"] == said == "Paris." and span.attributes["provider"] == "anthropic"
    assert span.attributes["tokens_total"] == 18 and span.attributes["retry_count"] == 1


def test_a_stream_left_over_when_tracing_ends_goes_on(api: Any, whole: int) -> None:
    """INST-17."""
    with record(plugins=["litellm"]):
        stream = litellm.completion(**api.chat(stream=True))
        next(stream)
    assert len(list(stream)) == whole - 1
    assert len(list(litellm.completion(**api.chat(stream=True)))) == whole


def test_uninstrument_restores_the_classes_of_streams() -> None:
    """INST-17."""
    kinds = [litellm.CustomStreamWrapper, litellm.TextCompletionStreamWrapper]
    names = ("__init__", "__next__", "__anext__", "aclose")
    before = [vars(kind).get(name) for kind in kinds for name in names]
    with record(plugins=["litellm"]):
        assert [vars(kind).get(name) for kind in kinds for name in names] != before
    assert [vars(kind).get(name) for kind in kinds for name in names] == before
