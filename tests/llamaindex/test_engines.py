"""Query engines, retrievers, synthesizers, rerankers and chat engines: a small tree that says what happened."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any, List

import pytest

import peekr
from peekr.testing import Recording

QUESTION = "What is the capital of France?"
CALL = ("llamaindex.llm.chat", "llamaindex.llm.complete")
TREE = [
    "llamaindex.query",
    "  llamaindex.retrieve",
    "    llamaindex.embed",
    "  llamaindex.synthesize",
    "    llamaindex.llm.chat",
]


@pytest.fixture
def index(kit: Any, recording: Recording) -> Any:
    """An index, whose making is not recorded."""
    index = kit.index()
    recording.clear()
    return index


def test_a_query_is_a_tree_of_five(kit: Any, recording: Recording, index: Any) -> None:
    """LLM-15: one span each, none of LlamaIndex' inner methods; sync and async alike."""
    engine = index.as_query_engine(llm=kit.llm())
    assert str(engine.query(QUESTION)) == "Paris."
    assert kit.outline(recording.spans) == TREE
    recording.clear()
    assert str(asyncio.run(engine.aquery(QUESTION))) == "Paris."
    assert kit.outline(recording.spans) == TREE
    assert [span.kind for span in recording.spans] == ["embedding", "retrieval", "llm", "chain", "chain"]


def test_query_and_synthesis_have_question_and_answer(kit: Any, recording: Recording, index: Any) -> None:
    """LLM-15."""
    index.as_query_engine(llm=kit.llm()).query(QUESTION)
    for name in ("llamaindex.query", "llamaindex.synthesize"):
        attributes = recording.named(name)[0].attributes
        assert (attributes["input"], attributes["output"], attributes["source_count"]) == (QUESTION, "Paris.", 2)
    assert recording.named("llamaindex.query")[0].attributes["component"] == "RetrieverQueryEngine"


def test_retrieval_tells_how_much_was_found_and_how_good_it_is(kit: Any, recording: Recording, index: Any) -> None:
    """LLM-15, LC-6: count, scores, the beginnings of the texts; all bounded."""
    index.as_retriever(similarity_top_k=1).retrieve(QUESTION)
    attributes = recording.named("llamaindex.retrieve")[0].attributes
    assert attributes["input"] == attributes["rag.query"] == QUESTION
    assert attributes["document_count"] == attributes["rag.docs_count"] == len(attributes["scores"]) == 1
    (found,) = json.loads(attributes["output"])
    assert found["text"] in attributes["rag.retrieved_docs"] and "number" in found["metadata"]
    assert found["score"] == pytest.approx(attributes["scores"][0])


def test_many_long_nodes_do_not_make_a_large_span(kit: Any, recording: Recording) -> None:
    """LLM-11."""
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    class Retriever(BaseRetriever):
        def _retrieve(self, query: Any) -> Any:
            return [NodeWithScore(node=TextNode(text=f"{number:05}" * 2_000), score=1.0) for number in range(100)]

    Retriever().retrieve("x")
    assert recording.only.attributes["document_count"] == 100
    assert len(json.dumps(recording.only.to_dict())) < 12_000


def test_a_failing_retriever_fails_the_query_too(kit: Any, recording: Recording) -> None:
    """LLM-8, INST-12."""
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.retrievers import BaseRetriever

    error = ConnectionError("no store")

    class Broken(BaseRetriever):
        def _retrieve(self, query: Any) -> Any:
            raise error

    engine = RetrieverQueryEngine.from_args(Broken(), llm=kit.llm())
    for call in (lambda: engine.query("x"), lambda: asyncio.run(engine.aquery("x"))):
        with pytest.raises(ConnectionError) as caught:
            call()
        assert caught.value is error
    assert [span.name for span in recording.spans] == ["llamaindex.retrieve", "llamaindex.query"] * 2
    assert {(span.status, span.attributes["error_reason"]) for span in recording.spans} == {("error", "connection")}


def test_a_users_own_code_inside_stands_below(kit: Any, recording: Recording) -> None:
    """CTX-1: of a retriever, and of a model."""
    from llama_index.core.query_engine import CustomQueryEngine
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    @peekr.trace
    def look_up(text: str) -> str:
        return text

    class Retriever(BaseRetriever):
        def _retrieve(self, query: Any) -> Any:
            return [NodeWithScore(node=TextNode(text=look_up("x")))]

    class Engine(CustomQueryEngine):
        def custom_query(self, query_str: str) -> str:
            return str(len(Retriever().retrieve(query_str)))

    assert str(Engine().query("x")) == "1"
    names = [line.rsplit(".", 1)[-1] for line in kit.outline(recording.spans)]
    assert names == ["query", "retrieve", "look_up"]


# -- streams ------------------------------------------------------------------------------------------------------


def test_a_streamed_answer_ends_the_query_when_it_has_come(kit: Any, recording: Recording, index: Any) -> None:
    """STREAM-3, STREAM-6: what was asked and what came stand on the query."""
    response = index.as_query_engine(llm=kit.llm(), streaming=True).query(QUESTION)
    assert "llamaindex.query" not in [span.name for span in recording.spans]
    with peekr.span("mine"):
        assert "".join(response.response_gen) == "Paris."
    assert kit.outline(recording.spans) == [*TREE, "mine"]
    attributes = recording.named("llamaindex.query")[0].attributes
    assert (attributes["output"], attributes["streaming"], attributes["source_count"]) == ("Paris.", True, 2)
    assert attributes["ttft_ms"] > 0


