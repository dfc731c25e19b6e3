"""LiteLLM's streams: they stay what they are, and show what their consumer gets.

The methods ``__next__``, ``__anext__`` and ``aclose`` of their classes are patched; a stream that is followed has a
:class:`Follower`, others pass through.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from typing import Any, ClassVar, Iterator, List, Optional, Tuple, Type

from peekr.patching import Patches, note_failure
from peekr.pulling import Guard
from peekr.spans import Span
from peekr.stainless.models import view
from peekr.streaming import Gathering, StreamRecorder
from peekr_litellm.asking import unasked, usages
from peekr_litellm.call import Call, under_way, underway
from peekr_litellm.chunks import Accumulator, accumulator
from peekr_litellm.errors import describe_error

_KEY = "_peekr"
_METHODS = ("__next__", "__anext__", "aclose")


def is_stream(result: Any) -> bool:
    """Whether a result is yet to come in chunks."""
    kind = type(result)
    return hasattr(kind, "__next__") or hasattr(kind, "__anext__")


def note_stream(call: Call, stream: Any) -> None:
    """Note where a stream keeps its chunks, and who serves it; let it keep to itself what only peekr asked for.

    Never raises.
    """
    try:
        if call.asked:
            unasked(stream, call.options)
        call.take_facts(stream)
        call.beside = _counts_beside()
        call.chunks.extend(each for each in usages(stream) if not any(each is known for known in call.chunks))
    except Exception as error:
        note_failure("noting a stream of LiteLLM", error)


def _counts_beside() -> bool:
    """Whether this version leaves the cache's tokens out of the input of Anthropic's streams."""
    module = sys.modules.get("litellm.llms.anthropic.chat.transformation")
    config = getattr(module, "AnthropicConfig", None)
    return config is not None and not hasattr(config, "calculate_usage")


def wrap_init(original: Any) -> Any:
    """Wrap the constructor of LiteLLM's own streams, some of which are made out of sight."""

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        call = under_way()
        if call is not None:
            note_stream(call, self)

    return init


def follow(call: Call, stream: Any) -> Any:
    """Record a stream in place; a bare generator, which cannot be, is replaced by one."""
    recorder = StreamRecorder(call.span, StreamedCall(call), describe_error)
    if inspect.isgenerator(stream):
        return recorder.wrap(stream)
    try:
        local = "<locals>" in type(stream).__qualname__  # made for this very stream
        patch(Patches("litellm") if local else Follower.patches, type(stream))
        stream.__dict__[_KEY] = Follower(recorder, call)
    except Exception as error:
        note_failure("following a stream of LiteLLM", error)
        if hasattr(type(stream), "__anext__") and not hasattr(type(stream), "__next__"):
            return recorder.wrap_async(stream)
        recorder.end(incomplete=True)
    return stream


def wrap_chunk_creator(original: Any) -> Any:
    """Wrap what makes LiteLLM's chunks of a provider's: older versions drop the one with the token counts."""

    @functools.wraps(original)
    def chunk_creator(self: Any, chunk: Any, *args: Any, **kwargs: Any) -> Any:
        call = under_way()
        if call is not None and view(chunk).get("usage") is not None:
            call.chunks.append([chunk])
        return original(self, chunk, *args, **kwargs)

    return chunk_creator


#: Methods of LiteLLM's own streams, besides those of all streams.
INNER = {"__init__": wrap_init, "chunk_creator": wrap_chunk_creator}


def patch(patches: Patches, stream: Any) -> None:
    """Patch a class of streams, and those it inherits from."""
    for kind in stream.__mro__[:-1]:
        for name in _METHODS:
            if name in vars(kind):
                patches.wrap(kind, name, _WRAPPERS[name])


