"""Streams under guard: text is handed out as soon as every guardrail has seen it with enough of what surrounds it.

A violation of at most ``window`` characters cannot hide in text that has been seen ``window`` characters on. So that
much of the newest text is withheld, no more. A check ends at a space where there is one, so that a pattern with a
word boundary does not take the first half of a word for a word.
"""

from __future__ import annotations

import inspect
from collections import deque
from typing import TYPE_CHECKING, Any, AsyncIterator, Deque, Dict, Generator, Iterator, List, Mapping, Optional, Tuple

from peekr.guarding import STOPS, Asked, ask, block, guards, in_thread
from peekr.pulling import AsyncPull, Guard
from peekr.spans import Span

if TYPE_CHECKING:
    from peekr.streaming import StreamRecorder

#: Characters that one word may have; text without spaces is checked in pieces of this size.
_WORD = 64


class _Line:
    """The text of one part of the answer: a choice, the arguments of a tool call.

    :ivar end: characters so far.
    :ivar seen: how many of them have been checked.
    """

    __slots__ = ("_begin", "_tail", "end", "seen")

    def __init__(self) -> None:
        self._tail = ""
        self._begin = self.end = self.seen = 0

    def add(self, text: str) -> None:
        self._tail += text
        self.end += len(text)

    def unseen(self, window: int) -> str:
        """Return the text to check now, with the overlap before it; empty if there is nothing new."""
        until = self._settled()
        if until <= self.seen:
            return ""
        start = max(self.seen - window + 1 - self._begin, 0)
        space = self._tail.rfind(" ", max(start - _WORD, 0), start)
        start = space if space >= 0 else max(start - _WORD, 0)
        piece = self._tail[start : until - self._begin]
        self.seen = until
        self._tail, self._begin = self._tail[start:], self._begin + start
        return piece

    def _settled(self) -> int:
        """Where the last word may still go on, it is left for the next time."""
        tail = self._tail
        for at in range(len(tail) - 1, max(len(tail) - _WORD, -1), -1):
            if tail[at].isspace():
                return self._begin + at + 1
        return self.end if len(tail) >= _WORD else self._begin


class Windows:
    """Withholds the chunks of one stream until their text is cleared. In the consumer's thread.

    :param recorder: of the stream, whose gathering tells what a chunk says.
    """

    def __init__(self, recorder: StreamRecorder) -> None:
        self._recorder = recorder
        self._span: Span = recorder.span
        self._asked: Tuple[Asked, ...] = guards.outputs
        windows = [guard.window for guard in self._asked]
        self._window = max([window for window in windows if window is not None], default=1)
        self._whole = any(window is None and guard.blocks for guard, window in zip(self._asked, windows))
        self._early = tuple(guard for guard, window in zip(self._asked, windows) if window is not None)
        self._lines: Dict[Any, _Line] = {}
        self._held: Deque[Tuple[Any, Mapping[Any, int]]] = deque()
        self._request: Optional[Dict[str, Any]] = None

    def take(self, chunk: Any) -> List[Any]:
        """Note a chunk; return those that may be handed out now.

        :raises GuardrailError: if the text so far violates a guardrail.
        """
        ends: Dict[Any, int] = {}
        for key, text in self._recorder.said(chunk):
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = _Line()
            line.add(text)
            ends[key] = line.end
        self._held.append((chunk, ends))
        for key in ends if self._early else ():
            piece = self._lines[key].unseen(self._window)
            if piece:
                ask(self._early, self._span, lambda view, said=piece: self._describe(view, said))  # type: ignore[misc]
        return [] if self._whole else self._cleared()

    def _cleared(self) -> List[Any]:
        out = []
        while self._held:
            chunk, ends = self._held[0]
            if any(end > self._lines[key].seen - self._window + 1 for key, end in ends.items()):
                break
            out.append(chunk)
            self._held.popleft()
        return out

    def rest(self) -> List[Any]:
        """Return the chunks that are left when the stream has ended.

        :raises GuardrailError: if the answer as a whole violates a guardrail.
        """
        ask(self._asked, self._span, self._recorder.preview)
        return self._all()

    async def async_rest(self) -> List[Any]:
        """As :meth:`rest`; with a guardrail that takes long, the event loop goes on meanwhile."""
        return await in_thread(self._asked, self.rest)  # type: ignore[no-any-return]

    def _all(self) -> List[Any]:
        out = [chunk for chunk, _ in self._held]
        self._held.clear()
        return out

    def _describe(self, view: Span, output: str) -> None:
        """What a guard sees in a window: the request, and the newest text as the output."""
        if self._request is None:
            self._recorder.preview_request(view)
            self._request = dict(view.attributes)
        view.attributes = {**self._request, "output": output}


