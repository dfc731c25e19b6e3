"""Data inside an HTML page, as text that no parser can take for markup. Pure."""

from __future__ import annotations

import base64
import gzip
from typing import Any, Tuple

import msgspec

#: A larger report is compressed; below that the data can be read with any editor.
PLAIN_BYTES = 1_500_000
#: In a script element only these can end it or begin a comment; the others break older readers of JavaScript.
_ESCAPES = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


def json_bytes(data: Any) -> bytes:
    """Return JSON (UTF-8) that may stand in a script element: it holds no ``<``, ``>``, ``&``, U+2028 or U+2029."""
    encoded = msgspec.json.encode(data)
    for raw, escaped in _ESCAPES:
        encoded = encoded.replace(raw, escaped)
    return encoded


def packed(data: Any) -> Tuple[bytes, str]:
    """Return the data as content of a script element, and its encoding: ``json``, or ``gzip`` (base64 of it)."""
    encoded = json_bytes(data)
    if len(encoded) <= PLAIN_BYTES:
        return encoded, "json"
    return base64.b64encode(gzip.compress(encoded, 6, mtime=0)), "gzip"
