"""One logical call: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import attrs
import msgspec

from peekr.capture import PAYLOAD_LIMIT, document
from peekr.patching import note_failure
from peekr.reasons import error_attributes
from peekr.spans import Span
from peekr.streaming import Gathering, close_from_finalizer
from peekr.tracer import close_span
from peekr_openai import body as bodies
from peekr_openai.background import unsettled
from peekr_openai.events import accumulator
from peekr_openai.operations import Operation
from peekr_openai.request import files_note, input_text, requested_model
from peekr_openai.response import response_attributes, served_by
from peekr_openai.stream import view


@attrs.define(eq=False, repr=False)
class Call:
    """The record of one call until the worker has made attributes of it.

    :ivar client: the client's class.
    :ivar base_url: of the client, an httpx.URL; ``url`` instead of it where the request had one of its own.
    :ivar request: the JSON body as the caller gave it, or None where nothing may be captured.
    :ivar cut: whether ``request`` was cut.
    :ivar model: the model asked for, where ``request`` is None.
    :ivar http: the HTTP response, while the call is under way.
    :ivar body: the response's bytes.
    :ivar size_bytes: length of a body that is not kept.
    :ivar retries: how often the SDK tried again.
    """

    span: Span
    operation: Operation
    client: Any
    base_url: Any
    streaming: bool
    request: Optional[bytes] = None
    cut: bool = False
    model: Any = None
    url: Any = None
    http: Any = None
    body: Optional[bytes] = None
    size_bytes: Optional[int] = None
    retries: int = 0

    # -- in the caller's thread -------------------------------------------------------------------------------

    def take_request(self, json: Any, files: Any, capture_io: bool) -> None:
        """Note the request as it is now."""
        if not capture_io:
            self.model = json.get("model") if isinstance(json, Mapping) else None
            return
        if files:
            json = {**(json if isinstance(json, Mapping) else {}), "files": files_note(files)}
        self.request, self.cut = document(json if isinstance(json, Mapping) else {"body": json})
        self.span._size += len(self.request)

    def take_body(self, http: Any) -> bool:
        """Note the bytes of a response, if they have been read; return whether they had."""
        content = read_body(http)
        if content is None:
            return False
        if self.operation.name == "openai.audio.speech":
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
            describe_error(span, error)
            if self.http is not None:
                self.take_body(self.http)  # parse() refuses a completion that has been billed
            self.http = None
            span._pending = self.resolve
        except Exception as failure:
            note_failure("capturing an OpenAI call's error", failure)
        if isinstance(error, GeneratorExit):
            close_from_finalizer(span)
        else:
            close_span(span)

    # -- in the worker ----------------------------------------------------------------------------------------

    def resolve(self, span: Span) -> None:
        """Make attributes and payload of what was noted."""
        response: Optional[Dict[str, Any]] = None
        if self.size_bytes is not None:
            response = {"size_bytes": self.size_bytes}
        elif self.body is not None:
            response = bodies.read(self.body, self.operation.family)
            self.body = None
        self.describe(span, response)

    def describe(self, span: Span, response: Optional[Dict[str, Any]]) -> None:
        """Set the span's attributes and payload.

        :param response: the response as JSON data, or None if there was none.
        """
        known = span.attributes
        found: Dict[str, Any] = served_by(self.client.__name__, getattr(self.url or self.base_url, "host", None))
        request = {"model": self.model} if self.request is None else msgspec.json.decode(self.request)
        if self.request is not None:
            found["input"] = input_text(self.operation.family, request)
            span._payload = self._payload(response)
        if response is not None:
            found.update(response_attributes(self.operation.family, response, counts=self._counts(response)))
        if self.request is None:
            found.pop("output", None)
        asked = requested_model(request)
        if asked is not None and found.setdefault("model", asked) != asked:
            found["model_requested"] = asked
        found["streaming"] = True if self.streaming else None
        found["retry_count"] = self.retries or None
        if "error" in found and span.status == "ok":
            span.status = "error"
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)

    def _counts(self, response: Dict[str, Any]) -> bool:
        """Whether the tokens of the response are spent by this call, or first told by it."""
        if self.operation.family != "responses" or not self.operation.counts:
            return self.operation.counts or unsettled.settle(response)
        unsettled.note(response)
        return True

    def _payload(self, response: Optional[Dict[str, Any]]) -> bytes:
        parts: List[bytes] = [b'{"request":', self.request or b"null"]
        shortened = self.cut
        if response is not None:
            encoded, cut = document(response, max(PAYLOAD_LIMIT - len(parts[1]), PAYLOAD_LIMIT // 4))
            parts += [b',"response":', encoded]
            shortened = shortened or cut
        parts.append(b',"truncated":true}' if shortened else b"}")
        return b"".join(parts)


def describe_error(span: Span, error: BaseException) -> None:
    """Mark the span as failed by this exception, with the reason in peekr's terms."""
    span.record_error(error)
    span.attributes.update(error_attributes(error))


def read_body(http: Any) -> Optional[bytes]:
    """Return the bytes of an HTTP response, or None if nobody has read them."""
    try:
        content = http.content
    except Exception:  # ResponseNotRead, of httpx or httpx2
        return None
    return content if isinstance(content, bytes) else None


class StreamedCall(Gathering):
    """Gathers the chunks of a streamed call.

    :param hide_usage: the caller did not ask for the usage, peekr did: keep it from them.
    """

    def __init__(self, call: Call, hide_usage: bool) -> None:
        self._call = call
        self._accumulator = accumulator(call.operation.family)
        self.filters = hide_usage

    def is_content(self, chunk: Any) -> bool:
        return self._accumulator.is_content(chunk)

    def shows(self, chunk: Any) -> bool:
        """Drop the chunk that has only the usage; from the others take the empty ``usage`` that came with it."""
        if isinstance(chunk, dict):
            if chunk.get("usage") is None:
                chunk.pop("usage", None)
                return True
        elif chunk.usage is None:
            chunk.model_fields_set.discard("usage")
            return True
        return bool(view(chunk).get("choices"))

    def add(self, chunks: List[Any]) -> None:
        add = self._accumulator.add
        for chunk in chunks:
            try:
                add(chunk)
            except Exception as error:
                note_failure("reading an OpenAI stream's chunk", error)

    def is_complete(self) -> bool:
        return self._accumulator.is_complete()

    def finish(self, span: Span) -> None:
        self._call.describe(span, self._accumulator.response())


class UnreadCall(Gathering):
    """A call whose body the caller reads by hand, through ``with_streaming_response``."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def is_complete(self) -> bool:
        return self._call.body is not None or self._call.size_bytes is not None

    def finish(self, span: Span) -> None:
        self._call.resolve(span)
