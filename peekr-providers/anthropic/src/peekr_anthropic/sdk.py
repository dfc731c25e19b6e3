"""What is particular to the Anthropic SDK."""

from __future__ import annotations

from typing import Any, Dict

from peekr.stainless.call import Call
from peekr.stainless.models import Accumulator
from peekr.stainless.operations import Operation
from peekr.stainless.sdk import Attributes, Json, Sdk
from peekr_anthropic.errors import error_attributes
from peekr_anthropic.operations import routes
from peekr_anthropic.request import input_text, system_text
from peekr_anthropic.response import response_attributes, served_by
from peekr_anthropic.stream import CompletionAccumulator, MessageAccumulator


class AnthropicSdk(Sdk):
    """Nothing is asked of the API that the caller did not ask for: streams bring their usage by themselves."""

    title = "Anthropic"
    routes = routes
    content = ("output", "server_tools")

    def error_attributes(self, error: BaseException) -> Dict[str, Any]:
        return error_attributes(error)

    def accumulator(self, operation: Operation) -> Accumulator:
        return CompletionAccumulator() if operation.family == "completions" else MessageAccumulator()

    def request_attributes(self, call: Call, request: Json) -> Attributes:
        found = served_by(call.client, getattr(call.url or call.base_url, "host", None))
        if call.request is not None:
            found["input"] = input_text(request)
            found["system"] = system_text(request)
        return found

    def response_attributes(self, call: Call, response: Json) -> Attributes:
        return response_attributes(call.operation.family, response, counts=call.operation.counts)


sdk = AnthropicSdk()
