"""What is particular to the OpenAI SDK."""

from __future__ import annotations

import copy
from typing import Any, Dict, Mapping, Set

from peekr.stainless.call import Call
from peekr.stainless.models import Accumulator
from peekr.stainless.operations import Operation
from peekr.stainless.sdk import Attributes, Json, Sdk
from peekr_openai import body as bodies
from peekr_openai.background import unsettled
from peekr_openai.events import accumulator
from peekr_openai.operations import routes
from peekr_openai.request import files_note, input_text
from peekr_openai.response import response_attributes, served_by

_RAW_HEADER = "X-Stainless-Raw-Response"


class OpenAISdk(Sdk):
    """Asks for the usage of a chat stream where the caller left it open; settles background responses."""

    title = "OpenAI"
    routes = routes

    def __init__(self) -> None:
        super().__init__()
        #: Base URLs of servers that turned ``stream_options`` down.
        self._without_usage: Set[str] = set()

    def asking(self, call: Call, client: Any, options: Any, json: Any) -> Any:
        """Return the options with ``include_usage`` if the caller left it open; the same options otherwise."""
        if call.operation.family not in ("chat", "completions"):
            return options
        framework = call.span.scope.framework
        if framework is not None and framework.asks:  # where it knows that the server understands
            return options
        given = json.get("stream_options") if isinstance(json, dict) else False
        if given is not None and (not isinstance(given, dict) or "include_usage" in given):
            return options
        headers = options.headers
        if isinstance(headers, Mapping) and headers.get(_RAW_HEADER) == "stream":  # the caller reads the lines
            return options
        if self._without_usage and str(client._base_url) in self._without_usage:
            return options
        wanted = {**(given or {}), "include_usage": True}
        asking = copy.copy(options)
        if options.extra_json and "stream_options" in options.extra_json:
            asking.extra_json = {**options.extra_json, "stream_options": wanted}
        else:
            asking.json_data = {**options.json_data, "stream_options": wanted}
        return asking

    def turned_down(self, client: Any, error: BaseException) -> bool:
        """Whether a server does not know ``stream_options``; it is not asked again."""
        if getattr(error, "status_code", None) not in (400, 404, 422) or "stream_options" not in str(error):
            return False
        self._without_usage.add(str(client._base_url))
        return True

    def files_note(self, files: Any) -> Any:
        return files_note(files)

    def accumulator(self, operation: Operation) -> Accumulator:
        return accumulator(operation.family)

    def read(self, body: bytes, operation: Operation) -> Dict[str, Any]:
        return bodies.read(body, operation.family)

    def request_attributes(self, call: Call, request: Json) -> Attributes:
        found = served_by(call.client.__name__, getattr(call.url or call.base_url, "host", None))
        if call.request is not None:
            found["input"] = input_text(call.operation.family, request)
        return found

    def response_attributes(self, call: Call, response: Json) -> Attributes:
        return response_attributes(call.operation.family, response, counts=_counts(call.operation, response))


def _counts(operation: Operation, response: Json) -> bool:
    """Whether the tokens of the response are spent by this call, or first told by it."""
    if operation.family != "responses" or not operation.counts:
        return operation.counts or unsettled.settle(response)
    unsettled.note(response)
    return True


sdk = OpenAISdk()
