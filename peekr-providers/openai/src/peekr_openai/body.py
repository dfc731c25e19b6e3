"""The body of a response that is mostly vectors: read without making numbers of them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import msgspec

from peekr.stainless.models import json_object


class _Embedding(msgspec.Struct):
    embedding: msgspec.Raw = msgspec.Raw(b"")


class _Embeddings(msgspec.Struct):
    """Reads past the vectors without making a number of them."""

    data: List[_Embedding] = []
    model: Any = None
    usage: Any = None
    id: Any = None


_decode_embeddings = msgspec.json.Decoder(_Embeddings, strict=False).decode


def read(body: bytes, family: str) -> Dict[str, Any]:
    """Return the JSON object of a body; embeddings are only counted."""
    if family == "embeddings":
        try:
            return _embeddings(_decode_embeddings(body))
        except (msgspec.MsgspecError, ValueError):  # bytes that are no UTF-8
            pass
    return json_object(body)


def _embeddings(parsed: _Embeddings) -> Dict[str, Any]:
    about = {"count": len(parsed.data), "dimensions": _dimensions(parsed.data)}
    out = {"id": parsed.id, "model": parsed.model, "data": about, "usage": parsed.usage}
    return {name: value for name, value in out.items() if value is not None}


def _dimensions(data: List[_Embedding]) -> Optional[int]:
    raw = bytes(data[0].embedding) if data else b""
    if raw[:1] == b"[":
        return raw.count(b",") + 1 if len(raw.strip(b"[] \n\t")) else 0
    if raw[:1] == b'"':  # base64 of 32-bit floats
        return (len(raw) - 2 - raw.count(b"=")) * 3 // 4 // 4
    return None
