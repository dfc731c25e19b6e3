"""Models, agents and indexes of LlamaIndex' own kind, with nothing behind them but a script."""

from __future__ import annotations

import gc
import sys
import time
import warnings
from importlib import import_module
from typing import Any, Iterator, List, Optional

import pytest

import peekr
from peekr.spans import Span
from peekr.testing import Recording, record
from peekr.tracer import Tracer

#: Needs nothing of LlamaIndex.
_PURE = ("test_extraction.py",)
_missing: Optional[str] = None

with warnings.catch_warnings():  # LlamaIndex' own, and those of what it imports
    warnings.simplefilter("ignore")
    try:
        import_module("llama_index.core")
        import_module("llama_index.core.agent")
        import_module("llama_index.core.workflow")
    except Exception as error:  # its releases for Python 3.9 do not import there with all that pip takes
        _missing = f"llama-index-core cannot be imported ({type(error).__name__}: {error})"

#: LlamaIndex' own: of what it uses of pydantic, and of connections that it leaves to the collector.
_WARNINGS = ("DeprecationWarning", "ResourceWarning", "pytest.PytestUnraisableExceptionWarning")


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Skip by name what needs LlamaIndex where it is not installed; let its own warnings pass."""
    for item in items:
        if item.path.parent.name != "llamaindex" or item.path.name in _PURE:
            continue
        item.add_marker(pytest.mark.filterwarnings(*(f"ignore::{one}" for one in _WARNINGS)))
        if _missing is not None:
            item.add_marker(pytest.mark.skip(reason=_missing))


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    """Collect here what LlamaIndex leaves to the collector, before another test meets its end."""
    yield
    collect()


def collect() -> None:
    """Collect, whatever is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
RAW = {"id": "answer-1", "model": "model-1-2024", "usage": USAGE, "choices": [{"finish_reason": "stop"}]}


class Ask:
    """What a scripted model is to answer: a text, or calls of tools."""

    def __init__(self, text: str = "", **tools: Any) -> None:
        self.text = text
        self.calls = [
            {"id": f"call-{number}", "function": {"name": name, "arguments": args}}
            for number, (name, args) in enumerate(tools.items(), 1)
        ]