def pull(
    inner: Iterator[Any], recorder: StreamRecorder, chunks: List[Any], guard: Guard, windows: Windows
) -> Generator[Any, None, None]:
    """As :func:`peekr.pulling.pull`, with chunks withheld until they are cleared."""
    keep, waiting, failure = chunks.append, True, None
    recorder.pulling = True
    try:
        try:
            for chunk in inner:
                keep(chunk)
                waiting = _note(recorder, chunks, chunk, waiting)
                if recorder.filters and not recorder.shows(chunk):
                    continue
                for ready in windows.take(chunk):
                    recorder.pulling = False
                    yield ready
                    recorder.pulling = True
        except STOPS:
            raise
        except Exception as error:  # what came before the failure is still the caller's, if it is clean
            failure = error
        for ready in windows.rest():
            recorder.pulling = False
            yield ready
            recorder.pulling = True
        if failure is not None:
            raise failure
    except GeneratorExit:
        recorder.end(incomplete=True, finalizing=True)
        _close(inner)
        raise
    except STOPS as error:
        for body in _stopped(recorder, error):
            _close(body)
        _close(inner)
        raise
    except BaseException as error:
        recorder.end(error)
        raise
    recorder.end()


class GuardedAsyncPull(AsyncPull):
    """The asynchronous twin of :func:`pull`."""

    __slots__ = ("_failure", "_ready", "_windows")

    def __init__(
        self, inner: AsyncIterator[Any], recorder: StreamRecorder, chunks: List[Any], windows: Windows
    ) -> None:
        super().__init__(inner, recorder, chunks)
        self._windows: Optional[Windows] = windows
        self._ready: Deque[Any] = deque()
        self._failure: Optional[BaseException] = None

    async def __anext__(self) -> Any:
        recorder = self._recorder
        recorder.pulling = True
        try:
            while not self._ready:
                if self._windows is None:
                    raise self._failure or StopAsyncIteration
                await self._step(self._windows)
            recorder.pulling = False
            return self._ready.popleft()
        except StopAsyncIteration:
            recorder.end()
            raise
        except GeneratorExit:
            recorder.end(incomplete=True, finalizing=True)
            raise
        except STOPS as error:
            self._windows, self._failure = None, StopAsyncIteration()
            for body in [*_stopped(recorder, error), self._inner]:
                await _aclose(body)
            raise
        except BaseException as error:
            recorder.end(error)
            raise

    async def _step(self, windows: Windows) -> None:
        """Take one chunk, or the rest at the end of the SDK's stream."""
        try:
            chunk = await self._next()
        except StopAsyncIteration:
            pass
        except Exception as error:
            self._failure = error
        else:
            self._keep(chunk)
            self._waiting = _note(self._recorder, self._chunks, chunk, self._waiting)
            if not self._filters or self._recorder.shows(chunk):
                self._ready.extend(windows.take(chunk))
            return
        self._windows = None
        self._ready.extend(await windows.async_rest())


def _note(recorder: StreamRecorder, chunks: List[Any], chunk: Any, waiting: bool) -> bool:
    if waiting:
        return recorder.first(chunk)
    if len(chunks) >= recorder.fold_at:
        recorder.fold()
    return False


def _stopped(recorder: StreamRecorder, error: BaseException) -> List[Any]:
    """End the span of a stream that a guardrail has stopped; return the bodies that are to be closed."""
    bodies = recorder.bodies()
    recorder.end(error)
    if not recorder.span.attributes.get("blocked"):
        block(recorder.span, error)
    return bodies


def _close(owner: Any) -> None:
    close = getattr(owner, "close", None)
    if callable(close) and not inspect.iscoroutinefunction(close):
        try:
            close()
        except Exception:  # it is closed because of an error that matters more
            pass


async def _aclose(owner: Any) -> None:
    close = getattr(owner, "aclose", None) or getattr(owner, "close", None)
    if callable(close):
        try:
            closing = close()
            if inspect.isawaitable(closing):
                await closing
        except Exception:  # as above
            pass
