"""Calls of models and of embedding models: each is one span, however it is called."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import json
import threading
from contextlib import suppress
from typing import Any, List

import pytest

import peekr
from peekr.testing import Recording, record

QUESTION = "What is the capital of France?"
CHAT, COMPLETE = "llamaindex.llm.chat", "llamaindex.llm.complete"


def every_way(kit: Any, model: Any) -> None:
    """Call a model in eight ways."""
    messages = kit.messages(QUESTION)
    model.chat(messages)
    model.complete(QUESTION)
    list(model.stream_chat(messages))
    list(model.stream_complete(QUESTION))

    async def work() -> None:
        await model.achat(messages)
        await model.acomplete(QUESTION)
        assert [chunk async for chunk in await model.astream_chat(messages)]
        assert [chunk async for chunk in await model.astream_complete(QUESTION)]

    asyncio.run(work())


def test_every_way_of_calling_is_one_span(kit: Any, recording: Recording) -> None:
    """LLM-3, LLM-4, LLM-15, STREAM-3, STREAM-6."""
    every_way(kit, kit.llm())
    spans = recording.spans
    assert [span.name for span in spans] == [CHAT, COMPLETE] * 4
    for number, span in enumerate(spans):
        attributes = span.attributes
        assert (span.kind, span.status) == ("llm", "ok")
        assert (attributes["model"], attributes["model_requested"]) == ("model-1-2024", "model-1")
        assert [attributes[f"tokens_{one}"] for one in ("input", "output", "total")] == [11, 7, 18]
        assert attributes["output"] == "Paris." and attributes["finish_reason"] == "stop"
        assert (attributes.get("streaming"), "ttft_ms" in attributes) == ((True, True) if number % 4 > 1 else (None, 0))
        if span.name == CHAT:
            assert json.loads(attributes["input"]) == [{"role": "user", "content": QUESTION}]
        else:
            assert attributes["input"] == QUESTION


def test_the_payload_holds_the_whole_call(kit: Any, recording: Recording) -> None:
    """LLM-11, MODEL-11: parameters too."""
    kit.llm().chat(kit.messages("x" * 5000), tools=[{"name": "add"}])
    payload = recording.only.payload
    assert payload is not None
    request = payload["request"]
    assert request["messages"][0]["content"] == "x" * 5000 and request["model"] == "model-1"
    assert request["tools"] == [{"name": "add"}] and request["temperature"] == 0.5
    assert payload["response"]["messages"][0]["content"] == "Paris."
    assert len(recording.only.attributes["input"]) == 1000


def test_answers_that_call_tools_show_the_calls(kit: Any, recording: Recording) -> None:
    """LLM-7: of a stream as well."""
    model = kit.llm(script=[kit.ask(add={"a": 1})])
    model.chat(kit.messages("x"))
    list(model.stream_chat(kit.messages("x")))
    for span in recording.spans:
        assert json.loads(span.attributes["output"]) == [{"name": "add", "arguments": {"a": 1}}]
        assert span.attributes["tool_calls"] == 1


def test_without_capture_nothing_of_the_content_is_kept(kit: Any) -> None:
    """LLM-12: tokens, model and status remain."""
    with record(plugins=["llamaindex"], capture_io=False) as recording:
        every_way(kit, kit.llm(script=["SECRET"]))
        kit.index().as_query_engine(llm=kit.llm(script=["SECRET"])).query("SECRET?")
        for span in recording.spans:
            assert not {"input", "output", "rag.query", "rag.retrieved_docs"} & set(span.attributes)
            assert span.payload is None and "SECRET" not in str(span.to_dict()) and "Paris" not in str(span.to_dict())
        calls = [span for span in recording.spans if span.kind == "llm"]
        assert {span.attributes["tokens_total"] for span in calls} == {18}


def test_judges_read_what_may_not_be_kept(kit: Any) -> None:
    """EVAL-5, LLM-12: evaluators see whole texts."""
    seen: List[Any] = []

    class Judge(peekr.eval.BaseEvaluator):
        def evaluate(self, span: peekr.Span) -> float:
            seen.append((span.attributes.get("input"), span.attributes.get("output")))
            return 1.0

    with record(plugins=["llamaindex"], capture_io=False, evaluators=[Judge()]) as recording:
        kit.llm().complete(QUESTION)
        list(kit.llm().stream_complete(QUESTION))
        assert len(recording.spans) == 2
    assert seen == [(QUESTION, "Paris.")] * 2


def test_messages_changed_after_the_call_are_recorded_as_they_were(kit: Any, recording: Recording) -> None:
    """INST-13: what is recorded is a copy."""
    messages = kit.messages("before")
    model = kit.llm()
    answer = model.chat(messages)
    for chunk in model.stream_chat(messages):
        last = chunk
    messages[0].content = answer.message.content = last.message.content = "after"
    for span in recording.spans:
        assert "before" in span.attributes["input"] and span.attributes["output"] == "Paris."


def test_a_failure_is_described_and_the_models_own(kit: Any, recording: Recording) -> None:
    """LLM-8, INST-12: of every way of calling; also where a stream fails at its beginning or in its midst."""
    error = TimeoutError("no answer")
    messages = kit.messages(QUESTION)

    async def consume(model: Any) -> None:
        async for _ in await model.astream_chat(messages):
            pass

    for late in (False, True):
        for call in (
            lambda model: model.chat(messages),
            lambda model: asyncio.run(model.achat(messages)),
            lambda model: list(model.stream_chat(messages)),
            lambda model: asyncio.run(consume(model)),
        ):
            with suppress(TimeoutError):
                call(kit.llm(error=error, late=late))
    spans = recording.spans
    assert [span.status for span in spans] == ["error"] * 4 + ["ok", "ok", "error", "error"]
    failed = [span for span in spans if span.status == "error"]
    assert {span.attributes["error_reason"] for span in failed} == {"timeout"}
    assert {span.attributes["error_type"] for span in failed} == {"TimeoutError"}
    assert spans[-1].attributes["output"] == "Par"
    with pytest.raises(TimeoutError) as caught:
        kit.llm(error=error).chat(messages)
    assert caught.value is error


def test_a_model_that_answers_by_another_of_its_methods_is_one_span(recording: Recording) -> None:
    """LLM-10: CustomLLM.chat calls its complete, its astream_chat its stream_complete."""
    from llama_index.core.llms import ChatMessage, MockLLM

    model, messages = MockLLM(max_tokens=3), [ChatMessage(role="user", content="x")]
    model.chat(messages)
    list(model.stream_chat(messages))

    async def work() -> None:
        await model.achat(messages)
        assert [chunk async for chunk in await model.astream_chat(messages)]

    asyncio.run(work())
    assert [span.name for span in recording.spans] == [CHAT] * 4
    assert {span.attributes["output"].strip() for span in recording.spans} == {"text text text"}
    assert {span.attributes["model"] for span in recording.spans} == {"MockLLM"}


# -- billing ------------------------------------------------------------------------------------------------------


def test_a_call_that_a_provider_records_is_billed_there(kit: Any, recording: Recording) -> None:
    """LC-6, B 18: its span stands under LlamaIndex' in every way of calling, and the tokens count once."""
    every_way(kit, kit.llm(sdk=True))
    names = [line for name in [CHAT, COMPLETE] * 4 for line in (name, "  sdk.chat")]
    assert kit.outline(recording.spans) == names
    assert kit.billed_tokens(recording.spans) == 18 * 8
    for span in recording.spans:
        if span.name != "sdk.chat":
            assert span.attributes["billed"] is False and "tokens_total" not in span.attributes
            assert span.payload is None and span.attributes["output"] == "Paris."


