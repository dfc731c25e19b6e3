"""One logical call: what is noted of it in the caller's thread, and what the worker makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Callable, Dict, List, Optional
from urllib.parse import urlsplit

import attrs
import msgspec

from peekr.capture import cut
from peekr.guarding import guards
from peekr.patching import note_failure
from peekr.payload import exchange
from peekr.spans import Span
from peekr.streaming import Gathering, close_from_finalizer
from peekr.tracer import close_span
from peekr_bedrock import agentic, agents, request
from peekr_bedrock.answer import Answer, Json
from peekr_bedrock.body import KEPT, Tee
from peekr_bedrock.bodyjson import parse
from peekr_bedrock.converse import read_converse
from peekr_bedrock.errors import describe_error
from peekr_bedrock.families import METRICS, read_body, without_vectors
from peekr_bedrock.operations import Operation
from peekr_bedrock.tokens import header_usage, token_attributes

_READERS: Dict[str, Callable[[Json], Answer]] = {
    "converse": read_converse,
    "invoke": read_body,
    "guardrail": agents.read_guardrail,
    "retrieve": agents.read_retrieval,
    "rag": agents.read_rag,
    "flow": agents.read_flow,
    "agent": agents.read_agent,
    "agentic": agentic.read_agentic,
    "optimize": agentic.read_optimized,
}
#: Parameters that say which resource was used, and the attributes they become.
_RESOURCES = {
    "guardrailIdentifier": "guardrail_id",
    "agentId": "agent_id",
    "flowIdentifier": "flow_id",
    "knowledgeBaseId": "knowledge_base_id",
}
_HEADERS = "x-amzn-bedrock-"


@attrs.define(eq=False, repr=False)
class Call:
    """The record of one call until the worker has made attributes of it.

    :ivar region: the AWS region of the client.
    :ivar endpoint: the URL of the service.
    :ivar request: the parameters as the caller gave them, or None where nothing may be captured.
    :ivar unkept: the parameters where nothing may be captured, for guardrails only.
    :ivar cut: whether ``request`` or ``response`` was cut.
    :ivar model: the model asked for, where ``request`` is None.
    :ivar sent: the body of InvokeModel.
    :ivar response: the result, of operations that return it whole.
    :ivar tee: what the caller has read of the body of an InvokeModel response.
    :ivar body: that body, where it was at hand.
    :ivar headers: those of the response that Bedrock adds.
    :ivar retries: how often the SDK tried again.
    """

    span: Span
    operation: Operation
    region: Any = None
    endpoint: Any = None
    request: Optional[bytes] = None
    unkept: Optional[bytes] = None
    cut: bool = False
    model: Any = None
    sent: Any = None
    response: Optional[bytes] = None
    tee: Optional[Tee] = None
    body: Optional[bytes] = None
    headers: Mapping[str, Any] = attrs.field(factory=dict)
    retries: int = 0
    request_id: Optional[str] = None

    # -- in the caller's thread -------------------------------------------------------------------------------

    def take_request(self, params: Mapping[str, Any], capture_io: bool) -> None:
        """Note the parameters as they are now."""
        model = params.get("modelId")
        self.model = model if isinstance(model, str) else None
        if not (capture_io or guards.any):
            return
        if self.operation.family == "invoke":
            self.sent = request.take_body(params.get("body"))
            self.span._size += len(self.sent or b"")
            params = {key: value for key, value in params.items() if key != "body"}
        taken, self.cut = request.encode(params)
        self.span._size += len(taken)
        if capture_io:
            self.request = taken
        else:
            self.unkept = taken

    def take_metadata(self, result: Mapping[str, Any]) -> None:
        """Note what botocore tells about the exchange."""
        metadata = result.get("ResponseMetadata")
        if isinstance(metadata, Mapping):
            retries, identity = metadata.get("RetryAttempts"), metadata.get("RequestId")
            self.retries = retries if isinstance(retries, int) else 0
            self.request_id = identity if isinstance(identity, str) else None
            headers = metadata.get("HTTPHeaders")
            if isinstance(headers, Mapping):
                self.headers = {name: headers[name] for name in headers if str(name).startswith(_HEADERS)}

    def take_result(self, result: Mapping[str, Any]) -> None:
        """Note a whole result as it is now. The answer comes last: if something is cut, then not the usage."""
        whole = {key: value for key, value in result.items() if key not in ("ResponseMetadata", "output")}
        if "output" in result:
            whole["output"] = result["output"]
        self.response, shortened = request.encode(whole)
        self.cut = self.cut or shortened
        self.span._size += len(self.response)

    def finish(self) -> None:
        """End the span; its attributes come later."""
        self.span._size += len(self.body or b"")
        self.span._pending = self.resolve
        close_span(self.span)

    def fail(self, error: BaseException) -> None:
        """End the span with an exception that the caller gets."""
        span = self.span
        try:
            describe_error(span, error)
            response = getattr(error, "response", None)
            if isinstance(response, Mapping):
                self.take_metadata(response)
            span._pending = self.resolve
        except Exception as failure:
            note_failure("capturing a Bedrock call's error", failure)
        if isinstance(error, GeneratorExit):
            close_from_finalizer(span)
        else:
            close_span(span)

    # -- for guardrails, in the caller's thread ---------------------------------------------------------------

    def preview_request(self, view: Span) -> None:
        """Describe the request on a copy of the span, whatever may be captured."""
        self.preview(view, None)

    def preview_answer(self, view: Span) -> None:
        """Describe the request and the answer, as far as it is at hand."""
        self.preview(view, self._answer())

    def preview(self, view: Span, response: Optional[Dict[str, Any]]) -> None:
        """As :meth:`describe`, on a copy of the span and without a trace in this record."""
        shown = copy(self)
        shown.span = view
        if shown.request is None:
            shown.request = self.unkept
        shown.describe(view, response)

    # -- in the worker ----------------------------------------------------------------------------------------

    def resolve(self, span: Span) -> None:
        """Make attributes and payload of what was noted."""
        response = self._answer()
        self.body = self.tee = None
        self.describe(span, response)

    def _answer(self) -> Optional[Dict[str, Any]]:
        body = self.body if self.tee is None else self.tee.content()
        if self.response is not None:
            return msgspec.json.decode(self.response)  # type: ignore[no-any-return]
        if body is not None:
            return parse(body)
        if self.tee is not None and self.tee.size > KEPT:
            return {"size_bytes": self.tee.size}
        return None

    def describe(self, span: Span, response: Optional[Dict[str, Any]]) -> None:
        """Set the span's attributes and payload.

        :param response: the response as JSON data, or None if there was none.
        """
        found: Dict[str, Any] = {"provider": "bedrock", "region": self.region, "server": _foreign(self.endpoint)}
        if self.request is not None:
            found.update(self._requested(response))
        found.update(self._answered(response, span))
        if self.request is None:
            found.pop("output", None)
        found["model"] = self.model or found.get("model")
        found["streaming"] = True if self.operation.stream else None
        found["retry_count"] = self.retries or None
        found["request_id"] = self.request_id
        span._kind = found.pop("kind", span._kind)
        known = span.attributes
        for name, value in found.items():
            if value is not None:
                known.setdefault(name, value)

    def _requested(self, response: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        params = msgspec.json.decode(self.request or b"{}")
        found: Dict[str, Any] = {name: params.get(key) for key, name in _RESOURCES.items()}
        if self.operation.family == "invoke":
            body = parse(self.sent) if self.sent is not None else {}
            found["input"] = request.body_input(body)
            system = request.system_text(body)
            self.request, shortened = request.encode({**params, "body": body})
            self.cut, self.sent = self.cut or shortened, None
        else:
            found["input"] = request.converse_input(params) or request.plain_input(params)
            system = request.system_text(params)
        found["system"] = cut(system) if system else None
        shown = without_vectors(response) if response is not None else None
        self.span._payload = exchange(self.request, shown, cut=self.cut)
        return found

    def _answered(self, response: Optional[Dict[str, Any]], span: Span) -> Dict[str, Any]:
        reports: List[Any] = [header_usage(self.headers)]
        found: Dict[str, Any] = {}
        if response is not None:
            answer = _READERS.get(self.operation.family, agents.read_other)(response)
            found = answer.attributes()
            identity = response.get("id") or response.get("response_id")
            found["response_id"] = identity if isinstance(identity, str) and identity else None
            reports = [answer.usage, response.get(METRICS), *reports]
        if self.operation.family in ("converse", "invoke", "agent"):
            embedding = "embedding" in (found.get("kind"), span._kind)
            found.update(token_attributes(reports, embedding=embedding))
        return found


def _foreign(endpoint: Any) -> Optional[str]:
    """The host of an endpoint that is not AWS's own."""
    host = urlsplit(endpoint).hostname if isinstance(endpoint, str) else None
    return None if not host or host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")) else host


class ReadCall(Gathering):
    """A call of InvokeModel whose body the caller reads."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def preview(self, span: Span, *, answered: bool) -> None:
        (self._call.preview_answer if answered else self._call.preview_request)(span)

    def is_complete(self) -> bool:
        return self._call.tee is not None and self._call.tee.whole

    def finish(self, span: Span) -> None:
        self._call.resolve(span)
