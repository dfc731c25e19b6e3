"""Why a call failed, from the API's own error types."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from peekr import reasons
from peekr.capture import LLM_LIMIT, cut

#: The API's error types; those that say only that the request was wrong are told apart by their message.
_TYPES = {
    "authentication_error": "auth",
    "permission_error": "auth",
    "rate_limit_error": "rate_limit",
    "billing_error": "rate_limit",
    "timeout_error": "timeout",
    "overloaded_error": "server_error",
    "api_error": "server_error",
}
_WRONG_REQUEST = ("invalid_request_error", "not_found_error", "request_too_large")
#: Begins the message of the TypeError that a client without a key raises when it is used.
_NO_KEY = "Could not resolve authentication method"


def error_attributes(error: BaseException) -> Dict[str, Any]:
    """Return ``error_reason``, and ``status_code``, ``error_code`` and ``request_id`` where the API named them.

    An error in mid-stream comes with the status 200 of the stream; it is left out.
    """
    found = reasons.error_attributes(error)
    status = found.get("status_code")
    if status is not None and status < 400:
        del found["status_code"]
        status = None
    kind = _type_of(error)
    if kind is not None:
        found["error_code"] = kind
        found["error_reason"] = reason_of(kind, status, str(getattr(error, "message", error)))
    elif _lacks_key(error):
        found["error_reason"] = "auth"
    name = getattr(error, "request_id", None)
    if isinstance(name, str):
        found["request_id"] = name
    return found


def reason_of(kind: str, status: Optional[int], message: str) -> str:
    """Return the reason for an error type of the API."""
    reason = _TYPES.get(kind)
    if reason is not None:
        return reason
    return reasons.reason_of(status or (400 if kind in _WRONG_REQUEST else None), kind, message)


def failure_attributes(error: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the attributes of an error object inside a successful HTTP answer; its span has failed."""
    kind = str(error.get("type") or "error")
    message = cut(str(error.get("message") or kind), LLM_LIMIT)
    return {"error": message, "error_type": kind, "error_reason": reason_of(kind, None, message)}


def _type_of(error: BaseException) -> Optional[str]:
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    kind = inner.get("type") if isinstance(inner, dict) else None
    return kind if isinstance(kind, str) and kind else None


def _lacks_key(error: BaseException) -> bool:
    if any(kind.__name__ == "CredentialsError" for kind in type(error).__mro__):
        return True
    return isinstance(error, TypeError) and _NO_KEY in str(error)
