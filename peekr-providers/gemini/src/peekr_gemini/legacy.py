"""The wrappers around ``google-generativeai``, the SDK before this one, whose objects are protocol buffers."""

from __future__ import annotations

import functools
import importlib
import sys
from copy import copy
from typing import Any, Dict, Iterator, List, Optional, Tuple

import attrs

from peekr.guarding import guards
from peekr.patching import Patches, note_failure
from peekr.spans import Span
from peekr.streaming import Gathering, StreamRecorder
from peekr_gemini.call import Call, under_way
from peekr_gemini.calls import Begin, around, async_around, begin
from peekr_gemini.functions import wrap_function
from peekr_gemini.operations import COUNT, EMBED, GENERATE, STREAM, Operation
from peekr_gemini.stream import Accumulator, said
from peekr_gemini.turns import wrap_async_method, wrap_method

_get_call = under_way.get
_PACKAGE = "google.generativeai"


def patch(patches: Patches) -> None:
    """Patch the old SDK, which has been imported."""
    module = sys.modules.get(f"{_PACKAGE}.generative_models")
    model, chat = getattr(module, "GenerativeModel", None), getattr(module, "ChatSession", None)
    patches.wrap(model, "generate_content", wrap_call(GENERATE))
    patches.wrap(model, "generate_content_async", wrap_async_call(GENERATE))
    patches.wrap(model, "count_tokens", wrap_call(COUNT))
    patches.wrap(model, "count_tokens_async", wrap_async_call(COUNT))
    patches.wrap(model, "_prepare_request", wrap_prepare)
    patches.wrap(chat, "send_message", wrap_method("gemini.chats.send_message"))
    patches.wrap(chat, "send_message_async", wrap_async_method("gemini.chats.send_message"))
    functions = getattr(sys.modules.get(f"{_PACKAGE}.types.content_types"), "FunctionLibrary", None)
    patches.wrap(functions, "__call__", wrap_function)
    for name in (_PACKAGE, f"{_PACKAGE}.embedding"):  # the package has references of its own to the functions
        patches.wrap(sys.modules.get(name), "embed_content", wrap_embed)
        patches.wrap(sys.modules.get(name), "embed_content_async", wrap_async_embed)


def message(value: Any) -> Any:
    """Return a protocol buffer of the SDK as JSON data; a dict as it is, None for anything else."""
    unwrap = getattr(type(value), "pb", None)
    if unwrap is None:
        return value if isinstance(value, dict) else None
    to_dict = importlib.import_module("google.protobuf.json_format").MessageToDict  # comes with the SDK
    return to_dict(unwrap(value))


@attrs.define(eq=False, repr=False)
class LegacyCall(Call):
    """One call of the old SDK.

    :ivar prepared: the request as it goes out; nobody changes it any more.
    :ivar result: the response.
    """

    prepared: Any = None
    result: Any = None

    def resolve(self, span: Span) -> None:
        self.take_prepared()
        self.describe(span, message(self.result))

    def take_prepared(self) -> None:
        """Make JSON of the request, in the worker."""
        request = message(self.prepared)
        if request:
            request.pop("model", None)
            self.take_request(request)

    def _take_arguments(self) -> None:
        if self.prepared is None:
            super()._take_arguments()

    def answer(self, result: Any) -> Optional[Dict[str, Any]]:
        """Return the response as JSON data, if there is one."""
        return message(self.result)  # type: ignore[no-any-return]

    def preview(self, view: Span, response: Optional[Dict[str, Any]]) -> None:
        shown = copy(self)
        shown.span, shown.capture_io = view, True
        shown.take_prepared()
        shown.describe(view, response)


class LegacyStream(Gathering):
    """Gathers the chunks of a streamed call."""

    def __init__(self, call: LegacyCall, first: Any) -> None:
        self._call = call
        self._first: List[Any] = [first]
        self._accumulator = Accumulator()

    def is_content(self, chunk: Any) -> bool:
        return bool(chunk.candidates)

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        return said(chunk)

    def preview(self, span: Span, *, answered: bool) -> None:
        self.add([])  # the first chunk
        self._call.preview(span, self._accumulator.response() if answered else None)

    def add(self, chunks: List[Any]) -> None:
        for chunk in [*self._first, *chunks]:
            self._accumulator.add(message(chunk))
        self._first = []

    def is_complete(self) -> bool:
        return self._accumulator.is_complete()

    def finish(self, span: Span) -> None:
        if span.status == "ok" and not self.is_complete():
            span.attributes["stream_incomplete"] = True
        self._call.take_prepared()
        self._call.describe(span, self._accumulator.response())


def wrap_prepare(original: Any) -> Any:
    """Wrap the method that makes one request of all arguments and defaults."""

    @functools.wraps(original)
    def prepare(self: Any, *args: Any, **kwargs: Any) -> Any:
        request = original(self, *args, **kwargs)
        call = _get_call()
        if isinstance(call, LegacyCall):
            call.prepared, call.sent = request, True
            if guards.inputs:
                call.ask_before()
        return request

    return prepare


def wrap_call(operation: Operation) -> Any:
    """Return a wrapper for a method of ``GenerativeModel``, sync."""
    return around(_starting(operation), _returned)


def wrap_async_call(operation: Operation) -> Any:
    """Return a wrapper for a method of ``GenerativeModel``, async."""
    return async_around(_starting(operation), _returned)


def _starting(operation: Operation) -> Begin:
    def start(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
        streaming = operation is GENERATE and kwargs.get("stream")
        model, contents = args[0].model_name, args[1] if len(args) > 1 else kwargs.get("contents")
        return begin(STREAM if streaming else operation, model, None, {"contents": contents}, LegacyCall)

    return start


def _embedding(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Call]:
    """Start a call of ``embed_content``; the package's function and the module's are one inside the other."""
    if isinstance(_get_call(), LegacyCall):
        return None
    model, content = (*args, None, None)[:2]
    contents = kwargs.get("content") if content is None else content
    return begin(EMBED, kwargs.get("model") if model is None else model, None, {"contents": contents}, LegacyCall)


def _returned(call: Any, result: Any) -> Any:
    """Note a response, or follow a stream inside the SDK's own object."""
    try:
        inner, first = getattr(result, "_iterator", None), getattr(result, "_result", result)
        if inner is not None:
            recorder = StreamRecorder(call.span, LegacyStream(call, first), call.describe_error, call.close)
            recorder.first(first)
            result._iterator = recorder.wrap_async(inner) if hasattr(inner, "__anext__") else recorder.wrap(inner)
            return result
        call.result = first
    except Exception as error:
        note_failure("capturing a Gemini response", error)
    call.finish_asking()
    return result


wrap_embed = around(_embedding, _returned)
wrap_async_embed = async_around(_embedding, _returned)
