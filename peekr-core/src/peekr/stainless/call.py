"""One logical call: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Dict, Iterable, List, Optional, Tuple

import attrs
import msgspec

from peekr.guarding import guards
from peekr.patching import note_failure
from peekr.payload import exchange, request_document
from peekr.spans import Span
from peekr.stainless.operations import Operation
from peekr.stainless.sdk import Sdk
from peekr.streaming import Gathering, close_from_finalizer
from peekr.tracer import close_span


@attrs.define(eq=False, repr=False)
class Call:
    """The record of one call until the worker has made attributes of it.

    :ivar client: the client's class.
    :ivar base_url: of the client, an httpx.URL; ``url`` instead of it where the request had one of its own.
    :ivar unread: options whose body is to be noted as soon as the SDK has made plain data of it.
    :ivar request: the JSON body as the caller gave it, or None where nothing may be captured.
    :ivar unkept: the JSON body where nothing may be captured, for guardrails only.
    :ivar cut: whether ``request`` was cut.
    :ivar model: the model asked for, where ``request`` is None.
    :ivar http: the HTTP response, while the call is under way.
    :ivar body: the response's bytes.
    :ivar size_bytes: length of a body that is not kept.
    :ivar retries: how often the SDK tried again.
    :ivar cleared: whether the guardrails have been asked about the request.
    """

    sdk: Sdk
    span: Span
    operation: Operation
    client: Any
    base_url: Any
    streaming: bool
    unread: Any = None
    request: Optional[bytes] = None
    unkept: Optional[bytes] = None
    cut: bool = False
    model: Any = None
    url: Any = None
    http: Any = None
    body: Optional[bytes] = None
    size_bytes: Optional[int] = None
    retries: int = 0
    cleared: bool = False

    # -- in the caller's thread -------------------------------------------------------------------------------

    def take_request(self, options: Any) -> Any:
        """Note the request as it is now; return its JSON body."""
        self.unread = None
        json, extra = options.json_data, options.extra_json
        if extra and isinstance(json, Mapping):
            json = {**json, **extra}
        body = json if isinstance(json, Mapping) else {"body": json}
        if not self.sdk.tracer.capture_io:
            self.model = body.get("model")
            if guards.any:
                self.unkept = request_document(body)[0]
            return json
        if options.files:
            body = {**body, "files": self.sdk.files_note(options.files)}
        self.request, self.cut = request_document(body)
        self.span._size += len(self.request)
        return json

    def take_body(self, http: Any) -> bool:
        """Note the bytes of a response, if they have been read; return whether they had."""
        content = read_body(http)
        if content is None:
            return False
        if self.operation.binary:
            self.size_bytes = len(content)
        else:
            self.body = content
        return True

    def finish(self) -> None:
        """End the span; its attributes come later."""
        span = self.span
        if self.body is not None:
            span._size += len(self.body)
        self.http = None
        span._pending = self.resolve
        close_span(span)

    def fail(self, error: BaseException) -> None:
        """End the span with an exception that the caller gets."""
        span = self.span
        try:
            self.sdk.describe_error(span, error)
            if self.unread is not None:  # the SDK would not take it
                self.take_request(self.unread)
            if self.http is not None:
                self.take_body(self.http)  # parse() refuses a completion that has been billed
            self.http = None
            span._pending = self.resolve
        except Exception as failure:
            note_failure(f"capturing the error of a call of {self.sdk.title}", failure)
        if isinstance(error, GeneratorExit):
            close_from_finalizer(span)
        else:
            close_span(span)

    # -- for guardrails, in the caller's thread ---------------------------------------------------------------

    def preview_request(self, view: Span) -> None:
        """Describe the request on a copy of the span, whatever may be captured."""
        self.preview(view, None)

    def preview_answer(self, view: Span) -> None:
        """Describe the request and the answer, whose body is at hand."""
        self.preview(view, None if self.body is None else self.sdk.read(self.body, self.operation))

    def preview(self, view: Span, response: Optional[Dict[str, Any]]) -> None:
        """As :meth:`describe`, on a copy of the span and without a trace in this record."""
        shown = copy(self)
        if shown.request is None:
            shown.request = self.unkept
        shown.describe(view, response)

    # -- in the worker ----------------------------------------------------------------------------------------

    def resolve(self, span: Span) -> None:
        """Make attributes and payload of what was noted."""
        response: Optional[Dict[str, Any]] = None
        if self.size_bytes is not None:
            response = {"size_bytes": self.size_bytes}
        elif self.body is not None:
            response = self.sdk.read(self.body, self.operation)
            self.body = None
        self.describe(span, response)

    def describe(self, span: Span, response: Optional[Dict[str, Any]]) -> None:
        """Set the span's attributes and payload.

        :param response: the response as JSON data, or None if there was none.
        """
        known = span.attributes
        request = {"model": self.model} if self.request is None else msgspec.json.decode(self.request)
        found = self.sdk.request_attributes(self, request)
        if self.request is not None:
            span._payload = exchange(self.request, response, cut=self.cut)
        if response is not None:
            found.update(self.sdk.response_attributes(self, response))
        if self.request is None:
            for name in self.sdk.content:
                found.pop(name, None)
        asked = request.get("model")
        if isinstance(asked, str) and asked and found.setdefault("model", asked) != asked:
            found["model_requested"] = asked
        found["streaming"] = True if self.streaming else None
        found["retry_count"] = self.retries or None
        if "error" in found and span.status == "ok":
            span.status = "error"
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)


def read_body(http: Any) -> Optional[bytes]:
    """Return the bytes of an HTTP response, or None if nobody has read them."""
    try:
        content = http.content
    except Exception:  # ResponseNotRead, of httpx or httpx2
        return None
    return content if isinstance(content, bytes) else None


class StreamedCall(Gathering):
    """Gathers the chunks of a streamed call.

    :param asked: the request was changed to ask for what the caller did not ask for: keep that from them.
    """

    def __init__(self, call: Call, asked: bool) -> None:
        self._call = call
        self._accumulator = call.sdk.accumulator(call.operation)
        self.filters = asked

    def is_content(self, chunk: Any) -> bool:
        return self._accumulator.is_content(chunk)

    def shows(self, chunk: Any) -> bool:
        return self._accumulator.shows(chunk)

    def said(self, chunk: Any) -> Iterable[Tuple[Any, str]]:
        return self._accumulator.said(chunk)

    def preview(self, span: Span, *, answered: bool) -> None:
        self._call.preview(span, self._accumulator.response() if answered else None)

    def add(self, chunks: List[Any]) -> None:
        add = self._accumulator.add
        for chunk in chunks:
            try:
                add(chunk)
            except Exception as error:
                note_failure(f"reading a chunk of {self._call.sdk.title}", error)

    def is_complete(self) -> bool:
        return self._accumulator.is_complete()

    def finish(self, span: Span) -> None:
        if span.status == "ok" and self._accumulator.is_cut():
            span.attributes["stream_incomplete"] = True
        self._call.describe(span, self._accumulator.response())


class UnreadCall(Gathering):
    """A call whose body the caller reads by hand, through ``with_streaming_response``."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def is_complete(self) -> bool:
        return self._call.body is not None or self._call.size_bytes is not None

    def finish(self, span: Span) -> None:
        self._call.resolve(span)
