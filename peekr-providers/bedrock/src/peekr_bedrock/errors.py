"""Why a call failed: the exceptions and codes of AWS in the words of peekr's taxonomy."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional

from peekr.reasons import error_attributes, reason_of
from peekr.spans import Span

_CONTEXT = re.compile(
    r"expected maxLength|input tokens exceed|exceeds? the maximum (number of )?(input )?tokens|too many tokens in"
    r"|maximum (input|sequence) length",
    re.IGNORECASE,
)
#: Error codes in lower case: HTTP errors say ThrottlingException, event streams throttlingException.
_CODES = {
    "throttlingexception": "rate_limit",
    "throttling": "rate_limit",
    "toomanyrequestsexception": "rate_limit",
    "servicequotaexceededexception": "rate_limit",
    "requestlimitexceeded": "rate_limit",
    "accessdeniedexception": "auth",
    "unrecognizedclientexception": "auth",
    "expiredtokenexception": "auth",
    "expiredtoken": "auth",
    "invalidsignatureexception": "auth",
    "incompletesignature": "auth",
    "signaturedoesnotmatch": "auth",
    "invalidclienttokenid": "auth",
    "missingauthenticationtokenexception": "auth",
    "modeltimeoutexception": "timeout",
    "requesttimeout": "timeout",
    "requesttimeoutexception": "timeout",
    "modelerrorexception": "server_error",
    "modelstreamerrorexception": "server_error",
    "modelnotreadyexception": "server_error",
    "internalserverexception": "server_error",
    "internalfailure": "server_error",
    "serviceunavailableexception": "server_error",
    "serviceunavailable": "server_error",
    "badgatewayexception": "server_error",
    "dependencyfailedexception": "server_error",
    "validationexception": "bad_request",
    "resourcenotfoundexception": "bad_request",
    "conflictexception": "bad_request",
}
#: Exceptions of botocore and of the transports below it, by name: none of them is imported here.
_NAMES = {
    "ReadTimeoutError": "timeout",
    "ConnectTimeoutError": "timeout",
    "AioReadTimeoutError": "timeout",
    "EndpointConnectionError": "connection",
    "ConnectionClosedError": "connection",
    "ResponseStreamingError": "connection",
    "IncompleteReadError": "connection",
    "IncompleteRead": "connection",
    "ProtocolError": "connection",
    "ClientPayloadError": "connection",
    "ClientConnectionError": "connection",
    "SSLError": "connection",
    "HTTPClientError": "connection",
    "ChecksumMismatch": "connection",
    "NoCredentialsError": "auth",
    "PartialCredentialsError": "auth",
    "CredentialRetrievalError": "auth",
    "TokenRetrievalError": "auth",
    "NoAuthTokenError": "auth",
    "SSOError": "auth",
    "ParamValidationError": "bad_request",
    "UnknownParameterError": "bad_request",
    "ResponseParserError": "server_error",
}


def describe_error(span: Span, error: BaseException) -> None:
    """Mark the span as failed by this exception, with the reason in peekr's terms."""
    span.record_error(error)
    span.attributes.update(failure_attributes(error))


def failure_attributes(error: BaseException) -> Dict[str, Any]:
    """Return ``error_reason``, and ``status_code``, ``error_code`` and ``request_id`` where AWS answered."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        reason = next((_NAMES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _NAMES), None)
        return {"error_reason": reason} if reason else error_attributes(error)
    told = _mapping(response.get("Error"))
    metadata = _mapping(response.get("ResponseMetadata"))
    code, status = told.get("Code"), metadata.get("HTTPStatusCode")
    code = code if isinstance(code, str) else None
    status = status if isinstance(status, int) else None
    out = {
        "error_reason": aws_reason(status, code, str(told.get("Message") or "")[:4000]),
        "status_code": status,
        "error_code": code,
        "request_id": metadata.get("RequestId"),
    }
    return {name: value for name, value in out.items() if value is not None}


def aws_reason(status: Optional[int], code: Optional[str], message: str) -> str:
    """Return the reason from an HTTP status, AWS's error code and its message, each of which may be missing."""
    by_code = _CODES.get((code or "").lower())
    if by_code not in (None, "bad_request"):
        return str(by_code)
    if _CONTEXT.search(message):
        return "context_length"
    return reason_of(status or (400 if by_code else None), code, message)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
