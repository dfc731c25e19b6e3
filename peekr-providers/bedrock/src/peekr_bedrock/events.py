"""Event streams: recorded as the caller takes the events, from the SDK's own stream object.

Kept are the messages as they came over the wire, which nobody changes, not the events made of them, which the
caller may. The span ends with the stream, with an error in it, when it is closed, or when it is let go.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import Any, Dict, Iterator, List, Tuple

import msgspec

from peekr.patching import note_failure
from peekr.spans import Span
from peekr.streaming import Gathering, StreamRecorder
from peekr_bedrock.agentic import AgenticFold, OptimizeFold
from peekr_bedrock.agents import AgentFold, FlowFold, Fold, RagFold, blob
from peekr_bedrock.answer import Json
from peekr_bedrock.call import Call
from peekr_bedrock.converse import ConverseFold
from peekr_bedrock.errors import describe_error
from peekr_bedrock.folds import InvokeFold

#: Events before the model's output.
_PREFACE = frozenset(
    ("messageStart", "message_start", "content_block_start", "contentBlockStart", "ping", "trace", "traceEvent")
)


def read_event(event: Any) -> Tuple[str, Json]:
    """Return name and data of an event: a message of the wire, or an event that the SDK has parsed."""
    if isinstance(event, dict):
        name, data = next(iter(event.items()), ("", {}))
    else:
        headers = event.headers
        name = headers.get(":event-type") or headers.get(":exception-type")
        data = msgspec.json.decode(event.payload) if event.payload else {}
    return str(name), data if isinstance(data, dict) else {}


class _ConverseStream(ConverseFold):
    """ConverseStream, whose end may be missing."""

    @property
    def cut(self) -> bool:
        """Whether the end is missing."""
        return not self.complete


class _InvokeStream(InvokeFold):
    """InvokeModelWithResponseStream: an event is a chunk of the model's own format."""

    def add(self, name: str, event: Json) -> None:  # type: ignore[override]
        """Fold one event."""
        chunk = _chunk(event)
        if isinstance(chunk, dict):
            super().add(chunk)


#: Where events and chunks of any model keep text: what the model said, thought, or gives to a tool.
_SAID = frozenset(
    ("text", "completion", "generation", "outputText", "content", "thinking", "partial_json", "arguments", "input")
)


def words(value: Any, where: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, str]]:
    """Yield the texts of an event, each with the path that its continuation in later events has too."""
    if isinstance(value, dict):
        where = (*where, value.get("contentBlockIndex"), value.get("index"))
        for name, item in value.items():
            if isinstance(item, str) and item and name in _SAID:
                yield (*where, name), item
            elif isinstance(item, (dict, list)):
                yield from words(item, (*where, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from words(item, (*where, at))


def _chunk(event: Json) -> Any:
    return msgspec.json.decode(blob(event.get("bytes")) or b"null")


class _ListFold(Fold):
    """Keeps the events of a stream of no special reading."""

    def __init__(self) -> None:
        self._events: List[Dict[str, Any]] = []

    def add(self, name: str, event: Json) -> None:
        self._events.append({name: event})

    def response(self) -> Dict[str, Any]:
        return {"events": self._events}


_FOLDS: Dict[str, Any] = {
    "converse": _ConverseStream,
    "invoke": _InvokeStream,
    "agent": AgentFold,
    "rag": RagFold,
    "flow": FlowFold,
    "agentic": AgenticFold,
    "optimize": OptimizeFold,
}


class StreamedCall(Gathering):
    """Gathers the events of a streamed call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._fold = _FOLDS.get(call.operation.family, _ListFold)()

    def is_content(self, chunk: Any) -> bool:
        name, event = read_event(chunk)
        if name == "chunk" and self._call.operation.family == "invoke":
            inner = _chunk(event)
            name = str(inner.get("type") or next(iter(inner), "")) if isinstance(inner, dict) else ""
        return name not in _PREFACE

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        name, event = read_event(chunk)
        inner = _chunk(event) if name == "chunk" and self._call.operation.family == "invoke" else event
        if name == "chunk" and self._call.operation.family == "agent":
            yield None, blob(event.get("bytes")).decode("utf-8", "replace")
        elif isinstance(inner, dict):
            yield from words(inner)

    def preview(self, span: Span, *, answered: bool) -> None:
        self._call.preview(span, self._fold.response() if answered else None)

    def add(self, chunks: List[Any]) -> None:
        for chunk in chunks:
            try:
                self._fold.add(*read_event(chunk))
            except Exception as error:
                note_failure("reading an event of a Bedrock stream", error)

    def is_complete(self) -> bool:
        return bool(self._fold.complete)

    def finish(self, span: Span) -> None:
        if self._fold.cut and span.status == "ok":
            span.attributes["stream_incomplete"] = True
        self._call.describe(span, self._fold.response())


def follow_stream(call: Call, stream: Any) -> bool:
    """Record an event stream in place; return False if it is none of the SDK's."""
    inner: Any = getattr(stream, "_event_generator", None)
    if not (hasattr(inner, "__next__") or hasattr(inner, "__anext__")):
        return False
    recorder = StreamRecorder(call.span, StreamedCall(call), describe_error)
    followed = False
    try:
        _watch_errors(stream, recorder)
        recorder.watch(stream, "close")
        wrap = recorder.wrap_async if hasattr(inner, "__anext__") else recorder.wrap
        stream._event_generator = wrap(inner)
        followed = True
    finally:
        if not followed:
            recorder.cancel()
    return True


def _watch_errors(stream: Any, recorder: StreamRecorder) -> None:
    """End the span with the exception that an error event becomes; the SDK makes it of the message we hand on."""
    method = getattr(type(stream), "_parse_event", None)
    if method is None:
        return
    reference = weakref.ref(stream)

    @functools.wraps(method)
    def parse(event: Any) -> Any:
        try:
            return method(reference(), event)
        except BaseException as error:
            recorder.end(error)
            raise

    @functools.wraps(method)
    async def parse_async(event: Any) -> Any:
        try:
            return await method(reference(), event)
        except BaseException as error:
            recorder.end(error)
            raise

    stream.__dict__["_parse_event"] = parse_async if inspect.iscoroutinefunction(method) else parse


def gather_at_once(call: Call, events: List[Any]) -> None:
    """End a call whose stream is a plain list of events: a stub's."""
    recorder = StreamRecorder(call.span, StreamedCall(call), describe_error)
    for event in recorder.wrap(iter(list(events))):
        del event
