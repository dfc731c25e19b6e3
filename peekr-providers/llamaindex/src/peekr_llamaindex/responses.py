"""Answers of query and chat engines that come in pieces: the engine's span ends when the last one has come.

What LlamaIndex returns is the user's: its stream is put in its own place again, recorded, and read by nobody else.
"""

from __future__ import annotations

import weakref
from typing import Any, Dict, List

from peekr.capture import LLM_LIMIT, cut
from peekr.settings import settings
from peekr.spans import Span
from peekr_llamaindex.model_streams import Collected, follow, follow_async
from peekr_llamaindex.operations import Operation, registry
from peekr_llamaindex.outline import fields_of

#: Characters of an answer that are kept.
_KEPT = 10 * LLM_LIMIT
#: LlamaIndex' id of the reading of a stream → what has been read.
_heard: Dict[Any, List[str]] = {}
#: id() of a response → what it says, until the engine returns it.
_said: Dict[int, str] = {}


class Tokens(Collected):
    """The tokens of a query engine's answer, which are texts."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._words: List[str] = []
        self._room = _KEPT

    def is_content(self, chunk: Any) -> bool:
        """Whether there is something in it."""
        return bool(chunk)

    def add(self, chunks: List[Any]) -> None:
        """Keep the beginning of the answer."""
        for chunk in chunks:
            if isinstance(chunk, str) and self._room > 0:
                self._words.append(chunk)
                self._room -= len(chunk)

    def finish(self, span: Span) -> None:
        """Set the attributes. In the worker."""
        super().finish(span)
        if settings.capture_io and self._words:
            span.attributes.setdefault("output", cut("".join(self._words), LLM_LIMIT))


def follow_response(operation: Operation, response: Any) -> bool:
    """Leave an operation's span open as long as its answer comes; return whether it does."""
    kind = type(response).__name__
    if kind in ("StreamingResponse", "AsyncStreamingResponse"):
        return _follow_tokens(operation, response)
    if kind == "StreamingAgentChatResponse":
        return _await_writing(operation, response)
    return False


def _follow_tokens(operation: Operation, response: Any) -> bool:
    stream = response.response_gen
    sources = fields_of(response).get("source_nodes")
    if isinstance(sources, list):
        operation.span.attributes["source_count"] = len(sources)
    if hasattr(stream, "__anext__"):
        response.response_gen = follow_async(Tokens(operation), stream)
    elif hasattr(stream, "__next__"):
        response.response_gen = follow(Tokens(operation), stream)
    else:
        return False
    return True


def _await_writing(operation: Operation, response: Any) -> bool:
    """A thread or task of LlamaIndex reads the stream and writes the chat's history: see :func:`written`."""
    key = id(response)
    operation.span.attributes["streaming"] = True
    registry.add(key, operation)
    finalizer = weakref.finalize(response, _dropped, key)
    finalizer.atexit = False
    if response.is_done or _error_of(response) is not None:  # meanwhile
        written(response)
    return True


def _dropped(key: int) -> None:
    operation = registry.take(key)
    if operation is not None:
        operation.span.attributes["stream_incomplete"] = True
        operation.end(finalizing=True)


def hear(writing: Any, delta: Any) -> None:
    """Note a piece of a chat engine's answer; older versions do not keep the whole on the response.

    :param writing: LlamaIndex' id of the reading of the stream.
    """
    if settings.capture_io and isinstance(delta, str):
        heard = _heard.setdefault(writing, [])
        if len(heard) < LLM_LIMIT:
            heard.append(delta)


def written(response: Any, writing: Any = None) -> None:
    """The stream of a chat engine's answer has been read, or has failed: end the engine's span."""
    said = str(response.response or "".join(_heard.pop(writing, ())) or _said.pop(id(response), ""))
    operation = registry.take(id(response))
    if operation is None:  # it was read before the engine returned it
        if said and writing is not None:
            _said[id(response)] = said
            weakref.finalize(response, _said.pop, id(response), None).atexit = False
        return
    if settings.capture_io and said:
        operation.span.attributes["output"] = cut(said, LLM_LIMIT)
    error = _error_of(response)
    if error is not None:
        operation.fail(error)
    else:
        operation.end()


def _error_of(response: Any) -> Any:
    return getattr(response, "exception", None)
