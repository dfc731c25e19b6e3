"""Streams of models: a provider is called when the consumer asks for the first chunk, and its span belongs below.

LlamaIndex tells of the call that returns the stream, and of nothing that is known of the stream by then. So the
streaming methods are patched, of each class that has its own.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, AsyncGenerator, Callable, Generator, Iterable, List, Optional

from peekr.context import current, restore
from peekr.delivery import delivery
from peekr.patching import Patches, note_failure
from peekr.pulling import AsyncPull
from peekr.spans import Span
from peekr.streaming import Gathering, StreamRecorder
from peekr.tracer import close_span
from peekr_llamaindex.answers import answer_facts, answer_message
from peekr_llamaindex.errors import describe_error
from peekr_llamaindex.llm import LLMNotes, begin_call, take_answer
from peekr_llamaindex.operations import Operation, OwnPlace, around
from peekr_llamaindex.outline import fields_of, words_of

METHODS = ("stream_chat", "astream_chat", "stream_complete", "astream_complete")


def patch_class(patches: Patches, kind: Any) -> None:
    """Patch the streaming methods that a class has of its own."""
    for method in METHODS:
        own = vars(kind).get(method)
        if own is not None and not getattr(own, "__isabstractmethod__", False):
            patches.wrap(kind, method, wrap_stream)


def wrap_init_subclass(patches: Patches) -> Callable[[Any], Any]:
    """Wrap the ``__init_subclass__`` of the models' base class, for classes that are yet to come."""

    def wrap(original: Any) -> Any:
        if not inspect.isfunction(original):
            raise TypeError(f"{original!r} is no class method")

        @functools.wraps(original)
        def init_subclass(cls: Any, **kwargs: Any) -> None:
            original(cls, **kwargs)
            try:
                patch_class(patches, cls)
            except Exception as error:
                note_failure("patching a model's class", error)

        return init_subclass

    return wrap


def wrap_stream(original: Any) -> Any:
    """Wrap one of :data:`METHODS`."""
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def astream(self: Any, *args: Any, **kwargs: Any) -> Any:
            operation = _begin(self, original.__name__, args, kwargs)
            if operation is None:
                return await original(self, *args, **kwargs)
            try:
                stream = await original(self, *args, **kwargs)
            except BaseException as error:
                operation.fail(error)
                raise
            return _followed(operation, stream)

        return astream

    @functools.wraps(original)
    def stream(self: Any, *args: Any, **kwargs: Any) -> Any:
        operation = _begin(self, original.__name__, args, kwargs)
        if operation is None:
            return original(self, *args, **kwargs)
        try:
            found = original(self, *args, **kwargs)
        except BaseException as error:
            operation.fail(error)
            raise
        return _followed(operation, found)

    return stream


def _begin(instance: Any, method: str, args: Any, kwargs: Any) -> Optional[Operation]:
    """None if nothing is traced, or if the call is a part of another one of the same model."""
    try:
        if delivery.pipeline is None:
            return None
        outer = around()
        if outer is not None and outer.instance is instance:
            return None
        return begin_call(instance, method, args, kwargs)
    except Exception as error:
        note_failure("the beginning of a LlamaIndex stream", error)
        return None


def _followed(operation: Operation, stream: Any) -> Any:
    """The stream, or an iterator over it that records it."""
    try:
        operation.leave()
        if hasattr(stream, "__anext__"):
            return follow_async(Answer(operation), stream)
        if hasattr(stream, "__next__"):
            return follow(Answer(operation), stream)
        take_answer(operation, stream)
        operation.end()
    except Exception as error:
        note_failure("following a LlamaIndex stream", error)
    return stream


# -- chunks -------------------------------------------------------------------------------------------------------


class Collected(Gathering):
    """Chunks of a stream that an operation hands out.

    :ivar operation: whose span ends with the stream.
    """

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    def seal(self) -> None:
        """Note what has been gathered, before the consumer can change it. In the consumer's thread, or the worker."""

    def finish(self, span: Span) -> None:
        """Set the attributes. In the worker."""
        self.seal()
        self.operation.place.close()
        span.attributes["streaming"] = True
        if self.operation.notes is not None:
            self.operation.notes.resolve(span)


