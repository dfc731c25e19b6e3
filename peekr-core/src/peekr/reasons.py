"""Why a call failed, in the words of peekr's taxonomy (``error_reason``), from any exception or error object."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional

_CONTEXT = re.compile(
    r"context[ _](length|window|limit|size)|maximum (context|prompt length)|prompt is too long|input is too long"
    r"|too many (input )?tokens|reduce the length of the (messages|prompt|input)|token limit",
    re.IGNORECASE,
)
_FILTER = re.compile(
    r"content[ _](filter|management|policy)|responsible ?ai|safety system|violating our usage polic", re.IGNORECASE
)
_CODES = {
    "context_length_exceeded": "context_length",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "moderation_blocked": "content_filter",
    "rate_limit_exceeded": "rate_limit",
    "insufficient_quota": "rate_limit",
    "invalid_api_key": "auth",
    "server_error": "server_error",
    "internal_error": "server_error",
    "invalid_request_error": "bad_request",
    "authentication_error": "auth",
}
_NAMES = {
    "LengthFinishReasonError": "json_parse",
    "ContentFilterFinishReasonError": "content_filter",
    "APIResponseValidationError": "json_parse",
    "JSONDecodeError": "json_parse",
    "UnicodeDecodeError": "json_parse",
    "ValidationError": "json_parse",
    "APITimeoutError": "timeout",
    "TimeoutException": "timeout",
    "TimeoutError": "timeout",
    "APIConnectionError": "connection",
    "TransportError": "connection",
    "ConnectionError": "connection",
    "AuthenticationError": "auth",
    "GuardrailError": "guardrail",
    "BudgetExceededError": "guardrail",
    "CancelledError": "cancelled",
    "KeyboardInterrupt": "cancelled",
    "GeneratorExit": "cancelled",
}


def error_attributes(error: BaseException) -> Dict[str, Any]:
    """Return ``error_reason``, and ``status_code`` and ``error_code`` of the API where it named them."""
    status = getattr(error, "status_code", None)
    code = getattr(error, "code", None) or getattr(error, "type", None)
    status = status if isinstance(status, int) else None
    code = code if isinstance(code, str) else None
    reason = _by_name(error) or reason_of(status, code, _message(error))
    out = {"error_reason": reason, "status_code": status, "error_code": code}
    return {name: value for name, value in out.items() if value is not None}


def _by_name(error: BaseException) -> Optional[str]:
    """By class, named rather than imported: httpx or httpx2, pydantic or not, the SDK or none."""
    for kind in type(error).__mro__:
        reason = _NAMES.get(kind.__name__)
        if reason is not None:
            return reason
    return None


def _message(error: BaseException) -> str:
    try:
        return str(error)[:4000]
    except Exception:
        return ""


def reason_of(status: Optional[int], code: Optional[str], message: str) -> str:
    """Return the reason from an HTTP status, the API's error code and its message, each of which may be missing."""
    by_code = _CODES.get(code or "")
    if by_code in ("context_length", "content_filter"):
        return by_code
    if status in (None, 400, 413, 422):
        if _CONTEXT.search(message):
            return "context_length"
        if _FILTER.search(message):
            return "content_filter"
    if status is not None and status >= 400:
        return "rate_limit" if by_code == "rate_limit" else _by_status(status)
    return by_code or "other"


def _by_status(status: int) -> str:
    if status in (401, 403):
        return "auth"
    if status == 408:
        return "timeout"
    if status in (402, 429):  # no money left is a limit too, as OpenAI's ``insufficient_quota`` is
        return "rate_limit"
    return "bad_request" if status < 500 else "server_error"


def is_json(text: Any) -> bool:
    """Whether the arguments of a tool call can be read; none at all count as none."""
    if not isinstance(text, str) or not text.strip():
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