class Follower(Guard):
    """Ties a stream to its recorder until it is consumed, closed or dropped.

    :cvar patches: for classes of streams that turn up later.
    """

    __slots__ = ("_busy", "_call", "_pull")
    patches: ClassVar[Patches] = Patches("litellm")

    def __init__(self, recorder: StreamRecorder, call: Call) -> None:
        super().__init__(recorder)
        self._call = call
        self._busy = False
        self._pull: Any = None

    def next(self, stream: Any, original: Any) -> Any:
        """Return the next chunk through the recorder."""
        if self._busy or not self._begins(stream, original, _Pulling):  # it calls itself, or another thread does
            return original(stream)
        self._busy, over = True, True
        try:
            chunk = next(self._pull)
            over = False
            return chunk
        finally:
            self._stepped(stream, over)

    async def anext(self, stream: Any, original: Any) -> Any:
        """As :meth:`next`."""
        if self._busy or not self._begins(stream, original, _AsyncPulling):
            return await original(stream)
        self._busy, over = True, True
        try:
            chunk = await self._pull.__anext__()
            over = False
            return chunk
        finally:
            self._stepped(stream, over)

    def _begins(self, stream: Any, original: Any, kind: Type[_Pulling]) -> bool:
        """Make the iterator with the first step; return whether there is one. Never raises."""
        recorder = self._recorder
        if recorder is None:
            return True
        try:
            pulling = kind(stream, original, self._call)
            wrap = recorder.wrap_async if kind is _AsyncPulling else recorder.wrap
            self._pull = wrap(pulling)  # type: ignore[arg-type]
        except Exception as error:
            note_failure("following a stream of LiteLLM", error)
            return False
        self.release()
        return True

    def _stepped(self, stream: Any, over: bool) -> None:
        self._busy = False
        if over:
            stream.__dict__.pop(_KEY, None)


class _Pulling:
    """A stream as what it brings. Holds it weakly: the stream holds this.

    The call is current while LiteLLM looks for the next chunk: the request may go out with the first one only, and
    the Router may turn to another model in mid-stream.
    """

    __slots__ = ("_call", "_original", "_stream")

    def __init__(self, stream: Any, original: Any, call: Call) -> None:
        self._stream = weakref.ref(stream)
        self._original = original
        self._call = call

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with underway(self._call, ends=False):
            return self._original(self._stream())


class _AsyncPulling(_Pulling):
    """Its asynchronous twin."""

    __slots__ = ()

    def __aiter__(self) -> _AsyncPulling:
        return self

    async def __anext__(self) -> Any:
        with underway(self._call, ends=False):
            return await self._original(self._stream())


def _wrap_next(original: Any) -> Any:
    @functools.wraps(original)
    def step(self: Any) -> Any:
        follower: Optional[Follower] = self.__dict__.get(_KEY)
        return original(self) if follower is None else follower.next(self, original)

    return step


def _wrap_anext(original: Any) -> Any:
    @functools.wraps(original)
    async def step(self: Any) -> Any:
        follower: Optional[Follower] = self.__dict__.get(_KEY)
        return await (original(self) if follower is None else follower.anext(self, original))

    return step


def _wrap_aclose(original: Any) -> Any:
    @functools.wraps(original)
    async def aclose(self: Any, *args: Any, **kwargs: Any) -> Any:
        follower = self.__dict__.pop(_KEY, None)
        if follower is not None:
            del follower  # which ends the span
        return await original(self, *args, **kwargs)

    return aclose


_WRAPPERS = {"__next__": _wrap_next, "__anext__": _wrap_anext, "aclose": _wrap_aclose}


class StreamedCall(Gathering):
    """Gathers the chunks of a streamed call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._accumulator: Accumulator = accumulator(call.operation.family)

    def is_content(self, chunk: Any) -> bool:
        return self._accumulator.is_content(chunk)

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        return self._accumulator.said(chunk)

    def preview(self, span: Span, *, answered: bool) -> None:
        self._call.preview(span, self._response() if answered else None)

    def add(self, chunks: List[Any]) -> None:
        for chunk in chunks:
            try:
                self._accumulator.add(chunk)
            except Exception as error:
                note_failure("reading a chunk of LiteLLM", error)

    def is_complete(self) -> bool:
        return self._accumulator.is_complete()

    def finish(self, span: Span) -> None:
        self._call.describe(span, self._response())

    def _response(self) -> Any:
        self._accumulator.add_usages(self._call.chunks)
        return self._accumulator.response()
