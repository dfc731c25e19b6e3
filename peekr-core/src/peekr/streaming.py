"""Record the streams of provider SDKs, without replacing the SDK's stream object.

A provider keeps the SDK's own stream, puts :meth:`StreamRecorder.wrap` (or :meth:`~StreamRecorder.wrap_async`)
around its inner iterator and lets :meth:`StreamRecorder.watch` look at the body's ``close``. The span then ends
once, at the first of: the natural end, an exception, a close in mid-stream, the stream being dropped.

In the consumer's thread a chunk costs one append; chunks are folded by the provider's :class:`Gathering`, now and
then to bound memory and for the rest in the worker. Nothing here sets the current span, so a stream may be consumed
in any thread or task.
"""

from __future__ import annotations

import logging
import weakref
from _thread import start_new_thread
from time import perf_counter_ns
from typing import Any, AsyncIterator, Callable, Generator, Iterator, List, Optional, Set, Tuple

from peekr.delivery import delivery
from peekr.spans import Span
from peekr.tracer import close_span

logger = logging.getLogger("peekr")

#: Chunks kept before they are folded in the consumer's thread.
FOLD_AT = 256
#: Bytes that one kept chunk is taken to weigh in the queue.
CHUNK_BYTES = 500

OnError = Callable[[Span, BaseException], None]

_said: Set[Tuple[str, str]] = set()


def note_failure(what: str, error: BaseException) -> None:
    """Log the first failure of each kind of a capture step; the traced call goes on as if nothing had happened."""
    kind = (what, type(error).__name__)
    if kind not in _said:
        _said.add(kind)
        logger.warning("%s failed and was skipped: %s: %s", what, kind[1], error, exc_info=error)


class Gathering:
    """What one stream brought; a provider subclasses it for each kind of stream.

    Methods get the SDK's own chunk objects, which they must not change except in :meth:`shows`. What they raise
    is logged once and never reaches the consumer.

    :ivar filters: whether :meth:`shows` must be asked for every chunk.
    """

    filters = False

    def is_content(self, chunk: Any) -> bool:
        """Whether the model's output begins with this chunk. Asked until it is so. In the consumer's thread."""
        return True

    def shows(self, chunk: Any) -> bool:
        """Whether the consumer may see the chunk. In the consumer's thread."""
        return True

    def add(self, chunks: List[Any]) -> None:
        """Fold chunks into what is known. In the consumer's thread or in the worker, never in both at once."""

    def is_complete(self) -> bool:
        """Whether everything of value has come, so that a close now cuts nothing off. In the worker."""
        return False

    def finish(self, span: Span) -> None:
        """Set the span's attributes and payload. In the worker; ``span.status`` tells about an error."""


class StreamRecorder:
    """Follows one stream and ends its span.

    :param span: started, not current.
    :param gathering: receives the chunks.
    :param on_error: describes an exception of the stream on the span; by default ``Span.record_error``.
    """

    __slots__ = ("__weakref__", "_chunks", "_first_ns", "_gathering", "_incomplete", "_on_error", "_open", "_watched")
    __slots__ += ("pulling", "span")

    def __init__(self, span: Span, gathering: Gathering, on_error: OnError = Span.record_error) -> None:
        self.span = span
        self._gathering = gathering
        self._on_error = on_error
        self._chunks: List[Any] = []
        self._first_ns = 0
        self._incomplete = False
        self._open = [True]
        self._watched: List[Tuple[Any, str]] = []
        #: Whether the next chunk is being fetched; a close seen then is the stream's own.
        self.pulling = False
        _open_streams.add(self)

    # -- the consumer's side ----------------------------------------------------------------------------------

    def wrap(self, inner: Iterator[Any]) -> Generator[Any, None, None]:
        """Return an iterator over the same chunks. Dropping it, started or not, ends the span."""
        return _pull(inner, self, self._chunks, _Guard(self))

    def wrap_async(self, inner: AsyncIterator[Any]) -> _AsyncPull:
        """Return an asynchronous iterator over the same chunks. Dropping it ends the span."""
        return _AsyncPull(inner, self, self._chunks)

    def watch(self, body: Any, *names: str) -> None:
        """End the span when one of these methods of ``body`` (its ``close``) is called in mid-stream."""
        for name in names:
            if before_call(body, name, self._closed):
                self._watched.append((weakref.ref(body), name))

    def first(self, chunk: Any) -> bool:
        """Note the time if the output begins with this chunk; return whether to go on asking."""
        try:
            if not self._gathering.is_content(chunk):
                return True
        except Exception as error:
            note_failure("reading a stream's chunk", error)
        self._first_ns = perf_counter_ns()
        return False

    def shows(self, chunk: Any) -> bool:
        """Whether the consumer may see the chunk."""
        try:
            return self._gathering.shows(chunk)
        except Exception as error:
            note_failure("filtering a stream's chunk", error)
            return True

    @property
    def filters(self) -> bool:
        """Whether :meth:`shows` must be asked."""
        return self._gathering.filters

    def fold(self) -> None:
        """Hand the kept chunks to the gathering."""
        chunks = self._chunks[:]
        del self._chunks[: len(chunks)]
        try:
            self._gathering.add(chunks)
        except Exception as error:
            note_failure("folding a stream's chunks", error)

    # -- the end ----------------------------------------------------------------------------------------------

    def end(self, error: Optional[BaseException] = None, *, incomplete: bool = False, finalizing: bool = False) -> None:
        """End the span, once; later calls do nothing. Never raises.

        :param incomplete: the consumer stopped before the end.
        :param finalizing: called while an object is collected, in any thread and at any point of its code.
        """
        try:
            self._open.pop()
        except IndexError:
            return
        span = self.span
        try:
            if error is not None:
                self._on_error(span, error)
            self._incomplete = incomplete
            span._size += len(self._chunks) * CHUNK_BYTES
            span._pending = self._resolve
        except Exception as failure:
            note_failure("ending a stream's span", failure)
        if finalizing:
            _emit_from_finalizer(span)
        else:
            self._unwatch()
            close_span(span)

    def _closed(self) -> None:
        if not self.pulling:
            self.end(incomplete=True)

    def _unwatch(self) -> None:
        _open_streams.discard(self)
        while self._watched:
            body, name = self._watched.pop()
            body = body()
            if body is not None:
                body.__dict__.pop(name, None)

    def _resolve(self, span: Span) -> None:
        """The deferred part of the capture; in the worker."""
        attributes = span.attributes
        attributes["streaming"] = True
        if self._first_ns:
            attributes["ttft_ms"] = round((self._first_ns - span._t0) / 1e6, 3)
        self.fold()
        if self._incomplete and not self._gathering.is_complete():
            attributes["stream_incomplete"] = True
        self._gathering.finish(span)


