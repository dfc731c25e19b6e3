"""Why a call failed, from the API's own status names, for both SDKs; what they do not tell, core's table does."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from peekr.reasons import error_attributes as general_attributes
from peekr.reasons import reason_of
from peekr.spans import Span

#: https://cloud.google.com/apis/design/errors#handling_errors; the rest depends on the message.
_STATUSES = {
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "DEADLINE_EXCEEDED": "timeout",
    "CANCELLED": "cancelled",
    "UNAVAILABLE": "server_error",
    "INTERNAL": "server_error",
    "UNKNOWN": "server_error",
    "DATA_LOSS": "server_error",
    "ABORTED": "server_error",
}
_BAD_REQUESTS = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "NOT_FOUND", "UNIMPLEMENTED")
_TOO_LONG = re.compile(r"token count|number of (input )?tokens|tokens? (limit|allowed)|token-limit", re.IGNORECASE)
_KEY = re.compile(r"api[ _]key|API_KEY_INVALID", re.IGNORECASE)
#: Exceptions by class name, of aiohttp, requests, google-auth and the SDKs.
_NAMES = {
    "BlockedPromptException": "content_filter",
    "StopCandidateException": "content_filter",
    "UnknownApiResponseError": "json_parse",
    "UnicodeDecodeError": "json_parse",
    "ServerTimeoutError": "timeout",
    "Timeout": "timeout",
    "ConnectionTimeoutError": "timeout",
    "ClientConnectionError": "connection",
    "ClientPayloadError": "connection",
    "ChunkedEncodingError": "connection",
    "DefaultCredentialsError": "auth",
    "RefreshError": "auth",
    "EphemeralTokenAPIKeyError": "auth",
    "UnsupportedFunctionError": "bad_request",
}


def describe_error(span: Span, error: BaseException, *, sent: bool = True) -> None:
    """Mark the span as failed by this exception, with the reason in peekr's terms."""
    span.record_error(error)
    span.attributes.update(error_attributes(error, sent=sent))


def error_attributes(error: BaseException, *, sent: bool = True) -> Dict[str, Any]:
    """Return ``error_reason``, ``status_code`` and ``error_code`` of an exception of the SDK, or of any other.

    :param sent: whether a request went out; if not, the SDK refused the arguments.
    """
    out = general_attributes(error)
    code = _http_status(error)
    status = _status(error)
    message = _message(error)
    for kind in type(error).__mro__:
        if kind.__name__ in _NAMES:
            return {**out, "error_reason": _NAMES[kind.__name__]}
    if code is None and status is None:
        if not sent and isinstance(error, (ValueError, TypeError)):
            out["error_reason"] = "bad_request"
        return out
    out["error_reason"] = reason(code, status, message)
    if code is not None:
        out["status_code"] = code
    if status is not None:
        out["error_code"] = status
    return out


def reason(code: Optional[int], status: Optional[str], message: str) -> str:
    """Return the reason of an error of the API.

    :param code: the HTTP status.
    :param status: its name at Google, such as ``RESOURCE_EXHAUSTED``.
    """
    if status in _STATUSES:
        return _STATUSES[status]
    if status in _BAD_REQUESTS or code == 400:
        if _TOO_LONG.search(message):
            return "context_length"
        if _KEY.search(message):
            return "auth"
        return reason_of(400, None, message)
    if code == 504:
        return "timeout"
    return "cancelled" if code == 499 else reason_of(code, status, message)


def _http_status(error: BaseException) -> Optional[int]:
    for name in ("code", "status_code"):  # HTTPStatus of google.api_core is an int too
        value = getattr(error, name, None)
        if isinstance(value, int) and not isinstance(value, bool):
            return int(value)
    return None


def _status(error: BaseException) -> Optional[str]:
    """The name of the status: of google-genai, of the interactions API's body, of google.api_core."""
    value = getattr(error, "status", None)
    if not isinstance(value, str):
        body = getattr(error, "body", None)
        inner = body.get("error") if isinstance(body, dict) else None
        value = inner.get("status") or inner.get("code") if isinstance(inner, dict) else None
    if not isinstance(value, str):
        value = getattr(getattr(error, "grpc_status_code", None), "name", None)
    return value if isinstance(value, str) and value else None


def _message(error: BaseException) -> str:
    try:
        return str(error)[:4000]
    except Exception:
        return ""
