"""What is redacted by default (contract PIPE-2, PIPE-3)."""

from __future__ import annotations

REDACT_KEYS = (
    "password",
    "api_key",
    "token",
    "secret",
    "credential",
    "access_key",
    "private_key",
    "auth_token",
    "session_token",
    "authorization",
    "bearer",
)
REDACT_PATTERNS = (
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b(?:\d{4}[-\s]?){3}\d{4}\b",
    r"(?i)\b(?:bearer|authorization)[\s:=]+[A-Za-z0-9._~+/=-]{8,}",
)
