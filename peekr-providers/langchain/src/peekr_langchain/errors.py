"""What an exception that LangChain reports means for a span."""

from __future__ import annotations

from peekr.reasons import error_attributes
from peekr.spans import Span

#: LangGraph's exceptions that are control flow: an interrupt that waits for a human, a command to a parent graph.
_CONTROL = "GraphBubbleUp"


def is_control_flow(error: BaseException) -> bool:
    """Whether an exception is no failure."""
    return any(kind.__name__ == _CONTROL for kind in type(error).__mro__)


def describe_error(span: Span, error: BaseException, *, tool: bool = False) -> bool:
    """Describe an exception on a span; return whether the span has failed by it.

    A stream that its consumer closed early is incomplete, an interrupted graph is interrupted: neither has failed.
    """
    if isinstance(error, GeneratorExit):
        span.attributes["stream_incomplete"] = True
        return False
    if is_control_flow(error):
        span.attributes["interrupted"] = True
        return False
    span.record_error(error)
    found = error_attributes(error)
    if tool and found.get("error_reason") not in ("cancelled", "guardrail"):
        found["error_reason"] = "tool_error"
    span.attributes.update(found)
    return True
