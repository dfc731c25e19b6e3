"""The ways to call a chat model, a completion model, a chain, a tool and a retriever, sync and async."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from peekr.probes import Probe, reach

TOKENS = 18
QUESTION = "What is the capital of France?"
_USAGE: Any = {"input_tokens": 11, "output_tokens": 7, "total_tokens": TOKENS}
_ABOUT = {"model_name": "model-1", "finish_reason": "stop"}
#: Method → the argument after the question, and how often the model is called.
_METHODS: Tuple[Tuple[str, str, Any, int], ...] = (
    ("invoke", "ainvoke", QUESTION, 1),
    ("stream", "astream", QUESTION, 1),
    ("batch", "abatch", [QUESTION, QUESTION], 2),
    ("generate_prompt", "agenerate_prompt", None, 1),
)


def probes() -> List[Probe]:
    """Return all of them."""
    return [
        *of_model("BaseChatModel", chat_model, TOKENS),
        *of_model("chain", _chain, TOKENS, skip=("generate_prompt",)),
        *of_model("BaseLLM", _completion_model, None),
        *_others(),
    ]


def of_model(name: str, make: Callable[[str], Any], tokens: Optional[int], skip: Any = ()) -> List[Probe]:
    """Return the probes of a model or chain that ``make`` makes for the server's URL."""
    found: List[Probe] = []
    for method, twin, given, calls in _METHODS:
        if method in skip:
            continue
        way = {"stream": "streamed", "batch": "batch"}.get(method, "plain")
        total = None if tokens is None else calls * tokens
        found.append(Probe(f"{name}.{method}", _sync(make, method, given), way, False, total, calls))
        found.append(Probe(f"{name}.{method}", _async(make, twin, given), way, True, total, calls))
    found.append(Probe(f"{name}.astream_events", _events(make), "streamed", True, tokens))
    return found


def _given(given: Any) -> Any:
    if given is not None:
        return given
    from langchain_core.prompt_values import StringPromptValue

    return [StringPromptValue(text=QUESTION)]


def _sync(make: Callable[[str], Any], method: str, given: Any) -> Callable[[str], None]:
    def run(url: str) -> None:
        model = make(url)
        try:
            result = reach(model, method)(_given(given))
            if method == "stream":
                list(result)
        finally:
            _close(model)

    return run


def _async(make: Callable[[str], Any], method: str, given: Any) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        model = make(url)
        try:
            result = reach(model, method)(_given(given))
            if method == "astream":
                async for _ in result:
                    pass
            else:
                await result
        finally:
            await _close_async(model)

    return run


def _events(make: Callable[[str], Any]) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        model = make(url)
        try:
            async for _ in reach(model, "astream_events")(QUESTION, version="v2"):
                pass
        finally:
            await _close_async(model)

    return run


def _close(model: Any) -> None:
    """Close the SDK's clients of a model that has some: LangChain keeps them open."""
    client = getattr(model, "root_client", None)
    if client is not None:
        client.close()


async def _close_async(model: Any) -> None:
    _close(model)
    client = getattr(model, "root_async_client", None)
    if client is not None:
        await client.close()


# -- models of this process ----------------------------------------------------------------------------------------


def chat_model(url: str) -> Any:
    """Return a chat model that knows one answer."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    class Model(BaseChatModel):  # type: ignore[misc, unused-ignore]
        @property
        def _llm_type(self) -> str:
            return "doctor"

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
            message = AIMessage(content="Paris.", usage_metadata=_USAGE, response_metadata=_ABOUT)
            return ChatResult(generations=[ChatGeneration(message=message)])

        def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
            yield ChatGenerationChunk(message=AIMessageChunk(content="Paris."))
            last = AIMessageChunk(content="", usage_metadata=_USAGE, response_metadata=_ABOUT)
            yield ChatGenerationChunk(message=last)

    return Model()


def _chain(url: str) -> Any:
    from langchain_core.runnables import RunnableLambda

    return RunnableLambda(lambda question: question) | chat_model(url)


def _completion_model(url: str) -> Any:
    from langchain_core.language_models.llms import LLM

    class Model(LLM):  # type: ignore[misc, unused-ignore]
        @property
        def _llm_type(self) -> str:
            return "doctor"

        def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
            return "Paris."

    return Model()


# -- what is not a model -------------------------------------------------------------------------------------------


def _others() -> List[Probe]:
    arguments: Dict[str, Any] = {"country": "France"}
    return [
        Probe("BaseTool.invoke", _sync(_tool, "invoke", arguments)),
        Probe("BaseTool.invoke", _async(_tool, "ainvoke", arguments), asynchronous=True),
        Probe("BaseRetriever.invoke", _sync(_retriever, "invoke", QUESTION)),
        Probe("BaseRetriever.invoke", _async(_retriever, "ainvoke", QUESTION), asynchronous=True),
    ]


def _tool(url: str) -> Any:
    from langchain_core.tools import StructuredTool

    def capital(country: str) -> str:
        """Return the capital of a country."""
        return "Paris"

    capital.__annotations__ = {"country": str, "return": str}
    return StructuredTool.from_function(capital)


def _retriever(url: str) -> Any:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class Retriever(BaseRetriever):  # type: ignore[misc, unused-ignore]
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> Any:
            return [Document(page_content="Paris is the capital.")]

    return Retriever()
