"""Record the streams of provider SDKs, without replacing the SDK's stream object.

A provider keeps the SDK's own stream, puts :meth:`StreamRecorder.wrap` (or :meth:`~StreamRecorder.wrap_async`)
around its inner iterator and lets :meth:`StreamRecorder.watch` look at the body's ``close``. The span then ends
once, at the first of: the natural end, an exception, a close in mid-stream, the stream being dropped.

In the consumer's thread a chunk costs one append; chunks are folded by the provider's :class:`Gathering` in the
worker, and now and then on the way where a stream is long or there are many, to bound memory. Nothing here sets the
current span, so a stream may be consumed in any thread or task.
"""

from __future__ import annotations

import os
import weakref
from time import perf_counter_ns
from typing import Any, AsyncIterator, Callable, Generator, Iterable, Iterator, List, Optional, Tuple

from peekr.delivery import delivery
from peekr.guarding import answers
from peekr.patching import before_call, note_failure
from peekr.pulling import AsyncPull, Guard, pull
from peekr.spans import Span
from peekr.tracer import close_span

#: Bytes that one kept chunk is taken to weigh in the queue.
CHUNK_BYTES = 2500
#: Chunks that all open streams together may keep for the worker (about 20 MB), and one of them at least and at most.
MAX_KEPT, MIN_KEPT, MAX_KEPT_OF_ONE = 8192, 32, 512

OnError = Callable[[Span, BaseException], None]


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

    def said(self, chunk: Any) -> Iterable[Tuple[Any, str]]:
        """Return the text that a chunk adds to the answer, each with the part of the answer that it goes on with.

        Asked only where guardrails look at streams; what is not told here is checked at the end. In the consumer's
        thread.
        """
        return ()

    def preview(self, span: Span, *, answered: bool) -> None:
        """Set the attributes that are known on ``span``, a copy, even where nothing may be captured.

        :param answered: with what has been folded so far, as :meth:`finish` does; without it, those of the request.
        """

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
    :param close: ends the span; by default it is handed to the exporters at once.
    """

    __slots__ = (
        "__weakref__",
        "_chunks",
        "_close",
        "_first_ns",
        "_gathering",
        "_incomplete",
        "_on_error",
        "_open",
        "_watched",
        "pulling",
        "span",
    )

    def __init__(
        self,
        span: Span,
        gathering: Gathering,
        on_error: OnError = Span.record_error,
        close: Callable[[Span], None] = close_span,
    ) -> None:
        self.span = span
        self._close = close
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
        if answers(self.span):
            from peekr import windows

            return windows.pull(inner, self, self._chunks, Guard(self), windows.Windows(self))
        return pull(inner, self, self._chunks, Guard(self))

    def wrap_async(self, inner: AsyncIterator[Any]) -> AsyncPull:
        """Return an asynchronous iterator over the same chunks. Dropping it ends the span."""
        if answers(self.span):
            from peekr.windows import GuardedAsyncPull, Windows

            return GuardedAsyncPull(inner, self, self._chunks, Windows(self))
        return AsyncPull(inner, self, self._chunks)

    def watch(self, body: Any, *names: str) -> None:
        """End the span when one of these methods of ``body`` (its ``close``) is called in mid-stream."""
        self.on_close(body, self._closed, *names)

    def on_close(self, body: Any, action: Callable[[], None], *names: str) -> None:
        """As :meth:`watch`, with an action of the provider's own, which must not raise."""
        for name in names:
            if before_call(body, name, action):
                self._watched.append((weakref.ref(body), name))

    def cancel(self) -> None:
        """Forget the stream without ending its span: it turned out to be none."""
        self._open.clear()
        self._unwatch()
        _open_streams.discard(self)

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
    def fold_at(self) -> int:
        """How many chunks to keep before folding them in the consumer's thread: a share of what all streams may."""
        return max(min(MAX_KEPT // max(len(_open_streams), 1), MAX_KEPT_OF_ONE), MIN_KEPT)

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

    # -- for guardrails ---------------------------------------------------------------------------------------

    def said(self, chunk: Any) -> Iterable[Tuple[Any, str]]:
        """Return the text that a chunk adds to the answer."""
        try:
            return list(self._gathering.said(chunk))
        except Exception as error:
            note_failure("reading a stream's chunk", error)
            return ()

    def preview_request(self, view: Span) -> None:
        """Describe the request on a copy of the span."""
        self._gathering.preview(view, answered=False)

    def preview(self, view: Span) -> None:
        """Describe the request and all of the answer on a copy of the span."""
        self.fold()
        self._gathering.preview(view, answered=True)

    def bodies(self) -> List[Any]:
        """Return what :meth:`watch` was given, as far as it is alive."""
        alive = [body() for body, _ in self._watched]
        return list({id(body): body for body in alive if body is not None}.values())

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
        self._unwatch()
        if finalizing:
            close_from_finalizer(span)
        else:
            _open_streams.discard(self)
            self._close(span)

    def _closed(self) -> None:
        if not self.pulling:
            self.end(incomplete=True)

    def _unwatch(self) -> None:
        while self._watched:
            body, name = self._watched.pop()
            body = body()
            if body is not None:
                body.__dict__.pop(name, None)

    def _resolve(self, span: Span) -> None:
        """The deferred part of the capture; in the worker."""
        attributes = span.attributes
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


def _after_fork_in_child() -> None:
    """The streams that were open are the parent's, which will end their spans."""
    for recorder in list(_open_streams):
        recorder.cancel()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def close_from_finalizer(span: Span) -> None:
    """End and emit a span where no lock may be taken: the collector may have interrupted whoever holds it."""
    if not span._t1:
        span._t1 = perf_counter_ns()
        delivery.emit_from_finalizer(span)
