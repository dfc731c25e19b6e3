"""The provider keeps what every provider keeps."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import peekr
from peekr.testing import record
from peekr.testing.conformance import ProviderConformance
from peekr_llamaindex import LlamaIndexProvider


class TestLlamaIndexProvider(ProviderConformance):
    entry_point = "llamaindex"

    @pytest.fixture(autouse=True)
    def _kit(self, kit: Any) -> None:
        self.kit = kit

    def make_provider(self) -> Any:
        return LlamaIndexProvider()

    def call(self) -> Any:
        answer = self.kit.llm().chat(self.kit.messages("What is the capital of France?"))
        return answer.message.content, answer.raw

    def call_failing(self) -> Any:
        return self.kit.llm(error=TimeoutError("no answer")).chat(self.kit.messages("What is the capital of France?"))

    def stream(self) -> Any:
        return [chunk.delta for chunk in self.kit.llm().stream_chat(self.kit.messages("What is the capital?"))]

    def methods(self) -> Any:
        from llama_index.core.base.llms.base import BaseLLM
        from llama_index.core.llms import CustomLLM, MockLLM
        from llama_index.core.postprocessor.types import BaseNodePostprocessor
        from llama_index.core.workflow import Workflow

        return [
            (BaseLLM, "__init_subclass__"),
            (CustomLLM, "stream_chat"),
            (CustomLLM, "astream_chat"),
            (MockLLM, "stream_complete"),
            (self.kit.llm, "astream_complete"),
            (BaseNodePostprocessor, "apostprocess_nodes"),
            (Workflow, "run"),
        ]


def _handlers() -> Any:
    from llama_index.core.instrumentation import get_dispatcher

    return list(get_dispatcher().span_handlers), list(get_dispatcher().event_handlers)


def test_uninstrument_takes_the_handlers_back_from_llamaindex() -> None:
    """INST-17, INST-9: however often it was switched on."""
    before = _handlers()
    for _ in range(2):
        peekr.instrument(console=False, storage=None, plugins=["llamaindex"])
        spans, events = _handlers()
        assert (len(spans), len(events)) == (len(before[0]) + 1, len(before[1]) + 1)
    peekr.uninstrument()
    assert _handlers() == before


def test_what_is_under_way_when_tracing_ends_ends_as_incomplete(kit: Any) -> None:
    """INST-17: and LlamaIndex goes on as if nothing had been there."""
    seen = []

    def in_the_midst() -> None:
        peekr.uninstrument()
        seen.append(peekr.get_current_span())

    with record(plugins=["llamaindex"]):
        assert kit.llm(before=in_the_midst).chat(kit.messages("hi")).message.content == "Paris."
    assert seen == [None] and peekr.get_current_span() is None
    assert kit.llm().chat(kit.messages("hi")).message.content == "Paris."


def test_a_model_whose_class_is_made_later_is_traced(kit: Any) -> None:
    """INST-7: its streams too, which are patched class by class; and no longer after uninstrument()."""
    with record(plugins=["llamaindex"]) as recording:

        class Later(kit.llm):  # type: ignore[misc, name-defined]
            def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
                return super().stream_chat(messages, **kwargs)

        own = vars(Later)["stream_chat"]
        list(Later().stream_chat(kit.messages("hi")))
        assert [span.name for span in recording.spans] == ["llamaindex.llm.chat"]
        assert recording.only.attributes["tokens_total"] == 18
    assert vars(Later)["stream_chat"] is not own
    assert [one.delta for one in Later().stream_chat(kit.messages("hi"))] == ["Par", "is.", ""]


@pytest.mark.filterwarnings("ignore")
def test_instrument_before_the_import_of_llamaindex_traces_it() -> None:
    """INST-7: in a process where nothing of LlamaIndex is imported yet."""
    code = (
        "import peekr\n"
        "from peekr.testing import record\n"
        "with record(plugins=['llamaindex']) as recording:\n"
        "    from llama_index.core.llms import MockLLM\n"
        "    list(MockLLM(max_tokens=2).stream_complete('four'))\n"
        "    print(recording.only.name, recording.only.attributes['output'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["llamaindex.llm.complete", "text", "text"], done.stderr
