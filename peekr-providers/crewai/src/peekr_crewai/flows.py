"""Flows and their methods: what is recorded of them. In the caller's thread."""

from __future__ import annotations

from typing import Any

from peekr.capture import LLM_LIMIT, text
from peekr.settings import settings
from peekr_crewai.doing import Call, Doing, Step
from peekr_crewai.kickoffs import Kickoff, put_output
from peekr_crewai.outline import (
    name_of,
    said,
)


class FlowKickoff(Kickoff):
    name = "crewai.flow.kickoff"

    def passes(self, call: Call) -> bool:
        return is_internal(call.owner) or super().passes(call)

    def begin(self, doing: Doing, call: Call) -> None:
        super().begin(doing, call)
        span, flow = doing.own, call.owner
        name = name_of(getattr(flow, "name", None)) or type(flow).__name__
        span.attributes["flow_name"] = name
        inputs = call.given(0, "inputs")
        if settings.capture_io and inputs:
            span.attributes["input"] = text(inputs, LLM_LIMIT)

    def finish(self, doing: Doing, result: Any) -> None:
        put_output(doing.own, result)


def is_internal(flow: Any) -> bool:
    """Whether a flow is CrewAI's own: newer versions run agents and their memory as flows."""
    return type(flow).__module__.split(".")[0] == "crewai"


class FlowMethod(Step):
    """``_execute_method(name, method, …)``, which runs each method of a flow."""

    name = "crewai.flow"

    def __init__(self) -> None:
        #: Whether the result comes with the id of an event.
        self._in_pairs = False

    def wrap(self, original: Any) -> Any:
        self._in_pairs = "tuple" in str(getattr(original, "__annotations__", {}).get("return"))
        return super().wrap(original)

    def passes(self, call: Call) -> bool:
        return is_internal(call.owner)

    def is_same(self, here: Doing, call: Call) -> bool:
        return False

    def name_of(self, call: Call) -> str:
        return f"crewai.flow.{name_of(call.given(0, 'method_name'), 100) or 'method'}"

    def begin(self, doing: Doing, call: Call) -> None:
        doing.own.attributes["flow_name"] = name_of(getattr(call.owner, "name", None)) or type(call.owner).__name__
        if settings.capture_io and len(call.args) > 2:
            doing.own.attributes["input"] = said(call.args[2] if len(call.args) == 3 else list(call.args[2:]))

    def finish(self, doing: Doing, result: Any) -> None:
        put_output(doing.own, result[0] if self._in_pairs and isinstance(result, tuple) else result)
