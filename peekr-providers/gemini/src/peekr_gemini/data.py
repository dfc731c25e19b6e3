"""JSON data of the API, whose keys come in camelCase or in snake_case, and the SDK's objects as such data.

Nothing here needs the SDK.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

import msgspec

from peekr.capture import document
from peekr.messages import lighten

Json = Mapping[str, Any]

#: Bytes of a body in which no base64 is looked for.
_PLAIN = 4096
_HUMP = re.compile("([A-Z])")
_snake: Dict[str, str] = {}
#: What a response has beside its content: the HTTP response, and what the SDK made of it.
_EXTRAS = {"sdk_http_response", "parsed", "automatic_function_calling_history"}


def get(data: Any, name: str) -> Any:
    """Return a field by its camelCase name, in whichever case it is there; None if it is not."""
    if not isinstance(data, dict):
        return None
    value = data.get(name)
    if value is None:
        snake = _snake.get(name)
        if snake is None:
            snake = _snake[name] = _HUMP.sub(r"_\1", name).lower()
        value = data.get(snake)
    return value


def objects(value: Any) -> Iterator[Json]:
    """Yield the objects of a list; nothing for anything else."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def word(value: Any) -> str:
    """Return a text of the API; empty for anything that is none."""
    return value if isinstance(value, str) else ""


class _Vector(msgspec.Struct):
    values: msgspec.Raw = msgspec.Raw(b"")
    statistics: Any = None


class _Prediction(msgspec.Struct):
    embeddings: Optional[_Vector] = None


class _Embeddings(msgspec.Struct, rename="camel"):
    """Reads past the vectors without making a number of them; the three APIs name them differently."""

    embeddings: List[_Vector] = []
    embedding: Optional[_Vector] = None
    predictions: List[_Prediction] = []
    usage_metadata: Any = None
    metadata: Any = None


_decode_embeddings = msgspec.json.Decoder(_Embeddings).decode


def read(body: Union[str, bytes], family: str) -> Dict[str, Any]:
    """Return the JSON object of a body, without long base64; a text that is none as ``{"text": …}``."""
    if family == "embed":
        try:
            return _embeddings(_decode_embeddings(body))
        except msgspec.MsgspecError:
            pass
    value = json_value(body)
    if len(body) > _PLAIN:
        value = lighten(value)
    if isinstance(value, list) and len(value) == 1:  # a server that streams JSON instead of events
        value = value[0]
    return value if isinstance(value, dict) else {"text" if isinstance(value, str) else "data": value}


def json_value(body: Union[str, bytes]) -> Any:
    """Return the JSON data of a body, or its text where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        said = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        return json.loads(said)  # NaN; bytes that are no UTF-8
    except ValueError:
        return said


def _embeddings(found: _Embeddings) -> Dict[str, Any]:
    vectors = [*found.embeddings, *(one.embeddings for one in found.predictions if one.embeddings is not None)]
    if found.embedding is not None:
        vectors.append(found.embedding)
    first = bytes(vectors[0].values) if vectors else b""
    about: Dict[str, Any] = {"count": len(vectors)}
    if first[:1] == b"[":
        about["dimensions"] = first.count(b",") + 1 if first.strip(b"[] \r\n\t") else 0
    out: Dict[str, Any] = {"embeddings": about}
    if found.usage_metadata is not None:
        out["usageMetadata"] = found.usage_metadata
    statistics = [vector.statistics for vector in vectors if vector.statistics]
    if statistics:
        out["statistics"] = statistics
    if found.metadata:
        out["metadata"] = found.metadata
    return out


def serialize(result: Any) -> Optional[bytes]:
    """Return an SDK's result as JSON bytes, where its body as it came is not at hand; None if it is no data."""
    serializer = getattr(type(result), "__pydantic_serializer__", None)
    if serializer is not None:
        return bytes(
            serializer.to_json(result, by_alias=True, exclude_none=True, exclude=_EXTRAS, warnings=False, fallback=str)
        )
    return document(result)[0] if isinstance(result, dict) else None


def plain(value: Any, depth: int = 0) -> Any:
    """Return the caller's arguments as JSON data: SDK objects by their fields, anything else as it is."""
    serializer = getattr(type(value), "__pydantic_serializer__", None)
    if serializer is not None:
        return serializer.to_python(
            value, mode="json", by_alias=True, exclude_none=True, exclude=_EXTRAS, warnings=False, fallback=str
        )
    if depth < 8:
        if isinstance(value, dict):
            return {key: plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item, depth + 1) for item in value]
    return value