class Answer(Collected):
    """The chunks of a model: each holds the answer so far, a delta, and the provider's own chunk as ``raw``."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._last: Any = None
        self._deltas: List[str] = []
        self._sealed = False

    def is_content(self, chunk: Any) -> bool:
        """Whether the model has said something."""
        fields = fields_of(chunk)
        return bool(fields.get("delta") or (answer_message(chunk) or {}).get("tool_calls"))

    def add(self, chunks: List[Any]) -> None:
        """Keep the last one, and of the others what it does not repeat."""
        notes = self.operation.notes
        assert isinstance(notes, LLMNotes)
        for chunk in chunks:
            fields = fields_of(chunk)
            if isinstance(fields.get("delta"), str):
                self._deltas.append(fields["delta"])
            if fields.get("message") is not None or fields.get("text") is not None:
                self._last = chunk
            notes.facts.update(answer_facts(chunk))

    def seal(self) -> None:
        """Take the answer out of the last chunk."""
        if self._sealed or self._last is None:
            return
        self._sealed = True
        message = answer_message(self._last) or {"role": "assistant"}
        said = "".join(self._deltas)
        if len(words_of(message.get("content"))) < len(said):  # some models' last chunk holds the last piece only
            message["content"] = said
        take_answer(self.operation, self._last, message)

    def preview(self, span: Span, *, answered: bool) -> None:
        """Describe the call whatever may be captured."""
        if answered:
            self.seal()
        notes = self.operation.notes
        if isinstance(notes, LLMNotes):
            notes.preview_answer(span)


# -- iterators ----------------------------------------------------------------------------------------------------


class _Placed:
    """Runs a generator's code under the span that it belongs to; the consumer's own code is under none of it."""

    __slots__ = ("_inner", "_place")

    def __init__(self, inner: Any, place: OwnPlace) -> None:
        self._inner = inner
        self._place = place

    def __iter__(self) -> _Placed:
        return self

    def __next__(self) -> Any:
        token = current.set(self._place)
        try:
            return next(self._inner)
        finally:
            restore(token)

    def close(self) -> None:
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


class _AsyncPlaced:
    """The asynchronous twin of :class:`_Placed`."""

    __slots__ = ("_inner", "_place")

    def __init__(self, inner: Any, place: OwnPlace) -> None:
        self._inner = inner
        self._place = place

    def __aiter__(self) -> _AsyncPlaced:
        return self

    async def __anext__(self) -> Any:
        token = current.set(self._place)
        try:
            return await self._inner.__anext__()
        finally:
            restore(token)

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()


class RecordedStream(AsyncGenerator[Any, None]):
    """An asynchronous generator over the same chunks. Dropping it ends the span."""

    def __init__(self, chunks: AsyncPull, inner: Any) -> None:
        self._chunks = chunks
        self._inner = inner

    async def __anext__(self) -> Any:
        return await self._chunks.__anext__()

    async def asend(self, value: Any) -> Any:
        """Go on; LlamaIndex' generators take no values."""
        return await self._chunks.__anext__()

    async def athrow(self, *error: Any) -> Any:
        """Throw into LlamaIndex' generator."""
        return await self._inner.athrow(*error)

    async def aclose(self) -> None:
        """Close LlamaIndex' generator."""
        await self._chunks.aclose()


def _recorder(collected: Collected) -> StreamRecorder:
    def close(span: Span) -> None:
        try:
            recorder.fold()
            collected.seal()
        except Exception as error:
            note_failure("the end of a LlamaIndex stream", error)
        collected.operation.place.close()
        close_span(span)

    recorder = StreamRecorder(collected.operation.span, collected, describe_error, close)
    return recorder


def follow(collected: Collected, stream: Iterable[Any]) -> Generator[Any, None, None]:
    """Return a generator over the same chunks; the operation's span ends with it."""
    return _recorder(collected).wrap(_Placed(stream, collected.operation.place))


def follow_async(collected: Collected, stream: Any) -> RecordedStream:
    """Return an asynchronous generator over the same chunks; the operation's span ends with it."""
    chunks = _recorder(collected).wrap_async(_AsyncPlaced(stream, collected.operation.place))
    return RecordedStream(chunks, stream)
