"""Models, tools and graphs of LangChain's own kind, with nothing behind them but a script."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import peekr
from peekr.spans import Span
from peekr.testing import Recording, record
from peekr.tracer import Tracer

pytest.importorskip("langchain_core")

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

USAGE = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
ABOUT = {"model_name": "model-1-2024", "finish_reason": "stop"}


class ScriptedModel(BaseChatModel):
    """Answers with its script; stands for a provider's chat model.

    :ivar sdk: whether a provider plugin records the call below.
    :ivar error: raised instead of an answer.
    :ivar answers: messages in turn, the last one again and again.
    """

    sdk: bool = False
    error: Any = None
    answers: Any = None
    before: Any = None
    words: Any = ("Par", "is", ".")

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> Dict[str, Any]:
        return {"model": "model-1", "temperature": 0.5}

    def _call(self) -> None:
        if self.before is not None:
            self.before()
        if self.sdk:
            tracer = Tracer()
            span = tracer.start("sdk.chat", kind="llm")
            span.attributes.update(model="model-1-2024", tokens_input=11, tokens_output=7, tokens_total=18)
            tracer.end(span)
        if self.error is not None:
            raise self.error

    def _answer(self) -> Any:
        if not self.answers:
            return AIMessage("Paris.", usage_metadata=USAGE, response_metadata=ABOUT)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        self._call()
        return ChatResult(generations=[ChatGeneration(message=self._answer())])

    async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        await asyncio.sleep(0)
        return self._generate(messages)

    def _chunks(self) -> Iterator[ChatGenerationChunk]:
        for word in self.words:
            yield ChatGenerationChunk(message=AIMessageChunk(word))
        yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=USAGE, response_metadata=ABOUT))

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        self._call()
        yield from self._chunks()

    async def _astream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        self._call()
        for chunk in self._chunks():
            yield chunk


class PlainModel(ScriptedModel):
    """A model that cannot stream."""

    _stream = BaseChatModel._stream
    _astream = BaseChatModel._astream


def ask_for(tool: str, **args: Any) -> AIMessage:
    """An answer that calls a tool."""
    return AIMessage("", tool_calls=[{"name": tool, "args": args, "id": "call-1"}], usage_metadata=USAGE)


def outline(spans: List[Span]) -> List[str]:
    """The spans as an indented list of names, in the order they began."""
    lines: List[str] = []
    known = {span.span_id for span in spans}

    def walk(parent: Optional[str], depth: int) -> None:
        for span in sorted(spans, key=lambda span: span._t0):
            above = span.parent_id if span.parent_id in known else None
            if above == parent:
                lines.append("  " * depth + span.name)
                walk(span.span_id, depth + 1)

    walk(None, 0)
    return lines


def billed_tokens(spans: List[Span]) -> int:
    """What readers count."""
    from peekr import runs

    return sum(runs.tokens_of(span) for span in spans)


@pytest.fixture
def kit() -> Any:
    """The builders above, as fixtures are the only way to share them."""

    class Kit:
        model = ScriptedModel
        plain_model = PlainModel
        usage = USAGE
        ask_for = staticmethod(ask_for)
        outline = staticmethod(outline)
        billed_tokens = staticmethod(billed_tokens)

    return Kit


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only LangChain's plugin. Nothing is left open, nothing stays current."""
    with record(plugins=["langchain"]) as recording:
        yield recording
        assert peekr.get_current_span() is None
        assert _open_runs() == []
        assert not peekr.stats()["captures"]["failed"]


@pytest.fixture(autouse=True)
def _fresh_failures() -> Iterator[None]:
    from peekr import patching

    patching.failures.clear()
    yield
    patching.failures.clear()


def _open_runs() -> List[Any]:
    runs = sys.modules.get("peekr_langchain.runs")
    return [] if runs is None else list(runs.registry.open)


@pytest.fixture
def run() -> Callable[[Any], Any]:
    """asyncio.run."""
    return asyncio.run
