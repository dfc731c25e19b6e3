"""The provider keeps what every provider keeps."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from peekr.testing.conformance import ProviderConformance
from peekr_langchain import LangChainProvider


class TestLangChainProvider(ProviderConformance):
    entry_point = "langchain"

    @pytest.fixture(autouse=True)
    def _kit(self, kit: Any) -> None:
        self.kit = kit

    def make_provider(self) -> Any:
        return LangChainProvider()

    def call(self) -> Any:
        answer = self.kit.model().invoke("What is the capital of France?")
        return answer.content, answer.usage_metadata

    def call_failing(self) -> Any:
        return self.kit.model(error=TimeoutError("no answer")).invoke("What is the capital of France?")

    def stream(self) -> Any:
        return [chunk.content for chunk in self.kit.model().stream("What is the capital of France?")]

    def methods(self) -> Any:
        from langchain_core.language_models import BaseChatModel, BaseLLM
        from langchain_core.runnables import config

        return [
            (config, "_set_config_context"),
            *((BaseChatModel, name) for name in ("_generate_with_cache", "_agenerate_with_cache")),
            *((BaseLLM, name) for name in ("_generate_helper", "_agenerate_helper")),
        ]


def test_uninstrument_takes_the_handler_back_from_langchain() -> None:
    """INST-17."""
    from langchain_core.tracers import context

    import peekr

    before = list(context._configure_hooks)
    peekr.instrument(console=False, storage=None, plugins=["langchain"])
    assert len(context._configure_hooks) == len(before) + 1
    peekr.uninstrument()
    assert context._configure_hooks == before


def test_a_handler_that_is_still_held_after_uninstrument_is_inert(kit: Any) -> None:
    """INST-17: a program may keep a callback manager for ever."""
    from langchain_core.callbacks import CallbackManager

    from peekr.testing import record

    with record(plugins=["langchain"]) as recording:
        manager = CallbackManager.configure()
        kit.model().invoke("hi", config={"callbacks": manager})
        assert len(recording.spans) == 1
    assert kit.model().invoke("hi", config={"callbacks": manager}).content == "Paris."
    assert not sys.modules["peekr_langchain.runs"].registry.open


def test_instrument_before_the_import_of_langchain_traces_it() -> None:
    """INST-7: in a process where nothing of LangChain is imported yet."""
    import subprocess

    code = (
        "import peekr\n"
        "from peekr.testing import record\n"
        "with record(plugins=['langchain']) as recording:\n"
        "    from langchain_core.runnables import RunnableLambda\n"
        "    RunnableLambda(len).invoke('four')\n"
        "    print(recording.only.name, recording.only.attributes['output'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["langchain.chain.len", "4"], done.stderr