def _make_kit() -> Any:
    """Build the classes below; LlamaIndex has to be there."""
    from llama_index.core import Document, MockEmbedding, VectorStoreIndex
    from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
    from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
    from llama_index.core.llms.function_calling import FunctionCallingLLM
    from llama_index.core.llms.llm import ToolSelection

    class ScriptedLLM(FunctionCallingLLM):
        """Answers with its script, the last answer again and again; stands for an integration.

        :ivar sdk: whether a provider plugin records the call below.
        :ivar error: raised instead of an answer, of a stream before or after its first chunk.
        :ivar raw: the provider's own answer.
        """

        script: Any = ("Paris.",)
        sdk: bool = False
        error: Any = None
        late: bool = False
        raw: Any = RAW
        before: Any = None
        temperature: float = 0.5

        @property
        def metadata(self) -> Any:
            return LLMMetadata(model_name="model-1", is_chat_model=True, is_function_calling_model=True)

        def _call(self, late: bool = False) -> None:
            if self.before is not None and not late:
                self.before()
            if self.sdk and not late:
                tracer = Tracer()
                span = tracer.start("sdk.chat", kind="llm")
                span.attributes.update(model="model-1-2024", tokens_input=11, tokens_output=7, tokens_total=18)
                tracer.end(span)
            if self.error is not None and late is self.late:
                raise self.error

        def _next(self) -> Any:
            first, *rest = self.script
            self.script = rest or [first]
            return first if isinstance(first, Ask) else Ask(first)

        def _response(self, text: str, calls: Any, delta: Any = None, raw: Any = None) -> Any:
            extra = {"tool_calls": calls} if calls else {}
            message = ChatMessage(role="assistant", content=text, additional_kwargs=extra)
            return ChatResponse(message=message, delta=delta, raw=raw)

        def _chunks(self) -> Iterator[Any]:
            self._call()
            answer, text = self._next(), ""
            for piece in [answer.text[:3], answer.text[3:]]:
                text += piece
                yield self._response(text, None, piece, {"model": "model-1-2024"})
                if self.error is not None and self.late:
                    raise self.error
            yield self._response(text, answer.calls, "", self.raw)

        @llm_chat_callback()
        def chat(self, messages: Any, **kwargs: Any) -> Any:
            self._call()
            answer = self._next()
            return self._response(answer.text, answer.calls, raw=self.raw)

        @llm_chat_callback()
        async def achat(self, messages: Any, **kwargs: Any) -> Any:
            self._call()
            answer = self._next()
            return self._response(answer.text, answer.calls, raw=self.raw)

        @llm_chat_callback()
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            return self._chunks()

        @llm_chat_callback()
        async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            async def chunks() -> Any:
                for chunk in self._chunks():
                    yield chunk

            return chunks()

        def _completion(self, text: str, delta: Any = None) -> Any:
            return CompletionResponse(text=text, delta=delta, raw=self.raw)

        @llm_completion_callback()
        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            self._call()
            return self._completion(self._next().text)

        @llm_completion_callback()
        async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            self._call()
            return self._completion(self._next().text)

        @llm_completion_callback()
        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            return (self._completion(chunk.message.content, chunk.delta) for chunk in self._chunks())

        @llm_completion_callback()
        async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            async def chunks() -> Any:
                for chunk in self._chunks():
                    yield self._completion(chunk.message.content, chunk.delta)

            return chunks()

        def _prepare_chat_with_tools(
            self, tools: Any, user_msg: Any = None, chat_history: Any = None, **kwargs: Any
        ) -> Any:
            said = [*(chat_history or []), *([user_msg] if user_msg else [])]
            said = [ChatMessage(role="user", content=one) if isinstance(one, str) else one for one in said]
            return {"messages": said, "tools": [tool.metadata.to_openai_tool() for tool in tools]}

        def get_tool_calls_from_response(self, response: Any, *args: Any, **kwargs: Any) -> Any:
            return [
                ToolSelection(
                    tool_id=call["id"], tool_name=call["function"]["name"], tool_kwargs=call["function"]["arguments"]
                )
                for call in response.message.additional_kwargs.get("tool_calls", ())
            ]

    class Kit:
        llm = ScriptedLLM
        ask = Ask
        raw = RAW
        outline = staticmethod(outline)
        settle = staticmethod(settle)
        billed_tokens = staticmethod(billed_tokens)

        @staticmethod
        def messages(*texts: str) -> Any:
            return [ChatMessage(role="user", content=text) for text in texts]

        @staticmethod
        def index() -> Any:
            """An index of two documents, in memory."""
            texts = ("Paris is the capital of France.", "Rome is the capital of Italy.")
            documents = [Document(text=text, metadata={"number": number}) for number, text in enumerate(texts)]
            return VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=4))

    return Kit


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


def settle() -> None:
    """Wait until threads of LlamaIndex have ended what they do."""
    end = time.monotonic() + 10
    while _under_way() and time.monotonic() < end:
        time.sleep(0.005)


def billed_tokens(spans: List[Span]) -> int:
    """What readers count."""
    from peekr import runs

    return sum(runs.tokens_of(span) for span in spans)


_kit: List[Any] = []


@pytest.fixture
def kit() -> Any:
    """The builders above, as fixtures are the only way to share them."""
    if not _kit:
        _kit.append(_make_kit())
    return _kit[0]


@pytest.fixture
def recording(kit: Any) -> Iterator[Recording]:
    """Tracing with only LlamaIndex' plugin. Nothing is left open, nothing stays current."""
    with record(plugins=["llamaindex"]) as recording:
        yield recording
        collect()
        assert peekr.get_current_span() is None
        assert _under_way() == []
        assert not peekr.stats()["captures"]["failed"]


@pytest.fixture(autouse=True)
def _fresh_failures() -> Iterator[None]:
    from peekr import patching

    patching.failures.clear()
    yield
    patching.failures.clear()


def _under_way() -> List[Any]:
    operations = sys.modules.get("peekr_llamaindex.operations")
    return [] if operations is None else list(operations.registry.open)
