"""Messages of AWS's event streams (``application/vnd.amazon.eventstream``), encoded: botocore can only read them."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any, Mapping, Sequence

from peekr.probes import Reply

CONTENT_TYPE = "application/vnd.amazon.eventstream"
#: The type of a header whose value is text.
_TEXT = 7


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message: lengths, their checksum, headers, payload, checksum of all."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    start = lengths + struct.pack("!I", zlib.crc32(lengths)) + head + payload
    return start + struct.pack("!I", zlib.crc32(start))


def event(kind: str, data: Any) -> bytes:
    """Return an event whose payload is JSON, or bytes as they are."""
    binary = isinstance(data, bytes)
    content_type = "application/octet-stream" if binary else "application/json"
    headers = {":event-type": kind, ":content-type": content_type, ":message-type": "event"}
    return frame(headers, data if binary else json.dumps(data).encode())


def chunk(data: Any) -> bytes:
    """Return an event of InvokeModelWithResponseStream: a model's own JSON in base64."""
    return event("chunk", {"bytes": base64.b64encode(json.dumps(data).encode()).decode()})


def reply(events: Sequence[bytes]) -> Reply:
    """Return the events as an answer."""
    return Reply(list(events), CONTENT_TYPE)
