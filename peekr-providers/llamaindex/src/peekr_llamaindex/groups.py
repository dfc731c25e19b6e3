"""Which of the methods that LlamaIndex tells of become spans, by the base class that declares them.

LlamaIndex tells of very many. Those that are steps of another one are left out: what they call stands under it.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple
from weakref import WeakKeyDictionary

_CALLS = ("chat", "achat", "complete", "acomplete")
_TEXTS = ("get_query_embedding", "get_text_embedding", "get_text_embedding_batch", "get_image_embedding")
_EMBEDDINGS = (*_TEXTS, *(f"a{name}" for name in _TEXTS))
_CHATS = ("chat", "achat", "stream_chat", "astream_chat")
_RERANKS = ("postprocess_nodes", "_postprocess_nodes")
_RETRIEVALS = ("retrieve", "aretrieve")

#: Base class → methods and their group. Of several base classes the one nearest to the object's own class counts.
_BASES: Mapping[str, Tuple[Tuple[Tuple[str, ...], str], ...]] = {
    "BaseLLM": ((_CALLS, "llm"),),
    "MultiModalLLM": ((_CALLS, "llm"),),
    "BaseEmbedding": ((_EMBEDDINGS, "embed"),),
    "BaseSparseEmbedding": ((_EMBEDDINGS, "embed"),),
    "BaseRetriever": ((_RETRIEVALS, "retrieve"),),
    "BaseQueryEngine": ((("query", "aquery"), "query"),),
    "BaseSynthesizer": ((("synthesize", "asynthesize"), "synthesize"),),
    "BaseNodePostprocessor": ((_RERANKS, "rerank"),),
    "BaseTool": ((("__call__", "call", "acall"), "tool"),),
    "BaseToolAsyncAdapter": ((("__call__", "call", "acall"), ""),),  # the tool inside tells of itself
    "BaseAgent": ((_CHATS, "agent"),),
    "BaseChatEngine": ((_CHATS, "chat"),),
    "StreamingAgentChatResponse": ((("write_response_to_history", "awrite_response_to_history"), "writing"),),
    "BaseWorkflowAgent": ((("run",), "agent_run"),),
    "AgentWorkflow": ((("run",), "agent_run"), (("run_agent_step",), "turn")),
    "Workflow": ((("run",), "run"),),
    "IngestionPipeline": ((("run", "arun"), "ingest"),),
    "QueryPipeline": ((("run", "arun"), "pipeline"),),
}
_LIBRARIES = ("llama_index", "workflows")
_known: WeakKeyDictionary[type, Dict[str, str]] = WeakKeyDictionary()


def groups_of(kind: type) -> Dict[str, str]:
    """Return the methods of a class that become spans, each with its group."""
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = _find(kind)
    return found


def _find(kind: type) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for base in kind.__mro__:
        if base.__module__.split(".", 1)[0] in _LIBRARIES:
            for methods, group in _BASES.get(base.__name__, ()):
                for method in methods:
                    found.setdefault(method, group)
    return found


def group_of(instance: Any, method: str, around: Any) -> Optional[str]:
    """Return the group of a call, or None if it becomes no span.

    :param around: the workflow that is running, if one is: its steps are told of without an instance.
    """
    if instance is not None:
        group = groups_of(type(instance)).get(method)
        if group is not None:
            return group or None
    workflow = around if instance is None else instance
    if workflow is None:
        return None
    own = groups_of(type(workflow))
    if own.get("run") != "run":  # no workflow, or an agent, whose own steps tell nothing
        return own.get(method)
    return "step" if _is_step(type(workflow), method) else None


def _is_step(kind: Any, method: str) -> bool:
    """By the mark of LlamaIndex' decorator; asking an object for its steps evaluates all its properties."""
    if method.startswith("_"):  # LlamaIndex' own
        return False
    function = getattr(kind, method, None)
    marked = any(hasattr(function, name) for name in ("_step_config", "__step_config"))
    return marked or method in (getattr(kind, "_step_functions", None) or ())
