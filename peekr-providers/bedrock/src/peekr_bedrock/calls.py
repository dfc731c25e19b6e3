"""The wrappers around the SDK's call function: begin a call, follow it, return what the SDK returned."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Optional

from peekr.context import current, restore
from peekr.guarding import STOPS, after_async_call, after_call, before_call, guards
from peekr.patching import note_failure
from peekr.streaming import StreamRecorder
from peekr.tracer import Tracer
from peekr_bedrock.body import Tee, at_hand, follow_body
from peekr_bedrock.call import Call, ReadCall
from peekr_bedrock.errors import describe_error
from peekr_bedrock.events import follow_stream, gather_at_once
from peekr_bedrock.operations import INVOKE_MODEL, OPERATIONS

_set_span = current.set


class _Use:
    """The tracer in use."""

    tracer = Tracer()


def use(tracer: Tracer) -> None:
    """Make spans with this tracer from now on."""
    _Use.tracer = tracer


def _begin(client: Any, name: str, params: Any) -> Optional[Call]:
    """Start the span of a call, or return None if it is not to be traced. Never raises."""
    try:
        service, operation = OPERATIONS[name]
        if client.meta.service_model.service_name != service:
            return None
        tracer, kind = _Use.tracer, operation.kind
        if operation is INVOKE_MODEL and "embed" in str(params.get("modelId")).lower():
            kind = "embedding"
        span = tracer.start(operation.name, kind=kind)
        call = Call(span, operation, client.meta.region_name, client.meta.endpoint_url)
    except Exception as error:
        note_failure("beginning a Bedrock call", error)
        return None
    try:
        call.take_request(params, tracer.capture_io)
    except Exception as error:
        note_failure("capturing a Bedrock request", error)
    return call


def _returned(call: Call, result: Any) -> bool:
    """Note what the SDK returned: all of it, or the stream or body that the caller will read.

    :return: whether the call is over.
    """
    try:
        if isinstance(result, Mapping):
            call.take_metadata(result)
            if call.operation.stream is not None:
                stream = result.get(call.operation.stream)
                if follow_stream(call, stream):
                    return False
                if isinstance(stream, list):
                    gather_at_once(call, stream)
                    return False
            elif call.operation is INVOKE_MODEL:
                if _body_follows(call, result.get("body")):
                    return False
            else:
                call.take_result(result)
    except STOPS:
        raise
    except Exception as error:
        note_failure("capturing a Bedrock response", error)
    return True


def _ask_before(call: Call) -> None:
    before_call(call.span, call.preview_request)


def _answered(call: Call) -> None:
    """End a call that is over, after asking whether its answer may be handed out."""
    try:
        if guards.outputs:
            after_call(call.span, call.preview_answer)
    finally:
        call.finish()


async def _answered_async(call: Call) -> None:
    try:
        if guards.outputs:
            await after_async_call(call.span, call.preview_answer)
    finally:
        call.finish()


def _body_follows(call: Call, body: Any) -> bool:
    call.body = at_hand(body)
    if call.body is not None:
        return False
    recorder = StreamRecorder(call.span, ReadCall(call), describe_error)
    length = getattr(body, "_content_length", None) or getattr(body, "_self_content_length", None)
    call.tee = Tee(recorder, length)
    followed = False
    try:
        followed = follow_body(body, call.tee)
    finally:
        if not followed:
            recorder.cancel()
            call.tee = None
    return followed


def wrap_call(original: Any) -> Any:
    """Wrap ``BaseClient._make_api_call``."""

    @functools.wraps(original)
    def _make_api_call(self: Any, operation_name: str, api_params: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, operation_name, api_params) if operation_name in OPERATIONS else None
        if call is None:
            return original(self, operation_name, api_params, *args, **kwargs)
        token = _set_span(call.span)
        try:
            if guards.inputs:
                _ask_before(call)
            result = original(self, operation_name, api_params, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            restore(token)
        if _returned(call, result):
            _answered(call)
        return result

    return _make_api_call


def wrap_async_call(original: Any) -> Any:
    """Wrap ``AioBaseClient._make_api_call``."""

    @functools.wraps(original)
    async def _make_api_call(self: Any, operation_name: str, api_params: Any, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, operation_name, api_params) if operation_name in OPERATIONS else None
        if call is None:
            return await original(self, operation_name, api_params, *args, **kwargs)
        token = _set_span(call.span)
        try:
            if guards.inputs:
                _ask_before(call)
            result = await original(self, operation_name, api_params, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            restore(token)
        if _returned(call, result):
            await _answered_async(call)
        return result

    return _make_api_call
