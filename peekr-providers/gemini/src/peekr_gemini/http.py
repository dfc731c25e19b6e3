"""The wrappers around the functions of the SDK that talk HTTP: the request and the response as they are there."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable

from peekr.guarding import guards
from peekr_gemini.call import Call, under_way

_get_call = under_way.get


def _sending(client: Any, body: Any) -> Any:
    call = _get_call()
    if call is not None and not call.sent and isinstance(body, dict):
        call.take_request(body, getattr(getattr(client, "_http_options", None), "base_url", None))
    if guards.inputs and call is not None:
        call.ask_before()
    return call


def wrap_request(original: Any) -> Any:
    """Wrap ``BaseApiClient.request``."""

    @functools.wraps(original)
    def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _sending(self, request_dict)
        response = original(self, http_method, path, request_dict, *args, **kwargs)
        if call is not None:
            call.take_response(getattr(response, "body", None))
        return response

    return request


def wrap_async_request(original: Any) -> Any:
    """Wrap ``BaseApiClient.async_request``."""

    @functools.wraps(original)
    async def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _sending(self, request_dict)
        response = await original(self, http_method, path, request_dict, *args, **kwargs)
        if call is not None:
            call.take_response(getattr(response, "body", None))
        return response

    return request


def wrap_streamed(original: Any) -> Any:
    """Wrap ``BaseApiClient.request_streamed``, a generator."""

    @functools.wraps(original)
    def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _sending(self, request_dict)
        chunks = original(self, http_method, path, request_dict, *args, **kwargs)
        if call is None:
            yield from chunks
            return
        keep = call.bodies.append
        for chunk in chunks:
            keep(getattr(chunk, "body", None))
            yield chunk

    return request


def wrap_async_streamed(original: Any) -> Any:
    """Wrap ``BaseApiClient.async_request_streamed``, which returns an async generator."""

    @functools.wraps(original)
    async def request(self: Any, http_method: Any, path: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        call = _sending(self, request_dict)
        chunks = await original(self, http_method, path, request_dict, *args, **kwargs)
        return chunks if call is None or not hasattr(chunks, "__anext__") else _Chunks(chunks, call)

    return request


class _Chunks:
    """The chunks of a stream, async, whose bodies are kept on the way. No generator: that has a finaliser."""

    __slots__ = ("_inner", "_keep")

    def __init__(self, inner: Any, call: Call) -> None:
        self._inner = inner
        self._keep = call.bodies.append

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> Any:
        chunk = await self._inner.__anext__()
        self._keep(getattr(chunk, "body", None))
        return chunk

    async def aclose(self) -> None:
        """Close the SDK's generator."""
        await self._inner.aclose()


def noting(note: Callable[[Call], None]) -> Any:
    """Return a wrapper for a function of the SDK, sync or async, of which the call under way is to take note."""

    def make(original: Any) -> Any:
        @functools.wraps(original)
        def function(*args: Any, **kwargs: Any) -> Any:
            _tell(note)
            return original(*args, **kwargs)

        @functools.wraps(original)
        async def async_function(*args: Any, **kwargs: Any) -> Any:  # tenacity looks whether it is one
            _tell(note)
            return await original(*args, **kwargs)

        return async_function if inspect.iscoroutinefunction(original) else function

    return make


def _tell(note: Callable[[Call], None]) -> None:
    call = _get_call()
    if call is not None:
        note(call)


def note_attempt(call: Call) -> None:
    """A request is about to be sent."""
    call.attempts += 1
    call.sent = True


def note_retry(call: Call) -> None:
    """A request is about to be sent again, in an SDK whose first attempt is not seen."""
    call.attempts = max(call.attempts, 1) + 1