# -- streams ------------------------------------------------------------------------------------------------------


def test_streams_are_generators_still(kit: Any, recording: Recording) -> None:
    """STREAM-3, INST-12: LlamaIndex and programs ask what they are."""
    stream = kit.llm().stream_chat(kit.messages("x"))
    assert isinstance(stream, collections.abc.Generator) and next(stream).delta == "Par"
    stream.close()

    async def work() -> None:
        stream = await kit.llm().astream_chat(kit.messages("x"))
        assert isinstance(stream, collections.abc.AsyncGenerator)
        assert (await stream.__anext__()).delta == "Par" and (await stream.asend(None)).delta == "is."
        await stream.aclose()

    asyncio.run(work())
    assert [span.attributes.get("stream_incomplete") for span in recording.spans] == [True, True]


def test_what_the_consumer_does_is_no_part_of_the_stream(kit: Any, recording: Recording) -> None:
    """STREAM-5: spans made while consuming are siblings; what the model does is below."""

    def inside() -> None:
        with peekr.span("inside"):
            pass

    with peekr.span("root"):
        for _ in kit.llm(before=inside).stream_chat(kit.messages("x")):
            with peekr.span("mine"):
                pass
    assert kit.outline(recording.spans) == ["root", f"  {CHAT}", "    inside", *["  mine"] * 3]


