"""The body of a response: from bytes to JSON data, leaving out what no trace should carry."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import msgspec

from peekr.capture import document
from peekr.messages import lighten

#: Bytes of a body in which no base64 is looked for.
_PLAIN = 4096
_decode = msgspec.json.decode


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
    """Return the JSON object of a body; a text that is none (a transcription as SRT) as ``{"text": …}``."""
    if family == "embeddings":
        try:
            return _embeddings(_decode_embeddings(body))
        except msgspec.MsgspecError:
            pass
    try:
        value = _decode(body)
    except msgspec.MsgspecError:
        try:
            value = json.loads(body)  # NaN, as some servers write it
        except ValueError:
            return {"text": body.decode("utf-8", "replace")}
    if len(body) > _PLAIN:
        value = lighten(value)
    return value if isinstance(value, dict) else {"text" if isinstance(value, str) else "data": value}


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


def serialize(result: Any) -> Optional[bytes]:
    """Return an SDK's result as JSON bytes, where its body as it came is not at hand; None if it is no model."""
    serializer = getattr(type(result), "__pydantic_serializer__", None)
    if serializer is not None:
        return bytes(serializer.to_json(result, exclude_unset=True, by_alias=True, warnings=False, fallback=str))
    dump = getattr(result, "json", None)
    if callable(dump) and hasattr(result, "__fields__"):  # pydantic 1
        return str(dump(exclude_unset=True)).encode()
    return document(result)[0] if isinstance(result, (dict, list, str)) else None
