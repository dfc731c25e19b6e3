"""``@trace``: functions, methods, coroutines, generators and async generators as spans."""

from __future__ import annotations

import functools
import inspect
from time import perf_counter_ns
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

from peekr.capture import FUNCTION_LIMIT, cut, snapshot, snapshot_call, text
from peekr.context import current, restore
from peekr.covering import cover_of
from peekr.delivery import delivery, emit
from peekr.settings import settings
from peekr.spans import Parent, Span
from peekr.tracer import close_span, hooks, open_span, run_start_hooks, started

F = TypeVar("F", bound=Callable[..., Any])

_get, _set, _reset, _add = current.get, current.set, current.reset, started.add
_RECEIVERS = ("self", "cls")


def decorate(function: Any, name: Optional[str], capture_io: bool) -> Any:
    """Return ``function`` traced.

    :raises TypeError: if it is not callable.
    """
    for wrapper in (staticmethod, classmethod):
        if isinstance(function, wrapper):
            return wrapper(decorate(function.__func__, name, capture_io))
    if inspect.isclass(function) or not callable(function):
        raise TypeError(
            f"@trace takes a function or method, not {function!r}.\n"
            "Decorate the methods you want to see, or use: with peekr.span('name')"
        )
    label = name or _default_name(function)
    taken = _Inputs(function) if capture_io else None
    code = function if inspect.isroutine(function) or isinstance(function, functools.partial) else function.__call__
    if inspect.iscoroutinefunction(code):
        return _coroutine(function, label, taken)
    if inspect.isasyncgenfunction(code):
        return _async_generator(function, label, taken)
    if inspect.isgeneratorfunction(code):
        return _generator(function, label, taken)
    return _function(function, label) if taken is None else _capturing(function, label, taken)


def _default_name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or '?'}.{name.replace('<locals>.', '')}"


