"""The wrappers around the SDK's request function: begin a call, follow it, return what the SDK returned."""

from __future__ import annotations

import copy
import functools
from contextvars import ContextVar
from typing import Any, Mapping, Optional, Set, Tuple

from peekr.context import current, restore
from peekr.patching import note_failure
from peekr.tracer import Tracer
from peekr_openai import body as bodies
from peekr_openai.call import Call
from peekr_openai.operations import classify
from peekr_openai.raw import follow_call

_RAW_HEADER = "X-Stainless-Raw-Response"
_set_span = current.set
#: The call under way in this context, for the inner functions of the SDK's client.
_under_way: ContextVar[Optional[Call]] = ContextVar("peekr_openai_call", default=None)
_set_call, _get_call, _reset_call = _under_way.set, _under_way.get, _under_way.reset
#: Base URLs of servers that turned ``stream_options`` down.
_without_usage: Set[str] = set()


class _Use:
    """The tracer in use."""

    tracer = Tracer()


def use(tracer: Tracer) -> None:
    """Make spans with this tracer from now on."""
    _Use.tracer = tracer


def _begin(client: Any, options: Any, streaming: bool) -> Optional[Tuple[Call, Any]]:
    """Start the span of a request; return the call and the options to send, or None if it is not to be traced."""
    operation = classify(options.method, options.url)
    if operation is None:
        return None
    tracer = _Use.tracer
    span = tracer.start(operation.name, kind=operation.kind)
    call = Call(span, operation, type(client), client._base_url, streaming)
    try:
        json, extra = options.json_data, options.extra_json
        if extra and isinstance(json, Mapping):
            json = {**json, **extra}
        call.take_request(json, options.files, tracer.capture_io)
        if type(options.url) is not str:
            call.url = options.url
        if streaming and operation.family in ("chat", "completions"):
            return call, _asking_for_usage(client, options, json)
    except Exception as error:
        note_failure("capturing an OpenAI request", error)
    return call, options


def _asking_for_usage(client: Any, options: Any, json: Any) -> Any:
    """Return the options with ``include_usage`` if the caller left it open; the same options otherwise."""
    given = json.get("stream_options") if isinstance(json, dict) else False
    if given is not None and (not isinstance(given, dict) or "include_usage" in given):
        return options
    headers = options.headers
    if isinstance(headers, Mapping) and headers.get(_RAW_HEADER) == "stream":  # the caller reads the lines
        return options
    if _without_usage and str(client._base_url) in _without_usage:
        return options
    wanted = {**(given or {}), "include_usage": True}
    asking = copy.copy(options)
    if options.extra_json and "stream_options" in options.extra_json:
        asking.extra_json = {**options.extra_json, "stream_options": wanted}
    else:
        asking.json_data = {**options.json_data, "stream_options": wanted}
    return asking


def _turned_down(client: Any, error: BaseException) -> bool:
    """Whether a server does not know ``stream_options``; it is not asked again."""
    if getattr(error, "status_code", None) not in (400, 404, 422) or "stream_options" not in str(error):
        return False
    _without_usage.add(str(client._base_url))
    return True


def _returned(call: Call, result: Any, hide_usage: bool) -> None:
    """Note what the SDK returned. Never raises."""
    try:
        if call.streaming or not call.take_body(call.http):
            call.http = None
            if follow_call(call, result, hide_usage):
                return
            call.body = bodies.serialize(result)
    except Exception as error:
        note_failure("capturing an OpenAI response", error)
    call.finish()


def wrap_request(original: Any) -> Any:
    """Wrap ``SyncAPIClient.request``."""

    @functools.wraps(original)
    def request(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        begun = _begin_safely(self, options, kwargs)
        if begun is None:
            return original(self, cast_to, options, *args, **kwargs)
        call, sent = begun
        token, call_token = _set_span(call.span), _set_call(call)
        try:
            try:
                result, again = original(self, cast_to, sent, *args, **kwargs), False
            except Exception as error:
                if sent is options or not _turned_down(self, error):
                    raise
                result, again = None, True
            if again:
                sent = options
                result = original(self, cast_to, options, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            _leave(token, call_token)
        _returned(call, result, sent is not options)
        return result

    return request


def wrap_async_request(original: Any) -> Any:
    """Wrap ``AsyncAPIClient.request``."""

    @functools.wraps(original)
    async def request(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        begun = _begin_safely(self, options, kwargs)
        if begun is None:
            return await original(self, cast_to, options, *args, **kwargs)
        call, sent = begun
        token, call_token = _set_span(call.span), _set_call(call)
        try:
            try:
                result, again = await original(self, cast_to, sent, *args, **kwargs), False
            except Exception as error:
                if sent is options or not _turned_down(self, error):
                    raise
                result, again = None, True
            if again:
                sent = options
                result = await original(self, cast_to, options, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            _leave(token, call_token)
        _returned(call, result, sent is not options)
        return result

    return request


def _begin_safely(client: Any, options: Any, kwargs: Mapping[str, Any]) -> Optional[Tuple[Call, Any]]:
    try:
        return _begin(client, options, bool(kwargs.get("stream")))
    except Exception as error:
        note_failure("beginning an OpenAI call", error)
        return None


def _leave(token: Any, call_token: Any) -> None:
    restore(token)
    try:
        _reset_call(call_token)
    except ValueError:  # a coroutine finalised in another context
        pass


def wrap_process_response(original: Any) -> Any:
    """Wrap ``_process_response``, sync or async: it has the HTTP response."""

    @functools.wraps(original)
    def process(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _get_call()
        if call is not None:
            call.http = kwargs.get("response")
        return original(self, *args, **kwargs)

    return process


def wrap_retry(original: Any) -> Any:
    """Wrap the function that the SDK calls before each further attempt, sync or async."""

    @functools.wraps(original)
    def retry(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _get_call()
        if call is not None:
            call.retries += 1
        return original(self, *args, **kwargs)

    return retry
