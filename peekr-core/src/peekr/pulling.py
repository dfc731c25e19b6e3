"""The iterators that stand between an SDK's stream and its consumer; see :mod:`peekr.streaming`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Generator, Iterator, List, Optional

if TYPE_CHECKING:
    from peekr.streaming import StreamRecorder


class Guard:
    """Ends the span of a recorder when it is dropped itself; nothing else may hold it.

    It lives in the frame of a recording generator, which is dropped even when it was never started, or in the
    ``__dict__`` of an SDK's object that may become a stream later.
    """

    __slots__ = ("_recorder",)

    def __init__(self, recorder: StreamRecorder) -> None:
        self._recorder: Optional[StreamRecorder] = recorder

    def release(self) -> None:
        """Leave the span to others."""
        self._recorder = None

    def __del__(self) -> None:
        _dropped(self._recorder)


def _dropped(recorder: Optional[StreamRecorder]) -> None:
    try:
        if recorder is not None:
            recorder.end(incomplete=True, finalizing=True)
    except Exception:  # the interpreter is going down and has taken the modules apart
        pass


def pull(inner: Iterator[Any], recorder: StreamRecorder, chunks: List[Any], guard: Guard) -> Generator[Any, None, None]:
    """Yield the chunks of ``inner`` while ``recorder`` takes note of them and of the end."""
    keep, filters, waiting, fold_at = chunks.append, recorder.filters, True, recorder.fold_at
    recorder.pulling = True
    try:
        for chunk in inner:
            keep(chunk)
            if waiting:
                waiting = recorder.first(chunk)
            elif len(chunks) >= fold_at:
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


class AsyncPull:
    """The asynchronous twin of :func:`pull`; no async generator, whose finaliser belongs to the event loop."""

    __slots__ = ("_chunks", "_filters", "_fold_at", "_inner", "_keep", "_next", "_recorder", "_waiting")

    def __init__(self, inner: AsyncIterator[Any], recorder: StreamRecorder, chunks: List[Any]) -> None:
        self._inner = inner
        self._next = inner.__anext__
        self._recorder = recorder
        self._chunks = chunks
        self._keep = chunks.append
        self._filters = recorder.filters
        self._fold_at = recorder.fold_at
        self._waiting = True

    def __aiter__(self) -> AsyncPull:
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
                elif len(self._chunks) >= self._fold_at:
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
