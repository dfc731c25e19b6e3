"""The ways to call a model, an embedding model, a tool, a retriever and a query engine, sync and async."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, List

from peekr.probes import Probe, reach

TOKENS = 18
QUESTION = "What is the capital of France?"
_RAW = {
    "model": "model-1",
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": TOKENS},
    "choices": [{"finish_reason": "stop"}],
}


def probes() -> List[Probe]:
    """Return all of them."""
    return [*of_model("LLM", model, TOKENS), *_others()]


def of_model(name: str, make: Callable[[str], Any], tokens: int) -> List[Probe]:
    """Return the probes of a model that ``make`` makes for the server's URL."""
    found: List[Probe] = []
    for method, asked in (("chat", _messages), ("complete", lambda: QUESTION)):
        found += [
            Probe(f"{name}.{method}", _sync(make, method, asked), tokens=tokens),
            Probe(f"{name}.{method}", _async(make, f"a{method}", asked), asynchronous=True, tokens=tokens),
            Probe(f"{name}.stream_{method}", _sync(make, f"stream_{method}", asked), "streamed", tokens=tokens),
            Probe(f"{name}.stream_{method}", _async(make, f"astream_{method}", asked), "streamed", True, tokens),
        ]
    return found


def _messages() -> Any:
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role="user", content=QUESTION)]


def _sync(make: Callable[[str], Any], method: str, given: Callable[[], Any]) -> Callable[[str], None]:
    def run(url: str) -> None:
        result = reach(make(url), method)(given())
        if method.startswith("stream"):
            list(result)

    return run


def _async(make: Callable[[str], Any], method: str, given: Callable[[], Any]) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        result = await reach(make(url), method)(given())
        if method.startswith("astream"):
            async for _ in result:
                pass

    return run


def model(url: str) -> Any:
    """Return a model that knows one answer."""
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
    from llama_index.core.llms.callbacks import llm_completion_callback

    class Model(CustomLLM):  # type: ignore[misc, unused-ignore]
        @property
        def metadata(self) -> Any:
            return LLMMetadata(model_name="model-1")

        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            return CompletionResponse(text="Paris.", raw=_RAW)

        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            def chunks() -> Any:
                yield CompletionResponse(text="Par", delta="Par", raw={})
                yield CompletionResponse(text="Paris.", delta="is.", raw=_RAW)

            return chunks()

        complete = llm_completion_callback()(complete)
        stream_complete = llm_completion_callback()(stream_complete)

    return Model()


# -- what is not a model -------------------------------------------------------------------------------------------


def _others() -> List[Probe]:
    found: List[Probe] = []
    for owner, make, method, given, tokens in (
        ("BaseEmbedding", _embedding, "get_query_embedding", QUESTION, None),
        ("BaseEmbedding", _embedding, "get_text_embedding", QUESTION, None),
        ("BaseEmbedding", _embedding, "get_text_embedding_batch", [QUESTION], None),
        ("BaseTool", _tool, "call", "France", None),
        ("BaseRetriever", _retriever, "retrieve", QUESTION, None),
        ("BaseQueryEngine", _query_engine, "query", QUESTION, TOKENS),
    ):
        entry, asked = f"{owner}.{method}", partial(_same, given)
        found += [
            Probe(entry, _sync(make, method, asked), tokens=tokens),
            Probe(entry, _async(make, f"a{method}", asked), asynchronous=True, tokens=tokens),
        ]
    return found


def _same(given: Any) -> Any:
    return given


def _embedding(url: str) -> Any:
    from llama_index.core.embeddings import MockEmbedding

    return MockEmbedding(embed_dim=2)


def _tool(url: str) -> Any:
    from llama_index.core.tools import FunctionTool

    def capital(country: str) -> str:
        """Return the capital of a country."""
        return "Paris"

    return FunctionTool.from_defaults(capital, name="capital", description="The capital of a country.")


def _retriever(url: str) -> Any:
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    class Retriever(BaseRetriever):  # type: ignore[misc, unused-ignore]
        def _retrieve(self, query: Any) -> Any:
            return [NodeWithScore(node=TextNode(text="Paris is the capital."), score=1.0)]

    return Retriever()


def _query_engine(url: str) -> Any:
    from llama_index.core.query_engine import RetrieverQueryEngine

    return RetrieverQueryEngine.from_args(_retriever(url), llm=model(url))
