"""The wrappers around LiteLLM's functions: begin a call, follow it, return what LiteLLM returned."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, ClassVar, Dict, Mapping, Optional, Sequence, Tuple
from weakref import WeakKeyDictionary

from peekr.context import current, restore
from peekr.guarding import guards
from peekr.patching import note_failure
from peekr.tracer import Tracer
from peekr_litellm.asking import asking, turned_down
from peekr_litellm.call import Call, under_way, underway
from peekr_litellm.operations import Operation
from peekr_litellm.streams import follow, is_stream, note_stream

_set_place = current.set


class Use:
    """The tracer in use."""

    tracer: ClassVar[Tracer] = Tracer()


def traced(operation: Operation, label: str, function: Any, *, method: bool = False) -> Callable[[Any], Any]:
    """Return what makes a replacement of a function, sync or async.

    :param label: names the function.
    :param function: whose parameters tell what positional arguments are.
    :param method: whether the first of them is ``self``; it then is one of the Router, which hands on to functions.
    """
    tracing = _Tracing(operation, label, _names(function)[1 if method else 0 :], method)
    waits = inspect.iscoroutinefunction(function)

    def make(original: Any) -> Any:
        return tracing.async_around(original) if waits else tracing.around(original)

    return make


def _names(function: Any) -> Sequence[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in inspect.signature(function).parameters.values() if one.kind in kinds]


class _Tracing:
    """Makes the replacement of one function."""

    def __init__(self, operation: Operation, label: str, names: Sequence[str], method: bool) -> None:
        self._operation = operation
        self._label = label
        self._names = names
        self._method = method

    def around(self, original: Any) -> Any:
        """Wrap a function."""

        @functools.wraps(original)
        def function(*args: Any, **kwargs: Any) -> Any:
            call, given, first = self._enter(args, kwargs)
            if call is None:
                return original(*args, **kwargs)
            if not first:
                return self._run(call, given, original, args, kwargs)
            with underway(call):
                if guards.inputs:
                    call.ask_before()
                result = self._run(call, given, original, args, kwargs)
            if is_stream(result):
                return follow(call, result)
            _take(call, result)
            try:
                if guards.outputs:
                    call.ask_after()
            finally:
                call.finish()
            return result

        return function

    def async_around(self, original: Any) -> Any:
        """Wrap an async function."""

        @functools.wraps(original)
        async def function(*args: Any, **kwargs: Any) -> Any:
            call, given, first = self._enter(args, kwargs)
            if call is None:
                return await original(*args, **kwargs)
            if not first:
                return await self._run_async(call, given, original, args, kwargs)
            with underway(call):
                if guards.inputs:
                    call.ask_before()
                result = await self._run_async(call, given, original, args, kwargs)
            if is_stream(result):
                return follow(call, result)
            _take(call, result)
            try:
                if guards.outputs:
                    await call.ask_after_async()
            finally:
                call.finish()
            return result

        return function

    def _enter(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Tuple[Optional[Call], Mapping[str, Any], bool]:
        """Return the call, what it was given by name, and whether it begins here. Never raises."""
        given: Mapping[str, Any] = kwargs
        try:
            positional = args[1:] if self._method else args
            if positional:
                given = {**dict(zip(self._names, positional)), **kwargs}
            outer = under_way()
            if outer is not None and outer.includes(self._operation):
                return outer, given, False
            return Call.begin(Use.tracer, self._operation, given), given, True
        except Exception as error:
            note_failure("beginning a call of LiteLLM", error)
            return None, given, False

    def _run(self, call: Call, given: Mapping[str, Any], original: Any, args: Any, kwargs: Dict[str, Any]) -> Any:
        call.runs_once_more(self._label, given)
        asked = None if self._method else asking(self._operation, given)
        if asked is None:
            return _seen(call, original(*args, **kwargs))
        again, call.asked, call.options = False, True, given.get("stream_options")
        try:
            result = original(*args, **{**kwargs, "stream_options": asked})
        except Exception as error:
            if not turned_down(error, given):
                raise
            again, call.asked = True, False
        if again:
            return _seen(call, original(*args, **kwargs))
        return _seen(call, result)

    async def _run_async(
        self, call: Call, given: Mapping[str, Any], original: Any, args: Any, kwargs: Dict[str, Any]
    ) -> Any:
        call.runs_once_more(self._label, given)
        asked = None if self._method else asking(self._operation, given)
        if asked is None:
            return _seen(call, await original(*args, **kwargs))
        again, call.asked, call.options = False, True, given.get("stream_options")
        try:
            result = await original(*args, **{**kwargs, "stream_options": asked})
        except Exception as error:
            if not turned_down(error, given):
                raise
            again, call.asked = True, False
        if again:
            return _seen(call, await original(*args, **kwargs))
        return _seen(call, result)


def _seen(call: Call, result: Any) -> Any:
    """Note what a function of LiteLLM returns on the way out: the Router wraps streams in others."""
    if call.streaming and is_stream(result):
        note_stream(call, result)
    return result


def _take(call: Call, result: Any) -> None:
    try:
        call.take_result(result)
    except Exception as error:
        note_failure("capturing a response of LiteLLM", error)


# -- what the program registered with LiteLLM ---------------------------------------------------------------------


class _Aside:
    """For the time of a ``with`` block, what is called stands under the call's span and is a call of its own."""

    __slots__ = ("_call", "_token")

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._token = _set_place(self._call.span)

    def __exit__(self, *error: Any) -> None:
        restore(self._token)


#: LiteLLM's record of a call → ours. It calls back in contexts of its own, such as a worker's.
_calls: WeakKeyDictionary[Any, Call] = WeakKeyDictionary()


def _call_of(logging: Any) -> Optional[Call]:
    """Return the call that a record of LiteLLM is of; note who is asked. Never raises."""
    try:
        call = under_way()
        if call is None:
            return _calls.get(logging)
        call.take_provider(logging)
        return _calls.setdefault(logging, call)
    except Exception as error:
        note_failure("following LiteLLM's callbacks", error)
        return None


def aside(original: Any) -> Any:
    """Wrap a method of LiteLLM's record of a call, sync or async, that calls the program's own callbacks."""
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def handler(self: Any, *args: Any, **kwargs: Any) -> Any:
            call = _call_of(self)
            if call is None:
                return await original(self, *args, **kwargs)
            with _Aside(call):
                return await original(self, *args, **kwargs)

        return handler

    @functools.wraps(original)
    def sync_handler(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _call_of(self)
        if call is None:
            return original(self, *args, **kwargs)
        with _Aside(call):
            return original(self, *args, **kwargs)

    return sync_handler
