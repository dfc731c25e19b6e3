"""Beside peekr-openai below and peekr-langchain above: every call is billed once."""

from __future__ import annotations

import gc
from importlib import metadata
from typing import Any, List

import pytest

litellm = pytest.importorskip("litellm", reason="litellm is not installed")
pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")

import peekr  # noqa: E402
from peekr.testing import Recording, record  # noqa: E402

VERSION = tuple(int(part) for part in metadata.version("litellm").split(".")[:2])
#: The oldest that is tested, 1.83, does some things differently; which version between changed them is not known.
OLD = VERSION < (1, 106)
INSTRUCT = {"model": "text-completion-openai/gpt-3.5-turbo-instruct", "prompt": "hi"}


async def _drained(coroutine: Any) -> List[Any]:
    return [chunk async for chunk in await coroutine]


def call_in_every_way(api: Any, run: Any) -> int:
    """Return the number of tokens that were spent."""
    embedding = api.openai(model="openai/text-embedding-3-small", input=["hi"])
    text = api.openai(**INSTRUCT)
    litellm.completion(**api.chat())
    list(litellm.completion(**api.chat(stream=True)))
    litellm.text_completion(**text)
    list(litellm.text_completion(**text, stream=True))
    litellm.embedding(**embedding)
    run(litellm.acompletion(**api.chat()))
    run(_drained(litellm.acompletion(**api.chat(stream=True))))
    run(litellm.atext_completion(**text))
    run(_drained(litellm.atext_completion(**text, stream=True)))
    run(litellm.aembedding(**embedding))
    models = [{"model_name": "good", "litellm_params": {"model": "openai/gpt-4o", **api.openai()}}]
    router = litellm.Router(model_list=models)
    messages = [{"role": "user", "content": "hi"}]
    router.completion("good", messages)
    list(router.completion("good", messages, stream=True))
    run(router.acompletion("good", messages))
    run(_drained(router.acompletion("good", messages, stream=True)))
    return 12 * 18 + 2 * 11


@pytest.mark.parametrize("plugins", [["litellm", "openai"], ["litellm"], ["openai"]])
def test_every_way_of_calling_is_counted_once(api: Any, kit: Any, run: Any, plugins: List[str]) -> None:
    """LLM-10, LC-6: sync, async, plain, streamed, through the Router."""
    with record(plugins=plugins) as recording:
        spent = call_in_every_way(api, run)
        gc.collect()  # older versions leave OpenAI's stream of a text to the collector
        assert kit.billed(recording.spans) == spent
        outer = [span for span in recording.spans if span.name.startswith("litellm.")]
    assert len(outer) == (14 if "litellm" in plugins else 0)
    for span in outer:
        assert span.status == "ok" and "stream_incomplete" not in span.attributes
        if plugins == ["litellm", "openai"]:
            assert span.attributes["billed"] is False and "tokens_total" not in span.attributes


@pytest.fixture
def both(loop: Any) -> Any:
    """Tracing with both plugins."""
    with record(plugins=["litellm", "openai"]) as recording:
        yield recording
        assert peekr.get_current_span() is None


def test_the_inner_span_is_a_child_of_the_outer_one(api: Any, both: Recording, run: Any) -> None:
    """LC-6: streams too, whose request may go out with the first chunk only."""
    litellm.completion(**api.chat())
    run(_drained(litellm.acompletion(**api.chat(stream=True))))
    if not OLD:  # LiteLLM 1.83 keeps OpenAI's stream of a text beyond the end of its own
        list(litellm.text_completion(**api.openai(**INSTRUCT), stream=True))
    gc.collect()
    outer = {span.span_id for span in both.spans if span.name.startswith("litellm.")}
    inner = [span for span in both.spans if span.name.startswith("openai.")]
    assert len(inner) == len(outer) and {span.parent_id for span in inner} == outer


@pytest.mark.skipif(OLD, reason="LiteLLM 1.83 asks the first model once more, which then answers")
def test_a_fallback_to_a_provider_without_a_plugin_is_billed(api: Any, kit: Any, both: Recording, run: Any) -> None:
    """LLM-10: the failed attempt has a span of its own, the answer's tokens are on the outer one."""
    claude = {key: value for key, value in api.claude().items() if key != "messages"}
    for is_async in (False, True):
        api.fails(401, "no key")
        given = api.chat(fallbacks=[claude], max_retries=0)
        run(litellm.acompletion(**given)) if is_async else litellm.completion(**given)
        outer = both.named("litellm.completion")[0]
        assert outer.attributes["tokens_total"] == 18 and "billed" not in outer.attributes
        assert [span.status for span in both.named("openai.chat.completions")] == ["error"]
        assert kit.billed(both.spans) == 18
        both.clear()


def test_a_provider_that_is_called_over_http_is_billed(api: Any, kit: Any, both: Recording) -> None:
    """LC-6: nobody else sees it."""
    litellm.completion(**api.claude())
    assert kit.billed(both.spans) == 18 and len(both.spans) == 1


def test_the_usage_of_a_stream_is_asked_for_once_and_nothing_else_is_changed(api: Any, both: Recording) -> None:
    """STREAM-1: asked for once."""
    list(litellm.completion(**api.chat(stream=True)))
    litellm.completion(**api.chat())
    assert [body.get("stream_options") for body in api.bodies] == [{"include_usage": True}, None]


@pytest.mark.parametrize("plugins", [["langchain", "litellm"], ["langchain", "litellm", "openai"], ["langchain"]])
def test_under_langchain_a_call_is_billed_once(api: Any, kit: Any, run: Any, plugins: List[str]) -> None:
    """LC-6: a call within a call within a call."""
    pytest.importorskip("peekr_langchain", reason="peekr-langchain is not installed")
    chat = pytest.importorskip("langchain_litellm", reason="langchain-litellm is not installed").ChatLiteLLM
    with record(plugins=plugins) as recording:
        model = chat(model="openai/gpt-4o", api_base=f"{api.url}/v1", api_key="x", max_retries=0)
        model.invoke("hi")
        run(model.ainvoke("hi"))
        if "litellm" in plugins:
            list(model.stream("hi"))
        spans = recording.spans
    assert kit.billed(spans) == 18 * (3 if "litellm" in plugins else 2)
    names = [span.name for span in spans if span.kind == "llm"]
    assert len(names) == len(plugins) * (3 if "litellm" in plugins else 2)