@pytest.mark.parametrize("started", [True, False])
def test_a_stream_that_is_dropped_is_incomplete_and_not_lost(kit: Any, recording: Recording, started: bool) -> None:
    """STREAM-4."""
    stream = kit.llm().stream_chat(kit.messages("x"))
    if started:
        next(stream)
    del stream
    gc.collect()

    async def work() -> None:
        stream = await kit.llm().astream_chat(kit.messages("x"))
        if started:
            await stream.__anext__()

    asyncio.run(work())
    gc.collect()
    for span in recording.spans:
        assert span.attributes["stream_incomplete"] is True and span.status == "ok"
        assert span.attributes.get("output") == ("Par" if started else None)
    assert len(recording.spans) == 2


def test_a_stream_may_be_read_in_another_thread_or_task(kit: Any, recording: Recording) -> None:
    """STREAM-5, CTX-3: and belongs to where it was asked for."""
    with peekr.span("root") as root:
        stream = kit.llm(sdk=True).stream_chat(kit.messages("x"))
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    reader.join(30)

    async def work() -> None:
        with peekr.span("root"):
            stream = await kit.llm(sdk=True).astream_chat(kit.messages("x"))

        async def read() -> None:
            assert [chunk async for chunk in stream]

        await asyncio.create_task(read())

    asyncio.run(work())
    assert kit.outline(recording.spans) == ["root", f"  {CHAT}", "    sdk.chat"] * 2
    assert root.trace_id == recording.named("sdk.chat")[0].trace_id


def test_a_cancelled_call_is_cancelled(kit: Any, recording: Recording) -> None:
    """LLM-8: while it waits for the answer, and while it waits for a chunk."""

    async def wait(*args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(60)

    class Waiting(kit.llm):  # type: ignore[misc, name-defined]
        async def achat(self, messages: Any, **kwargs: Any) -> Any:
            await wait()

        async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            async def chunks() -> Any:
                await wait()
                yield None

            return chunks()

    async def stream(model: Any) -> None:
        async for _ in await model.astream_chat(kit.messages("x")):
            pass

    async def work() -> None:
        for coroutine in (Waiting().achat(kit.messages("x")), stream(Waiting())):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(coroutine, 0.05)

    asyncio.run(work())
    assert [(span.status, span.attributes["error_reason"]) for span in recording.spans] == [("error", "cancelled")] * 2


def test_calls_side_by_side_are_never_each_others_parents(kit: Any, recording: Recording) -> None:
    """CTX-1."""

    async def one(number: int) -> None:
        with peekr.span(f"task {number}"):
            await kit.llm(sdk=True).achat(kit.messages("x"))
            async for _ in await kit.llm(sdk=True).astream_chat(kit.messages("x")):
                await asyncio.sleep(0)

    async def work() -> None:
        await asyncio.gather(*(one(number) for number in range(5)))

    asyncio.run(work())
    below = [f"  {CHAT}", "    sdk.chat"] * 2
    assert sorted(kit.outline(recording.spans)) == sorted(
        line for number in range(5) for line in (f"task {number}", *below)
    )


# -- embeddings ---------------------------------------------------------------------------------------------------


def test_embeddings_are_spans_with_their_counts(kit: Any, recording: Recording) -> None:
    """LLM-6, LLM-15, MODEL-3: one for each call, also for a batch."""
    from llama_index.core import MockEmbedding

    model = MockEmbedding(embed_dim=4)
    model.get_query_embedding("one")
    model.get_text_embedding_batch(["one", "two"])

    async def work() -> None:
        await model.aget_text_embedding("one")
        await model.aget_text_embedding_batch(["one", "two", "three"])

    asyncio.run(work())
    spans = recording.spans
    assert [(span.name, span.kind) for span in spans] == [("llamaindex.embed", "embedding")] * 4
    assert [span.attributes["embeddings_count"] for span in spans] == [1, 2, 1, 3]
    assert {span.attributes["embeddings_dimensions"] for span in spans} == {4}
    assert [span.attributes["input"] for span in spans[:2]] == ["one", '["one", "two"]']


def test_an_embedding_that_a_provider_records_is_billed_there(recording: Recording) -> None:
    """LC-6: and a call of another kind inside it is none of its own."""
    from llama_index.core import MockEmbedding

    from peekr.runs import is_billed
    from peekr.tracer import Tracer

    class Calling(MockEmbedding):
        kind: str = "embedding"

        def _get_query_embedding(self, query: str) -> Any:
            tracer = Tracer()
            tracer.end(tracer.start(f"sdk.{self.kind}", kind=self.kind))
            return super()._get_query_embedding(query)

    Calling(embed_dim=2).get_query_embedding("x")
    Calling(embed_dim=2, kind="llm").get_query_embedding("x")
    assert [(span.name, is_billed(span)) for span in recording.spans] == [
        ("sdk.embedding", True),
        ("llamaindex.embed", False),
        ("sdk.llm", True),
        ("llamaindex.embed", True),
    ]