def test_a_streamed_answer_of_an_async_query(kit: Any, recording: Recording, index: Any) -> None:
    """STREAM-3."""

    async def work() -> List[str]:
        response = await index.as_query_engine(llm=kit.llm(), streaming=True, use_async=True).aquery(QUESTION)
        return [token async for token in response.response_gen]

    assert "".join(asyncio.run(work())) == "Paris."
    assert kit.outline(recording.spans) == TREE
    assert recording.named("llamaindex.query")[0].attributes["output"] == "Paris."


def test_a_streamed_answer_that_nobody_reads_is_incomplete(kit: Any, recording: Recording, index: Any) -> None:
    """STREAM-4."""
    response = index.as_query_engine(llm=kit.llm(), streaming=True).query(QUESTION)
    next(response.response_gen)
    del response
    gc.collect()
    for name in ("llamaindex.query", "llamaindex.synthesize"):
        assert recording.named(name)[0].attributes["stream_incomplete"] is True


# -- rerankers ----------------------------------------------------------------------------------------------------


def test_rerankers_and_other_postprocessors_tell_what_they_left(kit: Any, recording: Recording) -> None:
    """LLM-15: sync and async, also of one with an async method of its own."""
    from llama_index.core.postprocessor import SimilarityPostprocessor
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.schema import NodeWithScore, TextNode

    class MyReranker(BaseNodePostprocessor):
        def _postprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> Any:
            return nodes[:1]

        async def _apostprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> Any:
            return nodes[:1]

    nodes = [NodeWithScore(node=TextNode(text=f"text {score}"), score=score) for score in (0.9, 0.2)]
    SimilarityPostprocessor(similarity_cutoff=0.5).postprocess_nodes(nodes, query_str="x")
    MyReranker().postprocess_nodes(nodes, query_str="x")
    expected = ["llamaindex.postprocess", "llamaindex.rerank"]
    if hasattr(BaseNodePostprocessor, "apostprocess_nodes"):
        asyncio.run(MyReranker().apostprocess_nodes(nodes, query_str="x"))
        asyncio.run(SimilarityPostprocessor(similarity_cutoff=0.5).apostprocess_nodes(nodes, query_str="x"))
        expected += ["llamaindex.rerank", "llamaindex.postprocess"]
    spans = recording.spans
    assert [span.name for span in spans] == expected
    for span in spans:
        attributes = span.attributes
        assert span.kind == "retrieval" and attributes["input"] == "x"
        assert (attributes["input_count"], attributes["document_count"], attributes["scores"]) == (2, 1, [0.9])


# -- chat engines -------------------------------------------------------------------------------------------------


def test_a_chat_engine_is_a_span_however_it_answers(kit: Any, recording: Recording) -> None:
    """LLM-15, STREAM-3: at once, or in pieces that a thread or a task of LlamaIndex collects."""
    from llama_index.core.chat_engine import SimpleChatEngine

    engine = SimpleChatEngine.from_defaults(llm=kit.llm())
    engine.chat("hi")
    assert "".join(engine.stream_chat("hi").response_gen) == "Paris."

    async def work() -> None:
        await engine.achat("hi")
        response = await engine.astream_chat("hi")
        assert "".join([token async for token in response.async_response_gen()]) == "Paris."
        task = getattr(response, "awrite_response_to_history_task", None)
        if task is not None:
            await task

    asyncio.run(work())
    kit.settle()
    chats = recording.named("llamaindex.chat")
    assert kit.outline(recording.spans) == ["llamaindex.chat", "  llamaindex.llm.chat"] * 4
    assert [(span.attributes["input"], span.attributes["output"]) for span in chats] == [("hi", "Paris.")] * 4
    assert [span.attributes.get("streaming") for span in chats] == [None, True, None, True]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # LlamaIndex lets it pass
def test_a_chat_engine_whose_stream_fails_has_failed(kit: Any, recording: Recording) -> None:
    """LLM-8."""
    from llama_index.core.chat_engine import SimpleChatEngine

    engine = SimpleChatEngine.from_defaults(llm=kit.llm(error=TimeoutError("no answer"), late=True))
    with pytest.raises(TimeoutError):
        list(engine.stream_chat("hi").response_gen)
    kit.settle()
    (chat,) = recording.named("llamaindex.chat")
    assert (chat.status, chat.attributes["error_reason"]) == ("error", "timeout")


# -- ingestion ----------------------------------------------------------------------------------------------------


def test_ingestion_counts_what_it_made(recording: Recording) -> None:
    """LLM-15."""
    from llama_index.core import Document, MockEmbedding
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter

    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), MockEmbedding(embed_dim=2)])
    pipeline.run(documents=[Document(text="one"), Document(text="two")])
    names = [span.name for span in recording.spans]
    assert names == ["llamaindex.embed", "llamaindex.ingest"]
    attributes = recording.named("llamaindex.ingest")[0].attributes
    assert (attributes["input_count"], attributes["document_count"]) == (2, 2)
