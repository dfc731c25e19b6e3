"""One call: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

import weakref
from collections import Counter
from copy import copy
from typing import Any, Dict, List, Mapping, Optional

import attrs
import msgspec

from peekr.context import current, restore
from peekr.frameworks import FrameworkCall
from peekr.guarding import after_async_call, after_call, before_call, guards
from peekr.messages import lighten
from peekr.patching import note_failure
from peekr.payload import exchange
from peekr.spans import Span
from peekr.stainless.models import serialize
from peekr.streaming import close_from_finalizer
from peekr.tracer import Tracer, close_span
from peekr_litellm.errors import describe_error
from peekr_litellm.operations import Operation
from peekr_litellm.request import request_attributes, taken
from peekr_litellm.response import response_attributes


class CallPlace(FrameworkCall):
    """The place of a call: what LiteLLM runs below finds it in the context, in threads and tasks of its own too.

    :ivar call: weakly, as contexts that were copied keep the place.
    """

    __slots__ = ("call",)
    call: weakref.ref[Call]


def under_way() -> Optional[Call]:
    """Return the call under way in this context: LiteLLM's own functions that run inside are a part of it."""
    here = current.get()
    place = None if here is None else here.scope.framework
    call = place.call() if isinstance(place, CallPlace) else None
    return None if call is None or call.over else call


@attrs.define(eq=False, repr=False)
class Call:
    """The record of one call until the worker has made attributes of it.

    :ivar place: what is current while LiteLLM is at work; knows whether another plugin recorded the same call.
    :ivar model: the model asked for.
    :ivar capture_io: whether anything of the content may be kept.
    :ivar request: what was asked, as JSON; None where nothing may be captured.
    :ivar unkept: the same where nothing may be captured, for guardrails only.
    :ivar cut: whether ``request`` was cut.
    :ivar over: whether LiteLLM has returned; what begins afterwards is no part of the call.
    :ivar runs: how often each of LiteLLM's functions ran.
    :ivar body: the response as JSON.
    :ivar facts: what is known of who served the call.
    :ivar beside: see :func:`~peekr_litellm.usage.token_attributes`.
    :ivar chunks: the lists in which the streams that were made on the way keep their chunks.
    :ivar asked: whether the request asks for token counts that the caller did not ask for.
    :ivar options: the caller's own ``stream_options``.
    """

    span: Span
    place: CallPlace
    operation: Operation
    model: Any
    streaming: bool
    capture_io: bool
    request: Optional[bytes] = None
    unkept: Optional[bytes] = None
    cut: bool = False
    over: bool = False
    runs: Counter[str] = attrs.field(factory=Counter)
    body: Optional[bytes] = None
    facts: Dict[str, Any] = attrs.field(factory=dict)
    beside: bool = False
    chunks: List[List[Any]] = attrs.field(factory=list)
    asked: bool = False
    options: Optional[Mapping[str, Any]] = None

    @classmethod
    def begin(cls, tracer: Tracer, operation: Operation, given: Mapping[str, Any]) -> Call:
        """Start the span. In the caller's thread."""
        before = current.get()
        span = tracer.start(operation.name, kind=operation.kind)
        place = CallPlace(span, before)
        call = cls(span, place, operation, given.get("model"), bool(given.get("stream")), tracer.capture_io)
        place.call = weakref.ref(call)
        try:
            call._take_request(given)
        except Exception as error:
            note_failure("capturing a request of LiteLLM", error)
        return call

    def new_place(self, recorded: bool) -> CallPlace:
        """Return a place for another stretch of the call."""
        place = CallPlace(self.span, current.get())
        place.call, place.recorded = weakref.ref(self), recorded
        return place

    def _take_request(self, given: Mapping[str, Any]) -> None:
        if not (self.capture_io or guards.any):
            return
        request, self.cut = taken(given)
        self.span._size += len(request)
        if self.capture_io:
            self.request = request
        else:
            self.unkept = request

    def includes(self, operation: Operation) -> bool:
        """Whether an operation that begins in this context is a part of this call."""
        return operation.group == self.operation.group

    def runs_once_more(self, function: str, given: Mapping[str, Any]) -> None:
        """Note that one of LiteLLM's functions runs; what ran before has failed, and is billed by nobody."""
        if given.get("fallbacks") is None:  # it only hands over to itself, without them
            self.runs[function] += 1
            self.place.recorded = False

    def take_result(self, result: Any) -> None:
        """Note a result that is no stream."""
        self.take_facts(result)
        if self.operation.family == "embeddings":
            self.body = msgspec.json.encode(_embeddings(result))
        elif self.operation.family == "speech":
            content = getattr(getattr(result, "response", None), "content", None)
            self.body = b'{"size_bytes":%d}' % len(content) if isinstance(content, bytes) else None
        else:
            self.body = _json(result)
        self.span._size += len(self.body or b"")

    def take_facts(self, result: Any) -> None:
        """Note who served a result or stream."""
        hidden = getattr(result, "_hidden_params", None)
        hidden = hidden if isinstance(hidden, dict) else {}
        provider = hidden.get("custom_llm_provider") or getattr(result, "custom_llm_provider", None)
        if isinstance(provider, str) and provider and provider != "cached_response":
            self.facts["provider"] = provider
        if hidden.get("cache_hit") is True:
            self.facts["cached_response"] = True

    def take_provider(self, logging: Any) -> None:
        """Note whom LiteLLM is about to ask, from the record that it keeps itself."""
        details = getattr(logging, "model_call_details", None)
        provider = details.get("custom_llm_provider") if isinstance(details, dict) else None
        if isinstance(provider, str) and provider:
            self.facts["provider"] = provider

    def finish(self) -> None:
        """End the span; its attributes come later. Never raises."""
        self.span._pending = self.resolve
        close_span(self.span)

    def fail(self, error: BaseException) -> None:
        """End the span with an exception that the caller gets. Never raises."""
        try:
            describe_error(self.span, error)
            self.span._pending = self.resolve
        except Exception as failure:
            note_failure("capturing the error of a call of LiteLLM", failure)
        if isinstance(error, GeneratorExit):
            close_from_finalizer(self.span)
        else:
            close_span(self.span)

    # -- for guardrails, in the caller's thread ---------------------------------------------------------------

    def ask_before(self) -> None:
        """Ask whether the request may leave.

        :raises GuardrailError, BudgetExceededError: if it may not.
        """
        before_call(self.span, lambda view: self.preview(view, None))

    def ask_after(self) -> None:
        """Ask whether the answer may be handed out, unless another plugin has asked.

        :raises GuardrailError: if it may not.
        """
        if not self.place.recorded:
            after_call(self.span, lambda view: self.preview(view, _read(self.body)))

    async def ask_after_async(self) -> None:
        """As :meth:`ask_after`."""
        if not self.place.recorded:
            await after_async_call(self.span, lambda view: self.preview(view, _read(self.body)))

    def preview(self, view: Span, response: Optional[Dict[str, Any]]) -> None:
        """As :meth:`describe`, on a copy of the span, and whatever may be captured."""
        shown = copy(self)
        shown.span, shown.capture_io, shown.facts = view, True, dict(self.facts)
        if shown.request is None:
            shown.request = self.unkept
        shown.describe(view, response)

    # -- in the worker ----------------------------------------------------------------------------------------

    def resolve(self, span: Span) -> None:
        """Make attributes and payload of what was noted."""
        body, self.body = self.body, None
        self.describe(span, _read(body))

    def describe(self, span: Span, response: Optional[Dict[str, Any]]) -> None:
        """Set the span's attributes and payload.

        :param response: the response as JSON data, or None if there was none.
        """
        family, found = self.operation.family, dict(self.facts)
        if response is not None:
            found.update(response_attributes(family, response, beside=self.beside))
        if self.request is not None:
            found.update(request_attributes(family, msgspec.json.decode(self.request)))
            if not self.place.recorded:
                span._payload = exchange(self.request, response, cut=self.cut)
        if not self.capture_io:
            found.pop("output", None)
        if self.place.recorded or found.get("cached_response"):
            found = {name: value for name, value in found.items() if not name.startswith("tokens_")}
            found["billed"] = False
        if isinstance(self.model, str) and self.model and found.setdefault("model", self.model) != self.model:
            found["model_requested"] = self.model
        retries = max(self.runs.values(), default=1) - 1
        found.update(streaming=True if self.streaming else None, retry_count=retries if retries > 0 else None)
        if "error" in found and span.status == "ok":
            span.status = "error"
        known: Dict[str, Any] = span.attributes
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)