_open_streams: weakref.WeakSet[StreamRecorder] = weakref.WeakSet()


def end_open_streams() -> None:
    """End the spans of all streams that are still open, as incomplete: the process is about to exit."""
    for recorder in list(_open_streams):
        recorder.end(incomplete=True)


class _Guard:
    """Lives in the frame of a recording generator, which is dropped even when it was never started."""

    __slots__ = ("_recorder",)

    def __init__(self, recorder: StreamRecorder) -> None:
        self._recorder = recorder

    def __del__(self) -> None:
        _dropped(self._recorder)


def _dropped(recorder: StreamRecorder) -> None:
    try:
        recorder.end(incomplete=True, finalizing=True)
    except Exception:  # the interpreter is going down and has taken the modules apart
        pass


def _pull(inner: Iterator[Any], recorder: StreamRecorder, chunks: List[Any], guard: _Guard) -> Generator[Any, None, None]:
    keep, filters, waiting = chunks.append, recorder.filters, True
    recorder.pulling = True
    try:
        for chunk in inner:
            keep(chunk)
            if waiting:
                waiting = recorder.first(chunk)
            elif len(chunks) >= FOLD_AT:
                recorder.fold()
            if filters and not recorder.shows(chunk):
                continue
            recorder.pulling = False
            yield chunk
            recorder.pulling = True
    except GeneratorExit:
        recorder.end(incomplete=True, finalizing=True)
        close = getattr(inner, "close", None)
        if close is not None:
            close()
        raise
    except BaseException as error:
        recorder.end(error)
        raise
    recorder.end()


class _AsyncPull:
    """The asynchronous twin of :func:`_pull`; no async generator, whose finaliser belongs to the event loop."""

    __slots__ = ("_chunks", "_filters", "_inner", "_keep", "_next", "_recorder", "_waiting")

    def __init__(self, inner: AsyncIterator[Any], recorder: StreamRecorder, chunks: List[Any]) -> None:
        self._inner = inner
        self._next = inner.__anext__
        self._recorder = recorder
        self._chunks = chunks
        self._keep = chunks.append
        self._filters = recorder.filters
        self._waiting = True

    def __aiter__(self) -> _AsyncPull:
        return self

    async def __anext__(self) -> Any:
        recorder = self._recorder
        recorder.pulling = True
        try:
            while True:
                chunk = await self._next()
                self._keep(chunk)
                if self._waiting:
                    self._waiting = recorder.first(chunk)
                elif len(self._chunks) >= FOLD_AT:
                    recorder.fold()
                if not self._filters or recorder.shows(chunk):
                    recorder.pulling = False
                    return chunk
        except StopAsyncIteration:
            recorder.end()
            raise
        except GeneratorExit:  # the task waiting for the chunk was dropped
            recorder.end(incomplete=True, finalizing=True)
            raise
        except BaseException as error:
            recorder.end(error)
            raise

    async def aclose(self) -> None:
        """Close the SDK's iterator."""
        self._recorder.end(incomplete=True)
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()

    def __del__(self) -> None:
        _dropped(self._recorder)


def before_call(owner: Any, name: str, action: Callable[[], None]) -> bool:
    """Let ``action`` run before each call of one object's method; return whether that could be arranged.

    The object holds the hook in its ``__dict__`` (``owner.__dict__.pop(name)`` takes it away) and the hook holds
    the object weakly: no cycle keeps the object alive. ``action`` must not raise.
    """
    reference = weakref.ref(owner)
    method = getattr(type(owner), name, None)
    if method is None or name in getattr(owner, "__dict__", (name,)):
        return False

    def hooked(*args: Any, **kwargs: Any) -> Any:
        action()
        alive = reference()
        return None if alive is None else method(alive, *args, **kwargs)

    owner.__dict__[name] = hooked
    return True


def _emit_from_finalizer(span: Span) -> None:
    """End and emit a span where no lock may be taken: the collector may have interrupted whoever holds it."""
    if span._t1:
        return
    span._t1 = perf_counter_ns()
    if delivery.pipeline is None:
        return
    hooked = bool(delivery.end_hooks)
    if not hooked:
        delivery.queue.append(span)
    try:  # what may need a lock is left to a thread of its own, which can wait for it
        if hooked:
            start_new_thread(delivery.emit_slowly, (span,))
        elif not delivery.limit:
            start_new_thread(delivery._rouse, ())
    except RuntimeError:  # no thread can be started any more: the last flush takes what is queued
        pass
