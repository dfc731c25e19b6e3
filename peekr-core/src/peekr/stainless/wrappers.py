"""The wrappers around the SDK's functions: begin a call, follow it, return what the SDK returned."""

from __future__ import annotations

import functools
from typing import Any, Callable, Mapping, Optional, Tuple

from peekr.context import current, restore
from peekr.guarding import after_async_call, after_call, before_call, guards
from peekr.patching import note_failure
from peekr.stainless.call import Call
from peekr.stainless.models import serialize
from peekr.stainless.raw import follow_call
from peekr.stainless.sdk import Sdk

_set_span = current.set

Begun = Optional[Tuple[Call, Any]]


def _take_http(call: Call, kwargs: Mapping[str, Any]) -> None:
    call.http = kwargs.get("response")


def _count_retry(call: Call, kwargs: Mapping[str, Any]) -> None:
    call.retries += 1


class Wrappers:
    """Makes the replacements of one SDK's functions; each method takes the original."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk
        self._set_call, self._get_call = sdk.under_way.set, sdk.under_way.get

    def request(self, original: Any) -> Any:
        """Wrap ``SyncAPIClient.request``."""
        sdk, set_call = self._sdk, self._set_call

        @functools.wraps(original)
        def request(client: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
            begun = self._begin(client, options, kwargs)
            if begun is None:
                call_token = set_call(None)  # it may be made in the course of another call
                try:
                    return original(client, cast_to, options, *args, **kwargs)
                finally:
                    self._leave(call_token)
            call, sent = begun
            token, call_token = _set_span(call.span), set_call(call)
            try:
                if guards.inputs:
                    _ask_before(call)
                try:
                    result, again = original(client, cast_to, sent, *args, **kwargs), False
                except Exception as error:
                    if sent is options or not sdk.turned_down(client, error):
                        raise
                    result, again = None, True
                if again:
                    sent = options
                    result = original(client, cast_to, options, *args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                restore(token)
                self._leave(call_token)
            if self._returned(call, result, sent is not options):
                if guards.outputs:
                    _answered(call)
                else:
                    call.finish()
            return result

        return request

    def async_request(self, original: Any) -> Any:
        """Wrap ``AsyncAPIClient.request``."""
        sdk, set_call = self._sdk, self._set_call

        @functools.wraps(original)
        async def request(client: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
            begun = self._begin(client, options, kwargs)
            if begun is None:
                call_token = set_call(None)
                try:
                    return await original(client, cast_to, options, *args, **kwargs)
                finally:
                    self._leave(call_token)
            call, sent = begun
            token, call_token = _set_span(call.span), set_call(call)
            try:
                if guards.inputs:
                    _ask_before(call)
                try:
                    result, again = await original(client, cast_to, sent, *args, **kwargs), False
                except Exception as error:
                    if sent is options or not sdk.turned_down(client, error):
                        raise
                    result, again = None, True
                if again:
                    sent = options
                    result = await original(client, cast_to, options, *args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                restore(token)
                self._leave(call_token)
            if self._returned(call, result, sent is not options):
                if guards.outputs:
                    await _answered_async(call)
                else:
                    call.finish()
            return result

        return request

    def prepare(self, original: Any) -> Any:
        """Wrap ``SyncAPIClient._copy_and_prepare``: after it, the request is plain data."""

        @functools.wraps(original)
        def prepare(client: Any, *args: Any, **kwargs: Any) -> Any:
            options = original(client, *args, **kwargs)
            self._prepared(options)
            if guards.inputs:
                _ask_before(self._get_call())
            return options

        return prepare

    def async_prepare(self, original: Any) -> Any:
        """Wrap ``AsyncAPIClient._copy_and_prepare``."""

        @functools.wraps(original)
        async def prepare(client: Any, *args: Any, **kwargs: Any) -> Any:
            options = await original(client, *args, **kwargs)
            self._prepared(options)
            if guards.inputs:
                _ask_before(self._get_call())
            return options

        return prepare

    def process_response(self, original: Any) -> Any:
        """Wrap ``_process_response``, sync or async: it has the HTTP response."""
        return self._noting(original, _take_http)

    def retry(self, original: Any) -> Any:
        """Wrap the function that the SDK calls before each further attempt, sync or async."""
        return self._noting(original, _count_retry)

    def _noting(self, original: Any, note: Callable[[Call, Mapping[str, Any]], None]) -> Any:
        """Wrap an inner function, sync or async, of which the call under way takes note."""
        get_call = self._get_call

        @functools.wraps(original)
        def noting(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = get_call()
            if call is not None:
                note(call, kwargs)
            return original(client, *args, **kwargs)

        return noting

    # -- none of these raises -----------------------------------------------------------------------------------

    def _begin(self, client: Any, options: Any, kwargs: Mapping[str, Any]) -> Begun:
        """Start the span of a request; return the call and the options to send, or None if it is not to be traced."""
        sdk = self._sdk
        try:
            operation = sdk.routes.find(options.method, options.url)
            if operation is None:
                return None
            streaming = bool(kwargs.get("stream"))
            span = sdk.tracer.start(operation.name, kind=operation.kind)
            call = Call(sdk, span, operation, type(client), client._base_url, streaming)
        except Exception as error:
            note_failure(f"beginning a call of {sdk.title}", error)
            return None
        try:
            if type(options.url) is not str:
                call.url = options.url
            if hasattr(client, "_copy_and_prepare"):
                call.unread, json = options, options.json_data
            else:
                json = call.take_request(options)
            if streaming:
                return call, sdk.asking(call, client, options, json)
        except Exception as error:
            note_failure(f"capturing a request of {sdk.title}", error)
        return call, options

    def _prepared(self, options: Any) -> None:
        call = self._get_call()
        if call is None or call.unread is None:
            return
        try:
            call.take_request(options)
        except Exception as error:
            note_failure(f"capturing a request of {self._sdk.title}", error)

    def _returned(self, call: Call, result: Any, asked: bool) -> bool:
        """Note what the SDK returned; return whether the call is over."""
        try:
            if call.unread is not None:  # the patch of the SDK's own preparation could not be applied
                call.take_request(call.unread)
            if call.streaming or not call.take_body(call.http):
                call.http = None
                if follow_call(call, result, asked):
                    return False
                call.body = serialize(result)
        except Exception as error:
            note_failure(f"capturing a response of {self._sdk.title}", error)
        return True

    def _leave(self, call_token: Any) -> None:
        try:
            self._sdk.under_way.reset(call_token)
        except ValueError:  # a coroutine finalised in another context
            pass


# -- guardrails: these raise what stops a call ------------------------------------------------------------------------


def _ask_before(call: Optional[Call]) -> None:
    """Ask whether the request may leave, once, as soon as it is known."""
    if call is None or call.cleared or call.unread is not None:
        return
    call.cleared = True
    before_call(call.span, call.preview_request)


def _answered(call: Call) -> None:
    """End a call that is over, after asking whether its answer may be handed out."""
    try:
        after_call(call.span, call.preview_answer)
    finally:
        call.finish()


async def _answered_async(call: Call) -> None:
    try:
        await after_async_call(call.span, call.preview_answer)
    finally:
        call.finish()
