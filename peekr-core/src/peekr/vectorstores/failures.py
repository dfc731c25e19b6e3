"""Why a call of a vector store failed, in the words of :mod:`peekr.reasons`, from the SDKs' exceptions."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional

from peekr.reasons import error_attributes, reason_of

#: Exceptions that wrap each other, looked at from the outermost.
_DEEPEST = 5
#: What the SDKs raise for arguments that they do not send.
_MISUSE = (ValueError, TypeError, LookupError, AssertionError)
_GRPC = {
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "DEADLINE_EXCEEDED": "timeout",
    "UNAVAILABLE": "connection",
    "CANCELLED": "cancelled",
    "INTERNAL": "server_error",
    "UNKNOWN": "server_error",
    "DATA_LOSS": "server_error",
    "ABORTED": "server_error",
}
#: Part of a class name → reason, where neither status nor base class tells.
_WORDS = {"Timeout": "timeout", "Connect": "connection", "MaxRetry": "connection", "Unauthorized": "auth"}


def failure_attributes(error: BaseException) -> Dict[str, Any]:
    """Return ``error_reason``, and ``status_code`` where the server told one. Never raises.

    What an SDK wraps counts as the exception itself. Arguments that the SDK itself turns down are a bad request.
    """
    for each in _chain(error):
        try:
            found = _of(each)
        except Exception:  # an exception whose attributes raise
            continue
        if found is not None:
            return found
    return {"error_reason": "bad_request" if isinstance(error, _MISUSE) else "other"}


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: Any = error
    for _ in range(_DEEPEST):
        if not isinstance(each, BaseException):
            return
        yield each
        each = getattr(each, "source", None) or each.__cause__ or each.__context__


def _of(error: BaseException) -> Optional[Dict[str, Any]]:
    status = _status(error)
    if status is not None:
        return {"error_reason": reason_of(status, None, ""), "status_code": status}
    code = _grpc_code(error)
    if code is not None:
        return {"error_reason": _GRPC.get(code, "bad_request"), "error_code": code}
    found = error_attributes(error)
    name = type(error).__name__
    if found["error_reason"] == "json_parse" and "Decode" not in name:
        return {**found, "error_reason": "bad_request"}  # of the arguments: a store's answer is no model's
    if found["error_reason"] == "other":
        reason = next((reason for word, reason in _WORDS.items() if word in name), None)
        return None if reason is None else {**found, "error_reason": reason}
    return found


def _status(error: BaseException) -> Optional[int]:
    """The HTTP status: ``status_code`` (Qdrant), ``status`` (Pinecone), ``code()`` (Chroma), of a response (httpx)."""
    code = getattr(error, "code", None)
    response = getattr(error, "response", None)
    told = (getattr(error, "status_code", None), getattr(error, "status", None), code() if callable(code) else code)
    for value in (*told, getattr(response, "status_code", None)):
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return None


def _grpc_code(error: BaseException) -> Optional[str]:
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else None, "name", None)
    return name if isinstance(name, str) else None
