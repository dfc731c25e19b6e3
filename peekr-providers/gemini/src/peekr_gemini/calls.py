"""The wrappers around the SDK's methods that call the model: begin a call, follow it, return what the SDK returned."""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple, Type

from peekr.context import current, restore
from peekr.guarding import guards, in_thread
from peekr.patching import note_failure
from peekr.streaming import StreamRecorder
from peekr.tracer import close_span
from peekr_gemini.call import Call, StreamedCall, under_way
from peekr_gemini.operations import Operation
from peekr_gemini.turn import Use, current_turn

_set_span = current.set
_set_call, _reset_call = under_way.set, under_way.reset

#: Starts a call from the arguments of a method; None where it is not to be traced.
Begin = Callable[[Tuple[Any, ...], Dict[str, Any]], Optional[Call]]
#: Notes a result and returns what the caller gets. Raises nothing but what guardrails raise.
Returned = Callable[[Call, Any], Any]


def begin(operation: Operation, model: Any, vertex: Any, arguments: Mapping[str, Any], kind: Type[Call] = Call) -> Call:
    """Start the span of a call of the model.

    :param arguments: what the caller gave, until it is known what goes over the wire.
    :param kind: the class of the record.
    """
    tracer, turn = Use.tracer, current_turn()
    if turn is None or operation.kind != "llm":
        span, close = tracer.start(operation.name, kind=operation.kind), close_span
    else:
        span, close = turn.start(operation), turn.end
    return kind(span, operation, model, vertex is True, tracer.capture_io, close, arguments)


def _begun(start: Begin, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Call]:
    try:
        return start(args, kwargs)
    except Exception as error:
        note_failure("beginning a Gemini call", error)
        return None


class underway:
    """Make a call and its span current for the time of a ``with`` block.

    :param ends: whether an exception of the block ends the call.
    """

    __slots__ = ("_call", "_call_token", "_ends", "_token")

    def __init__(self, call: Call, *, ends: bool = True) -> None:
        self._call = call
        self._ends = ends

    def __enter__(self) -> None:
        self._token = _set_span(self._call.span)
        self._call_token = _set_call(self._call)

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        restore(self._token)
        try:
            _reset_call(self._call_token)
        except (ValueError, RuntimeError):  # a coroutine finalised in another context
            pass
        if error is not None and self._ends:
            self._call.fail(error)


def _ask_if_known(call: Call) -> None:
    """Where the body as it goes over the wire is not known yet, guardrails are asked when it is."""
    if call.request is not None or call.unkept is not None:
        call.ask_before()


def around(start: Begin, returned: Returned) -> Any:
    """Return a wrapper for a function that calls the model."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def function(*args: Any, **kwargs: Any) -> Any:
            call = _begun(start, args, kwargs)
            if call is None:
                return original(*args, **kwargs)
            with underway(call):
                if guards.inputs:
                    _ask_if_known(call)
                result = original(*args, **kwargs)
            return returned(call, result)

        return function

    return make


def async_around(start: Begin, returned: Returned) -> Any:
    """Return a wrapper for an async function that calls the model."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        async def function(*args: Any, **kwargs: Any) -> Any:
            call = _begun(start, args, kwargs)
            if call is None:
                return await original(*args, **kwargs)
            with underway(call):
                if guards.inputs:
                    _ask_if_known(call)
                result = await original(*args, **kwargs)
            if guards.outputs:
                return await in_thread(guards.outputs, lambda: returned(call, result))
            return returned(call, result)

        return function

    return make


# -- Models and AsyncModels ---------------------------------------------------------------------------------------


def _starting(operation: Operation) -> Begin:
    def start(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
        vertex = getattr(getattr(args[0], "_api_client", None), "vertexai", None)
        arguments = {name: value for name, value in kwargs.items() if name != "model"}
        return begin(operation, kwargs.get("model"), vertex, arguments)

    return start


def wrap(operation: Operation) -> Any:
    """Return a wrapper for a method of ``Models``."""
    return around(_starting(operation), _finished)


def wrap_async(operation: Operation) -> Any:
    """Return a wrapper for a method of ``AsyncModels``."""
    return async_around(_starting(operation), _followed if operation.streaming else _finished)


def wrap_stream(operation: Operation) -> Any:
    """Return a wrapper for a method of ``Models`` that is a generator: the request goes out at the first ``next``."""
    start = _starting(operation)

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def method(*args: Any, **kwargs: Any) -> Iterator[Any]:
            inner = original(*args, **kwargs)
            call = _begun(start, args, kwargs)
            if call is None:
                yield from inner
            else:
                yield from _recorder(call).wrap(_opened(inner, call))

        return method

    return make


def _opened(inner: Any, call: Call) -> Iterator[Any]:
    """Yield what ``inner`` yields; the call is current only while its request is sent."""
    inner = iter(inner)
    try:
        with underway(call, ends=False):
            first = next(inner)
    except StopIteration:
        return
    try:
        yield first
        yield from inner
    finally:
        close = getattr(inner, "close", None)
        if close is not None:
            close()


def _recorder(call: Call) -> StreamRecorder:
    return StreamRecorder(call.span, StreamedCall(call), call.describe_error, call.close)


def _finished(call: Call, result: Any) -> Any:
    call.finish_asking(result)
    return result


def _followed(call: Call, stream: Any) -> Any:
    """Return an async iterator in the place of the SDK's, which its public method goes on with."""
    if not hasattr(stream, "__anext__"):
        return _finished(call, stream)
    return _recorder(call).wrap_async(stream)