class underway:
    """Make a call current for the time of a ``with`` block.

    :param ends: whether an exception of the block ends the call.
    """

    __slots__ = ("_call", "_ends", "_token")

    def __init__(self, call: Call, *, ends: bool = True) -> None:
        self._call = call
        self._ends = ends

    def __enter__(self) -> None:
        call = self._call
        call.over = False
        if call.place.closed:
            call.place = call.new_place(call.place.recorded)
        self._token = current.set(call.place)

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        call = self._call
        call.over = True
        restore(self._token)
        call.place.close()  # contexts that were copied meanwhile have it still
        if error is not None and self._ends:
            call.fail(error)


def _read(body: Optional[bytes]) -> Optional[Dict[str, Any]]:
    if body is None:
        return None
    value = lighten(msgspec.json.decode(body))
    return value if isinstance(value, dict) else {"text": value}


def _json(result: Any) -> Optional[bytes]:
    serializer = getattr(type(result), "__pydantic_serializer__", None)
    if serializer is None:
        return serialize(result)
    return bytes(serializer.to_json(result, exclude_none=True, warnings=False, fallback=str))


def _embeddings(result: Any) -> Dict[str, Any]:
    """An embedding's response without its vectors."""
    data: List[Any] = list(getattr(result, "data", None) or ())
    first = data[0] if data else None
    vector = first.get("embedding") if isinstance(first, dict) else getattr(first, "embedding", None)
    about: Dict[str, Any] = {"count": len(data)}
    if isinstance(vector, list):
        about["dimensions"] = len(vector)
    usage = _json(getattr(result, "usage", None))
    return {
        "model": getattr(result, "model", None),
        "data": about,
        "usage": None if usage is None else msgspec.Raw(usage),
    }
