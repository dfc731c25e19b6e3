"""What one SDK has of its own; a provider subclasses it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple

from peekr.reasons import error_attributes
from peekr.spans import Span
from peekr.stainless.models import Accumulator, json_object
from peekr.stainless.operations import Operation, Routes
from peekr.tracer import Tracer

if TYPE_CHECKING:
    from peekr.stainless.call import Call

Json = Mapping[str, Any]
Attributes = Dict[str, Any]


class Sdk:
    """Describes one SDK to the wrappers around its functions, which keep this object.

    :ivar title: the SDK's name in log messages.
    :ivar routes: which requests make a span.
    :ivar content: attributes that hold what was said, and are left out where nothing may be captured.
    :ivar tracer: the one in use.
    :ivar under_way: the call under way in this context, for the inner functions of the SDK's client.
    """

    title: str
    routes: Routes
    content: Tuple[str, ...] = ("output",)

    def __init__(self) -> None:
        self.tracer = Tracer()
        self.under_way: ContextVar[Optional[Call]] = ContextVar(f"peekr_{self.title}_call", default=None)

    # -- in the caller's thread -------------------------------------------------------------------------------

    def asking(self, call: Call, client: Any, options: Any, json: Any) -> Any:
        """Return the options to send for a streamed call: the same, or a changed copy that asks for its usage."""
        return options

    def turned_down(self, client: Any, error: BaseException) -> bool:
        """Whether a request failed because of what :meth:`asking` changed; it is then sent again as it was."""
        return False

    def files_note(self, files: Any) -> Any:
        """Describe uploads without reading them."""
        return None

    def describe_error(self, span: Span, error: BaseException) -> None:
        """Mark the span as failed by this exception, with the reason in peekr's terms."""
        span.record_error(error)
        span.attributes.update(self.error_attributes(error))

    def error_attributes(self, error: BaseException) -> Attributes:
        """Return ``error_reason``, ``status_code`` and ``error_code`` of an exception."""
        return error_attributes(error)

    # -- in the worker ----------------------------------------------------------------------------------------

    def accumulator(self, operation: Operation) -> Accumulator:
        """Return a new accumulator for a stream of this operation."""
        raise NotImplementedError

    def read(self, body: bytes, operation: Operation) -> Dict[str, Any]:
        """Return the JSON object of a response's body."""
        return json_object(body)

    def request_attributes(self, call: Call, request: Json) -> Attributes:
        """Return what the request and the client say: ``input``, ``provider``, ``server``.

        :param request: the JSON body, or only its ``model`` where nothing may be captured.
        """
        raise NotImplementedError

    def response_attributes(self, call: Call, response: Json) -> Attributes:
        """Return what the response says: ``model``, ``tokens_*``, ``output``, ``finish_reason``, …

        With ``error`` among them, the span has failed.
        """
        raise NotImplementedError
