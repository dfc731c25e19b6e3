"""One call of the model: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from copy import copy
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, Optional, Tuple, Union
from urllib.parse import urlsplit

import attrs
import msgspec

from peekr.guarding import after_call, before_call, guards
from peekr.patching import note_failure
from peekr.payload import exchange, request_document
from peekr.spans import Span
from peekr.streaming import Gathering, close_from_finalizer
from peekr.tracer import close_span
from peekr_gemini.data import json_value, plain, read, serialize
from peekr_gemini.errors import describe_error
from peekr_gemini.operations import Operation
from peekr_gemini.request import model_name, request_attributes
from peekr_gemini.response import response_attributes, served_by
from peekr_gemini.stream import Accumulator, said, says_something

#: The call under way in this context, for the inner functions of the SDK's client.
under_way: ContextVar[Optional[Call]] = ContextVar("peekr_gemini_call", default=None)


@attrs.define(eq=False, repr=False)
class Call:
    """The record of one call until the worker has made attributes of it.

    :ivar model: the model asked for.
    :ivar capture_io: whether anything of the content may be kept.
    :ivar close: ends the span.
    :ivar arguments: the request as the caller gave it, until it is known as it goes over the wire.
    :ivar request: the JSON body, or None where nothing may be captured.
    :ivar unkept: the JSON body where nothing may be captured, for guardrails only.
    :ivar cleared: whether the guardrails have been asked about the request.
    :ivar cut: whether ``request`` was cut.
    :ivar attempts: how often the request was sent.
    :ivar base_url: of the client.
    :ivar body: the response's body.
    :ivar bodies: of the chunks of a stream that have been read, in order.
    """

    span: Span
    operation: Operation
    model: Any
    vertex: bool
    capture_io: bool
    close: Callable[[Span], None] = close_span
    arguments: Optional[Mapping[str, Any]] = None
    request: Optional[bytes] = None
    unkept: Optional[bytes] = None
    cleared: bool = False
    cut: bool = False
    attempts: int = 0
    sent: bool = False
    base_url: Any = None
    body: Union[str, bytes, None] = None
    bodies: Deque[Any] = attrs.field(factory=deque)

    # -- in the caller's thread -------------------------------------------------------------------------------

    def take_request(self, body: Mapping[str, Any], base_url: Any = None) -> None:
        """Note the request as it goes over the wire. Never raises."""
        self.sent, self.arguments = True, None
        self.base_url = base_url
        if self.capture_io or guards.any:
            try:
                self._keep({name: value for name, value in body.items() if name[:1] != "_"})
            except Exception as error:
                note_failure("capturing a Gemini request", error)

    def take_response(self, body: Any) -> None:
        """Note the body as it came over the wire."""
        if isinstance(body, (str, bytes)) and body:
            self.body = body

    def _keep(self, body: Dict[str, Any]) -> None:
        if isinstance(self.model, str):
            body = {"model": self.model, **body}
        taken, self.cut = request_document(body)
        self.span._size += len(taken)
        if self.capture_io:
            self.request = taken
        else:
            self.unkept = taken

    def _take_arguments(self) -> None:
        """The request never went over the wire that is watched: take it as the caller gave it."""
        given, self.arguments = self.arguments, None
        if given is None or not (self.capture_io or guards.any) or self.request is not None:
            return
        body = {name: plain(value) for name, value in given.items() if value is not None}
        config = body.pop("config", None)
        self._keep({**body, **config} if isinstance(config, dict) else body)

    def finish(self, result: Any = None) -> None:
        """End the span; its attributes come later. Never raises."""
        try:
            if self.body is None:
                self.body = serialize(result)
            self._take_arguments()
            self.span._size += len(self.body or ())
            self.span._pending = self.resolve
        except Exception as error:
            note_failure("capturing a Gemini response", error)
        self.close(self.span)

    def fail(self, error: BaseException) -> None:
        """End the span with an exception that the caller gets. Never raises."""
        span = self.span
        try:
            self.describe_error(span, error)
            self._take_arguments()
            span._pending = self.resolve
        except Exception as failure:
            note_failure("capturing the error of a Gemini call", failure)
        if isinstance(error, GeneratorExit):
            close_from_finalizer(span)
        else:
            self.close(span)

    def describe_error(self, span: Span, error: BaseException) -> None:
        """Mark the span as failed by this exception."""
        describe_error(span, error, sent=self.sent)

    # -- for guardrails, in the caller's thread ---------------------------------------------------------------

    def ask_before(self) -> None:
        """Ask whether the request may leave, once, as soon as it is known.

        :raises GuardrailError, BudgetExceededError: if it may not.
        """
        if not self.cleared:
            self.cleared = True
            before_call(self.span, lambda view: self.preview(view, None))

    def finish_asking(self, result: Any = None) -> None:
        """End the span, after asking whether the answer may be handed out.

        :raises GuardrailError: if it may not.
        """
        try:
            if guards.outputs:
                self._take_arguments()
                after_call(self.span, lambda view: self.preview(view, self.answer(result)))
        finally:
            self.finish(result)

    def answer(self, result: Any) -> Optional[Dict[str, Any]]:
        """Return the response as JSON data, if there is one."""
        body = self.body if self.body is not None else serialize(result)
        return None if body is None else read(body, self.operation.family)

    def preview_answer(self, view: Span) -> None:
        """Describe the request and the answer on a copy of the span."""
        self.preview(view, self.answer(None))

    def preview(self, view: Span, response: Optional[Dict[str, Any]]) -> None:
        """As :meth:`describe`, on a copy of the span, and whatever may be captured."""
        shown = copy(self)
        shown.span, shown.capture_io = view, True
        if shown.request is None:
            shown.request = self.unkept
        shown.describe(view, response)

    # -- in the worker ----------------------------------------------------------------------------------------

    def resolve(self, span: Span) -> None:
        """Make attributes and payload of what was noted."""
        response = None
        if self.body is not None:
            response = read(self.body, self.operation.family)
            self.body = None
        self.describe(span, response)

    def describe(self, span: Span, response: Optional[Dict[str, Any]]) -> None:
        """Set the span's attributes and payload.

        :param response: the response as JSON data, or None if there was none.
        """
        known, family = span.attributes, self.operation.family
        found = served_by(self.vertex, self._host())
        if response is not None:
            found.update(response_attributes(family, response))
        if self.request is not None:
            found.update(request_attributes(family, msgspec.json.decode(self.request)))
            span._payload = exchange(self.request, response, cut=self.cut)
        if not self.capture_io:
            found.pop("output", None)
        asked = model_name(self.model)
        if asked is not None and found.setdefault("model", asked) != asked:
            found["model_requested"] = asked
        found["streaming"] = True if self.operation.streaming else None
        found["retry_count"] = self.attempts - 1 if self.attempts > 1 else None
        if "error" in found and span.status == "ok":
            span.status = "error"
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)

    def _host(self) -> Optional[str]:
        try:
            return urlsplit(self.base_url).hostname if isinstance(self.base_url, str) else None
        except ValueError:
            return None


class StreamedCall(Gathering):
    """Gathers the chunks of a streamed call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._accumulator = Accumulator()

    def is_content(self, chunk: Any) -> bool:
        return says_something(chunk)

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        return said(chunk)

    def preview(self, span: Span, *, answered: bool) -> None:
        self._call._take_arguments()
        self._call.preview(span, self._accumulator.response() if answered else None)

    def add(self, chunks: List[Any]) -> None:
        add, bodies = self._accumulator.add, self._call.bodies
        for chunk in chunks:
            try:
                body = bodies.popleft() if bodies else None
                add(json_value(body) if body else plain(chunk))
            except Exception as error:
                note_failure("reading a Gemini stream's chunk", error)

    def is_complete(self) -> bool:
        return self._accumulator.is_complete()

    def finish(self, span: Span) -> None:
        if span.status == "ok" and not self.is_complete():  # the server hung up politely
            span.attributes["stream_incomplete"] = True
        self._call._take_arguments()
        self._call.describe(span, self._accumulator.response())
