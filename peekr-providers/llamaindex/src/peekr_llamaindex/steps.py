"""Each group of operations: what its span is called, of which kind it is, what is noted of its arguments and result.

The arguments are those of LlamaIndex' method by name. All of it runs in the caller's thread, and takes copies.
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any, Callable, Dict, Mapping, Optional

import attrs

from peekr.capture import FUNCTION_LIMIT, LLM_LIMIT, cut, snapshot
from peekr.patching import note_failure
from peekr.settings import settings
from peekr.spans import Span
from peekr_llamaindex import agents, llm, tools
from peekr_llamaindex.embedding import take_embeddings, take_texts
from peekr_llamaindex.operations import Operation, begin
from peekr_llamaindex.outline import FEW, fields_of, node_text, outline, scores_of
from peekr_llamaindex.responses import follow_response

Arguments = Mapping[str, Any]

#: Nodes whose text stands in the attributes, and characters of each.
_NODES, _NODE = 20, 200


def _nothing(operation: Operation, value: Any) -> None:
    pass


# -- what is noted ------------------------------------------------------------------------------------------------


def take_input(span: Span, value: Any) -> None:
    """Note what went in, as it is now."""
    if settings.capture_io and value is not None:
        span._input = taken = snapshot(outline(value, FEW), FUNCTION_LIMIT)
        span._size += len(taken)


def take_output(operation: Operation, value: Any) -> None:
    """Note what came out."""
    span = operation.span
    if settings.capture_io and value is not None:
        span._output = taken = snapshot(outline(value, FEW), FUNCTION_LIMIT)
        span._size += len(taken)


def _query_of(arguments: Arguments) -> Optional[str]:
    for name in ("str_or_query_bundle", "query", "query_bundle", "query_str", "message"):
        value = arguments.get(name)
        value = fields_of(value).get("query_str", value)
        if isinstance(value, str) and value:
            return value
    return None


def _take_query(operation: Operation, arguments: Arguments) -> None:
    query = _query_of(arguments)
    if settings.capture_io and query is not None:
        operation.span.attributes["input"] = cut(query, LLM_LIMIT)


def _take_search(operation: Operation, arguments: Arguments) -> None:
    _take_query(operation, arguments)
    if "input" in operation.span.attributes:
        operation.span.attributes["rag.query"] = operation.span.attributes["input"]


def _take_nodes(operation: Operation, found: Any) -> None:
    """Note what was found: how much, with which scores, and the beginning of each text."""
    nodes = list(found) if isinstance(found, (list, tuple)) else []
    attributes = operation.span.attributes
    attributes["document_count"] = attributes["rag.docs_count"] = len(nodes)
    attributes["scores"] = scores_of(nodes[:_NODES])
    if settings.capture_io:
        attributes["rag.retrieved_docs"] = [cut(node_text(node), _NODE) for node in nodes[:_NODES]]
        operation.span._output = taken = snapshot(outline(nodes, FEW), LLM_LIMIT)
        operation.span._size += len(taken)


def _take_ranking(operation: Operation, arguments: Arguments) -> None:
    _take_search(operation, arguments)
    nodes = arguments.get("nodes")
    if isinstance(nodes, (list, tuple)):
        operation.span.attributes["input_count"] = len(nodes)


def _take_response(operation: Operation, response: Any) -> None:
    sources = fields_of(response).get("source_nodes")
    if isinstance(sources, list):
        operation.span.attributes["source_count"] = len(sources)
    text = fields_of(response).get("response")
    if settings.capture_io and isinstance(text, str):
        operation.span.attributes["output"] = cut(text, LLM_LIMIT)
    else:
        take_output(operation, text if text is not None else response)


def _take_documents(operation: Operation, arguments: Arguments) -> None:
    documents = arguments.get("documents") or arguments.get("nodes")
    if isinstance(documents, (list, tuple)):
        operation.span.attributes["input_count"] = len(documents)


def _take_made(operation: Operation, nodes: Any) -> None:
    if isinstance(nodes, (list, tuple)):
        operation.span.attributes["document_count"] = len(nodes)


def _take_values(operation: Operation, arguments: Arguments) -> None:
    """The arguments that say something: of a step its event, of a pipeline its inputs."""
    given = agents.plain_arguments(arguments)
    take_input(operation.span, next(iter(given.values())) if len(given) == 1 else given)


# -- names --------------------------------------------------------------------------------------------------------


def _called(name: str) -> Callable[[Any, str, Arguments], str]:
    return lambda instance, method, arguments: name


def _rerank_name(instance: Any, method: str, arguments: Arguments) -> str:
    return "llamaindex.rerank" if "rerank" in type(instance).__name__.lower() else "llamaindex.postprocess"


@attrs.frozen
class Shape:
    """One group.

    :ivar name: instance, method and arguments → the span's name.
    :ivar take: notes the arguments.
    :ivar give: notes the result.
    """

    kind: str
    name: Callable[[Any, str, Arguments], str]
    take: Callable[[Operation, Arguments], None] = _nothing
    give: Callable[[Operation, Any], None] = _nothing


SHAPES: Dict[str, Shape] = {
    "embed": Shape("embedding", _called("llamaindex.embed"), take_texts, take_embeddings),
    "retrieve": Shape("retrieval", _called("llamaindex.retrieve"), _take_search, _take_nodes),
    "rerank": Shape("retrieval", _rerank_name, _take_ranking, _take_nodes),
    "query": Shape("chain", _called("llamaindex.query"), _take_query, _take_response),
    "synthesize": Shape("chain", _called("llamaindex.synthesize"), _take_query, _take_response),
    "chat": Shape("chain", _called("llamaindex.chat"), _take_query, _take_response),
    "agent": Shape("agent", agents.agent_name, _take_query, _take_response),
    "agent_run": Shape("agent", agents.agent_name, agents.take_start, agents.take_result),
    "turn": Shape("agent", agents.turn_name, agents.take_turn, agents.take_result),
    "run": Shape("chain", agents.workflow_name, agents.take_start, agents.take_result),
    "step": Shape("chain", agents.step_name, _take_values, take_output),
    "tool": Shape("tool", tools.tool_name, tools.take_call, tools.take_result),
    "ingest": Shape("chain", _called("llamaindex.ingest"), _take_documents, _take_made),
    "pipeline": Shape("chain", _called("llamaindex.pipeline"), _take_values, take_output),
}


# -- the beginning and the end ------------------------------------------------------------------------------------


def start(group: str, instance: Any, method: str, arguments: Arguments) -> Operation:
    """Begin an operation's span and note the arguments."""
    if group == "llm":
        return llm.begin_call(instance, method, *_call_arguments(arguments))
    shape = SHAPES[group]
    operation = begin(shape.name(instance, method, arguments), shape.kind, group, instance)
    try:
        if instance is not None:
            operation.span.attributes["component"] = type(instance).__name__
        shape.take(operation, arguments)
    except Exception as error:  # the operation is under way all the same
        note_failure(f"the arguments of LlamaIndex' {method}", error)
    return operation


def _call_arguments(arguments: Arguments) -> Any:
    """The positional and the named arguments of a model's method, however its signature takes them."""
    named = {name: value for name, value in arguments.items() if name not in ("args", "kwargs")}
    return tuple(arguments.get("args") or ()), {**named, **(arguments.get("kwargs") or {})}


def finish(operation: Operation, result: Any) -> None:
    """Note the result and end the operation's span; with a streamed answer it ends when that does."""
    future, error = operation.place.future, None
    try:
        if future is not None and future.done():
            error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            pass
        elif operation.group == "llm":
            llm.take_answer(operation, result)
        else:
            operation.leave()
            if follow_response(operation, result):
                return
            SHAPES[operation.group].give(operation, result)
    except Exception as failure:
        note_failure(f"the result of LlamaIndex' {operation.span.name}", failure)
    if error is None:
        operation.end()
    else:
        operation.fail(error)
