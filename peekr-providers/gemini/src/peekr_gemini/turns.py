"""The wrappers around the SDK's public methods, each call of which is a turn."""

from __future__ import annotations

import functools
from typing import Any, AsyncIterator, Generator, Optional

from peekr.patching import note_failure
from peekr_gemini.turn import Turn, current_turn, enter_turn, leave_turn


class _Turning:
    """A turn for the time of a ``with`` block.

    :param goes_on: whether the turn outlasts a block that raises nothing.
    """

    __slots__ = ("_goes_on", "_token", "turn")

    def __init__(self, name: str, *, goes_on: bool = False) -> None:
        self.turn = Turn(name)
        self._goes_on = goes_on

    def __enter__(self) -> Turn:
        self._token = enter_turn(self.turn)
        return self.turn

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        leave_turn(self._token)
        if error is not None or not self._goes_on:
            _finish(self.turn, error)


def wrap_method(name: str) -> Any:
    """Return a wrapper for a public method, sync."""

    def wrap(original: Any) -> Any:
        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if current_turn() is not None:
                return original(self, *args, **kwargs)
            with _Turning(name):
                return original(self, *args, **kwargs)

        return method

    return wrap


def wrap_async_method(name: str) -> Any:
    """Return a wrapper for a public method, async."""

    def wrap(original: Any) -> Any:
        @functools.wraps(original)
        async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if current_turn() is not None:
                return await original(self, *args, **kwargs)
            with _Turning(name):
                return await original(self, *args, **kwargs)

        return method

    return wrap


def wrap_generator(name: str) -> Any:
    """Return a wrapper for a public generator method."""

    def wrap(original: Any) -> Any:
        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = original(self, *args, **kwargs)
            if current_turn() is not None:
                return (yield from inner)
            return (yield from _steps(Turn(name), inner))

        return method

    return wrap


def wrap_async_generator(name: str) -> Any:
    """Return a wrapper for a public method that returns an async generator."""

    def wrap(original: Any) -> Any:
        @functools.wraps(original)
        async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if current_turn() is not None:
                return await original(self, *args, **kwargs)
            with _Turning(name, goes_on=True) as turn:
                inner = await original(self, *args, **kwargs)
            return _async_steps(turn, inner) if hasattr(inner, "__anext__") else inner

        return method

    return wrap


def _steps(turn: Turn, inner: Any) -> Generator[Any, Any, Any]:
    """Yield what ``inner`` yields; the turn is current only while ``inner`` runs."""
    error: Optional[BaseException] = None
    try:
        while True:
            token = enter_turn(turn)
            try:
                item = next(inner)
            except StopIteration as stop:
                return stop.value
            finally:
                leave_turn(token)
            yield item
    except BaseException as raised:
        error = raised
        raise
    finally:
        inner.close()
        _finish(turn, error)


async def _async_steps(turn: Turn, inner: Any) -> AsyncIterator[Any]:
    error: Optional[BaseException] = None
    try:
        while True:
            token = enter_turn(turn)
            try:
                item = await inner.__anext__()
            except StopAsyncIteration:
                return
            finally:
                leave_turn(token)
            yield item
    except BaseException as raised:
        error = raised
        raise
    finally:
        if isinstance(error, GeneratorExit):
            await inner.aclose()
        _finish(turn, error)


def _finish(turn: Turn, error: Optional[BaseException] = None) -> None:
    try:
        turn.finish(error)
    except Exception as failure:
        note_failure("ending a turn of Gemini", failure)
