"""Trace and span ids as OpenTelemetry has them: 16 and 8 bytes, not all zero."""

from __future__ import annotations

from hashlib import sha256
from typing import Optional

from peekr.ids import RawId

_HEX = frozenset("0123456789abcdef")


def trace_id_bytes(trace: RawId) -> bytes:
    """Return a trace id in 16 bytes: unchanged where it is 32 hex digits, else a hash of its text."""
    return _id_bytes(trace, 16)


def span_id_bytes(span: Optional[RawId]) -> bytes:
    """Return a span id in 8 bytes: unchanged where it is 16 hex digits, else a hash; no bytes for None."""
    return b"" if span is None else _id_bytes(span, 8)


def _id_bytes(value: RawId, size: int) -> bytes:
    if type(value) is int:
        return value.to_bytes(size, "big")
    text = str(value)
    return bytes.fromhex(text) if is_standard(text, size) else sha256(text.encode("utf-8", "replace")).digest()[:size]


def is_standard(text: str, size: int) -> bool:
    """Whether a text is an id of so many bytes in lower-case hex digits, other than zero."""
    return len(text) == 2 * size and _HEX.issuperset(text) and bool(text.strip("0"))
