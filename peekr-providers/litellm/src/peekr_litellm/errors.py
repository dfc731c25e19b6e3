"""What an exception of LiteLLM means for a span."""

from __future__ import annotations

from typing import Any, Dict, Iterator

from peekr.reasons import error_attributes
from peekr.spans import Span

_NAMES = {
    "ContextWindowExceededError": "context_length",
    "ContentPolicyViolationError": "content_filter",
    "BlockedPiiEntityError": "guardrail",
    "GuardrailRaisedException": "guardrail",
    "JSONSchemaValidationError": "json_parse",
    "RouterRateLimitError": "rate_limit",
}
#: Reasons that LiteLLM gives for the want of a better one, where it translates what was raised below.
_VAGUE = ("other", "server_error")
_DEPTH = 6


def describe_error(span: Span, error: BaseException) -> None:
    """Mark the span as failed by this exception."""
    span.record_error(error)
    span.attributes.update(reason_attributes(error))


def reason_attributes(error: BaseException) -> Dict[str, Any]:
    """Return ``error_reason``, ``status_code``, ``error_code`` and ``provider``, as far as they are known.

    LiteLLM calls a lost connection an internal error of the server: what was raised below tells.
    """
    within = getattr(error, "original_exception", None)
    told = within if isinstance(within, BaseException) else error
    found = error_attributes(told)
    named = next((_NAMES[kind.__name__] for kind in type(told).__mro__ if kind.__name__ in _NAMES), None)
    if named is not None:
        found["error_reason"] = named
    elif found["error_reason"] in _VAGUE:
        below = [error_attributes(each)["error_reason"] for each in _causes(told)]
        found["error_reason"] = next(
            (reason for reason in below if reason in ("connection", "timeout")), found["error_reason"]
        )
    provider = getattr(error, "llm_provider", None)
    if isinstance(provider, str) and provider:
        found["provider"] = provider
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    each = error.__cause__ or error.__context__
    for _ in range(_DEPTH):
        if each is None:
            return
        yield each
        each = each.__cause__ or each.__context__
