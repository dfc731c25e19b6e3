"""A call that LangChain and a provider's plugin both record is counted once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import Generation, LLMResult

import peekr
from peekr.tracer import Tracer

TOKENS = ("tokens_input", "tokens_output", "tokens_total", "tokens_cached")


def langchain_span(recording: Any) -> Any:
    return recording.named("langchain.chat.ScriptedModel")[0]


def test_the_providers_span_is_the_one_that_bills(kit: Any, recording: Any) -> None:
    """LC-6, B 18."""
    kit.model(sdk=True).invoke("x")
    span = langchain_span(recording)
    assert span.attributes["billed"] is False
    assert not set(TOKENS) & set(span.attributes)
    assert (span.attributes["output"], span.attributes["model"]) == ("Paris.", "model-1-2024")
    assert kit.billed_tokens(recording.spans) == 18


def test_the_conversation_is_stored_once(kit: Any, recording: Any) -> None:
    """MODEL-11: the provider's payload has all of it."""
    kit.model(sdk=True).invoke("x")
    assert langchain_span(recording).payload is None


def test_without_a_providers_span_langchains_bills(kit: Any, recording: Any) -> None:
    """LC-6."""
    kit.model().invoke("x")
    assert "billed" not in recording.only.attributes
    assert kit.billed_tokens(recording.spans) == 18


def test_a_providers_span_further_down_counts_too(kit: Any, recording: Any) -> None:
    """LC-6: below a function of the program's, in another thread."""
    import threading

    def call() -> None:
        with peekr.span("mine"):
            tracer = Tracer()
            span = tracer.start("sdk.chat", kind="llm")
            span.attributes["tokens_total"] = 18
            tracer.end(span)

    def threaded() -> None:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join(10)

    kit.model(before=threaded).invoke("x")
    assert langchain_span(recording).attributes["billed"] is False
    assert kit.billed_tokens(recording.spans) == 18


def test_an_embedding_below_is_a_call_of_its_own(kit: Any, recording: Any) -> None:
    """LC-6: a model that looks something up first."""

    def embed() -> None:
        tracer = Tracer()
        span = tracer.start("sdk.embeddings", kind="embedding")
        span.attributes["tokens_total"] = 5
        tracer.end(span)

    kit.model(before=embed).invoke("x")
    assert kit.billed_tokens(recording.spans) == 18 + 5


def test_a_model_that_asks_another_is_counted_once(kit: Any, recording: Any) -> None:
    """LC-6: the inner one bills, be it recorded by a provider or not."""
    for sdk in (False, True):
        inner = kit.model(sdk=sdk)
        kit.model(before=lambda inner=inner: inner.invoke("x")).invoke("x")
        assert kit.billed_tokens(recording.spans) == 18
        recording.clear()


def test_a_call_after_the_model_is_not_taken_for_the_same(kit: Any, recording: Any) -> None:
    """LC-6: in one task, where LangChain's callbacks cannot take back what they set."""

    async def work() -> None:
        await kit.model().ainvoke("x")
        async for _ in kit.model().astream("x"):
            tracer = Tracer()
            tracer.end(tracer.start("other", kind="llm"))

    asyncio.run(work())
    assert kit.billed_tokens(recording.spans) == 36
    assert {span.parent_id for span in recording.named("other")} == {None}


def test_several_conversations_in_one_call(kit: Any, recording: Any) -> None:
    """LC-6."""
    conversations = [[HumanMessage("x")], [HumanMessage("y")]]
    kit.model(sdk=True).generate(conversations)
    asyncio.run(kit.model(sdk=True).agenerate(conversations))
    assert kit.billed_tokens(recording.spans) == 4 * 18


class Completions(BaseLLM):
    """A completion model that sends all prompts in one request, and reports the sum with the first answer."""

    @property
    def _llm_type(self) -> str:
        return "completions"

    def _generate(self, prompts: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> LLMResult:
        tracer = Tracer()
        span = tracer.start("sdk.completions", kind="llm")
        span.attributes["tokens_total"] = 40
        tracer.end(span)
        usage = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}
        return LLMResult(generations=[[Generation(text=p)] for p in prompts], llm_output={"token_usage": usage})


def test_several_prompts_in_one_request(kit: Any, recording: Any) -> None:
    """LC-6."""
    Completions().generate(["x", "y"])
    asyncio.run(Completions().agenerate(["x", "y"]))
    assert (
        kit.outline(recording.spans)
        == [
            "langchain.llm.Completions",
            "  sdk.completions",
            "langchain.llm.Completions",
        ]
        * 2
    )
    assert kit.billed_tokens(recording.spans) == 80
    assert all(span.attributes["billed"] is False for span in recording.named("langchain.llm.Completions"))


def test_an_answer_from_langchains_cache_costs_nothing(kit: Any, recording: Any) -> None:
    """LC-6: LangChain repeats the tokens of the first time."""
    model = kit.model(cache=InMemoryCache())
    model.invoke("x")
    model.invoke("x")
    first, second = recording.spans
    assert (first.attributes["tokens_total"], second.attributes["billed"]) == (18, False)
    assert second.attributes["cached_response"] is True
    assert kit.billed_tokens(recording.spans) == 18


def test_cached_and_reasoning_tokens_are_parts(kit: Any, recording: Any) -> None:
    """LLM-6: LangChain's input includes what the cache had."""
    usage = {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_token_details": {"cache_read": 60, "cache_creation": 10},
        "output_token_details": {"reasoning": 15},
    }
    kit.model(answers=[AIMessage("x", usage_metadata=usage)]).invoke("x")
    attributes = recording.only.attributes
    assert [attributes[name] for name in TOKENS] == [100, 20, 120, 60]
    assert (attributes["tokens_cache_write"], attributes["tokens_reasoning"]) == (10, 15)


def test_a_failed_call_has_no_tokens_to_count(kit: Any, recording: Any) -> None:
    """LLM-3."""
    with pytest.raises(ValueError, match="boom"):
        kit.model(sdk=False, error=ValueError("boom")).invoke("x")
    assert not set(TOKENS) & set(recording.only.attributes)
