"""What an exception that LlamaIndex tells of means for a span."""

from __future__ import annotations

from typing import Any, Dict

from peekr.reasons import error_attributes
from peekr.spans import Span

#: A step or tool that waits for an event, of a human for instance, is left by it and begun again later.
_WAITING = "WaitingForEvent"
_REASONS = {"WorkflowCancelledByUser": "cancelled", "WorkflowTimeoutError": "timeout"}


def describe_error(span: Span, error: BaseException, *, tool: bool = False) -> None:
    """Describe an exception on a span, which has failed by it unless it only waits."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if _WAITING in names:
        span.attributes["interrupted"] = True
        return
    span.record_error(error)
    found: Dict[str, Any] = error_attributes(error)
    reason = next((_REASONS[name] for name in names if name in _REASONS), found.get("error_reason"))
    if tool and reason not in ("cancelled", "guardrail"):
        reason = "tool_error"
    span.attributes.update(found, error_reason=reason)


def describe_cancelling(span: Span, reason: str) -> None:
    """Note that a workflow or a step was cancelled, which LlamaIndex ends as if all was well."""
    span.status = "error"
    span.attributes.update(error=reason, error_type="CancelledError", error_reason="cancelled")