class _Inputs:
    """Takes the arguments of a call, without a method's receiver and what its parameters' names call secret."""

    __slots__ = ("cover", "skip")

    def __init__(self, function: Any) -> None:
        self.skip = 1 if _has_receiver(function) else 0
        self.cover = cover_of(function, self.skip)

    def take(self, span: Span, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        if settings.capture_io:
            shown = args[self.skip :] if self.cover is None else self.cover(args[self.skip :])
            span._input = taken = snapshot_call(shown, kwargs)
            span._size += len(taken)


def _has_receiver(function: Any) -> bool:
    """Whether the first parameter is a method's ``self`` or ``cls``: by its name, inside a class."""
    if inspect.ismethod(function):  # has its receiver already
        return False
    owner, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    code = getattr(inspect.unwrap(function), "__code__", None)
    if not owner or owner.endswith("<locals>") or code is None:
        return False
    return bool(code.co_varnames[: code.co_argcount][:1]) and code.co_varnames[0] in _RECEIVERS


def _take_output(span: Span, result: Any) -> None:
    if settings.capture_io:
        span._output = taken = snapshot(result)
        span._size += len(taken)


def _function(function: Any, name: str) -> Any:
    """The leanest form: no input or output."""

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        span = Span(name, _get())
        _add()
        if hooks.start:
            run_start_hooks(span)
        token = _set(span)
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            span.record_error(error)
            raise
        finally:
            ended = perf_counter_ns()
            try:
                _reset(token)
            except ValueError:
                pass
            if not span._t1:  # else somebody has ended it by hand
                span._t1 = ended
                emit(span)

    return traced


def _capturing(function: Any, name: str, inputs: _Inputs) -> Any:
    """Takes arguments and result, in line: a call less is a tenth of the whole."""
    skip, cover = inputs.skip, inputs.cover

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        span = Span(name, _get())
        _add()
        if hooks.start:
            run_start_hooks(span)
        capture = settings.capture_io
        if capture:
            shown = args[skip:] if cover is None else cover(args[skip:])
            span._input = taken = snapshot_call(shown, kwargs)
            span._size = len(taken)
        token = _set(span)
        try:
            result = function(*args, **kwargs)
            if capture:
                span._output = taken = snapshot(result)
                span._size += len(taken)
            return result
        except BaseException as error:
            span.record_error(error)
            raise
        finally:
            ended = perf_counter_ns()
            try:
                _reset(token)
            except ValueError:
                pass
            if not span._t1:  # else somebody has ended it by hand
                span._t1 = ended
                emit(span)

    return traced


def _coroutine(function: Any, name: str, inputs: Optional[_Inputs]) -> Any:
    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        span = Span(name, _get())
        _add()
        if hooks.start:
            run_start_hooks(span)
        if inputs is not None:
            inputs.take(span, args, kwargs)
        token = _set(span)
        try:
            result = await function(*args, **kwargs)
            if inputs is not None:
                _take_output(span, result)
            return result
        except BaseException as error:
            span.record_error(error)
            raise
        finally:
            restore(token)
            close_span(span)

    return traced


class _Collected:
    """The first items that a generator yielded, as text: enough for its output, no more."""

    __slots__ = ("_items", "_room")

    def __init__(self) -> None:
        self._items: List[str] = []
        self._room = FUNCTION_LIMIT

    def add(self, item: Any) -> None:
        if self._room >= 0 and settings.capture_io:  # not more items than make the text too long, so that it is cut
            taken = text(item)
            self._items.append(taken)
            self._room -= len(taken) + 2

    def finish(self, span: Span) -> None:
        if settings.capture_io:
            span.attributes["output"] = cut(f"[{', '.join(self._items)}]", FUNCTION_LIMIT)


def _place_inside(span: Span) -> Parent:
    """What a generator's next step runs under: its own span, or one that it has open inside."""
    place = _get()
    return span if isinstance(place, Span) and place.ended else place


def _generator(function: Any, name: str, inputs: Optional[_Inputs]) -> Any:
    """The span covers the iteration. It is current only while the generator's own code runs."""

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        span = open_span(name, _get())
        place: Parent = span
        collected = _Collected()
        if inputs is not None:
            inputs.take(span, args, kwargs)
        inner = function(*args, **kwargs)
        step, value = inner.send, None
        try:
            while True:
                token = _set(place)
                try:
                    item = step(value)
                except StopIteration as stop:
                    if inputs is not None:
                        collected.finish(span)
                    return stop.value
                finally:
                    place = _place_inside(span)
                    restore(token)
                if inputs is not None:
                    collected.add(item)
                try:
                    value, step = (yield item), inner.send
                except GeneratorExit:
                    _close_inner(inner, place)
                    raise
                except BaseException as thrown:
                    value, step = thrown, inner.throw
        except GeneratorExit:
            _finish_early(span, collected, inputs)
            raise
        except BaseException as error:
            span.record_error(error)
            raise
        finally:
            close_span(span)

    return traced


def _finish_early(span: Span, collected: _Collected, inputs: Optional[_Inputs]) -> None:
    """The consumer wants no more. It may be the garbage collector, in the middle of anything: so no lock is taken."""
    span.attributes["incomplete"] = True
    if inputs is not None:
        collected.finish(span)
    span._t1 = perf_counter_ns()
    delivery.emit_from_finalizer(span)


def _close_inner(inner: Any, place: Parent) -> None:
    token = _set(place)
    try:
        inner.close()
    finally:
        restore(token)


async def _aclose_inner(inner: Any, place: Parent) -> None:
    token = _set(place)
    try:
        await inner.aclose()
    finally:
        restore(token)


def _async_generator(function: Any, name: str, inputs: Optional[_Inputs]) -> Any:
    """As :func:`_generator`, for ``async def`` with ``yield``."""

    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        span = open_span(name, _get())
        place: Parent = span
        collected = _Collected()
        if inputs is not None:
            inputs.take(span, args, kwargs)
        inner = function(*args, **kwargs)
        step, value = inner.asend, None
        try:
            while True:
                token = _set(place)
                try:
                    item = await step(value)
                except StopAsyncIteration:
                    if inputs is not None:
                        collected.finish(span)
                    return
                finally:
                    place = _place_inside(span)
                    restore(token)
                if inputs is not None:
                    collected.add(item)
                try:
                    value, step = (yield item), inner.asend
                except GeneratorExit:
                    await _aclose_inner(inner, place)
                    raise
                except BaseException as thrown:
                    value, step = thrown, inner.athrow
        except GeneratorExit:
            _finish_early(span, collected, inputs)
            raise
        except BaseException as error:
            span.record_error(error)
            raise
        finally:
            close_span(span)

    return traced
