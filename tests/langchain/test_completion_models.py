"""Completion models (``BaseLLM``), whose async callbacks LangChain calls in a way of its own."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from peekr.testing import record

pytest.importorskip("langchain_core")

from langchain_core.language_models.llms import LLM


class Model(LLM):
    """Knows one answer."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return "Paris."


def _events() -> List[str]:
    async def main() -> List[str]:
        return [event["event"] async for event in Model().astream_events("Capital?", version="v2")]

    return asyncio.run(main())


def test_others_hear_of_the_start_of_an_async_completion_as_without_tracing() -> None:
    """INST-12, issue 3: results unchanged. LangChain tells only inline handlers where there is one, as ours is."""
    bare = _events()
    with record(plugins=["langchain"]) as recording:
        assert _events() == bare
        span = recording.only
    assert bare[0] == "on_llm_start" and bare[-1] == "on_llm_end"
    assert (span.name, span.attributes["input"], span.attributes["output"]) == (
        "langchain.llm.Model",
        "Capital?",
        "Paris.",
    )


def test_several_prompts_are_one_span_each() -> None:
    """LC-4."""
    with record(plugins=["langchain"]) as recording:
        asyncio.run(Model().abatch(["a", "b"]))
        assert sorted(span.attributes["input"] for span in recording.spans) == ["a", "b"]
