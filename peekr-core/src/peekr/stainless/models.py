"""The SDK's objects (pydantic 1 or 2), bodies and chunks as JSON data. Nothing here needs an SDK."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Optional, Tuple

import msgspec

from peekr.capture import document
from peekr.messages import lighten

Json = Dict[str, Any]

#: Bytes of a body in which no base64 is looked for.
_PLAIN = 4096


def view(value: Any) -> Json:
    """Return the fields of an object, unknown ones included, without copying what is inside."""
    if isinstance(value, dict):
        return value
    fields: Json = getattr(value, "__dict__", {})
    extra = getattr(value, "__pydantic_extra__", None)
    return {**fields, **extra} if extra else fields


def plain_model(value: Any) -> Any:
    """Return an SDK's object as JSON data, as the API sent it."""
    serializer = getattr(type(value), "__pydantic_serializer__", None)
    if serializer is not None:
        return serializer.to_python(value, mode="json", exclude_unset=True, by_alias=True, warnings=False, fallback=str)
    return value.dict(exclude_unset=True) if hasattr(value, "__fields__") else value


def serialize(result: Any) -> Optional[bytes]:
    """Return an SDK's result as JSON bytes, where its body as it came is not at hand; None if it is no model."""
    serializer = getattr(type(result), "__pydantic_serializer__", None)
    if serializer is not None:
        return bytes(serializer.to_json(result, exclude_unset=True, by_alias=True, warnings=False, fallback=str))
    dump = getattr(result, "json", None)
    if callable(dump) and hasattr(type(result), "__fields__"):  # pydantic 1
        return str(dump(exclude_unset=True)).encode()
    return document(result)[0] if isinstance(result, (dict, list, str)) else None


def json_object(body: bytes) -> Json:
    """Return the JSON object of a body, without long base64; a text that is none as ``{"text": …}``."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        text = body.decode("utf-8", "replace")
        try:
            value = json.loads(text)  # NaN, as some servers write it; bytes that are no UTF-8
        except ValueError:
            return {"text": text}
    if len(body) > _PLAIN:
        value = lighten(value)
    return value if isinstance(value, dict) else {"text" if isinstance(value, str) else "data": value}


class Accumulator:
    """Folds the chunks of one stream to one response, in the shape the same call has without a stream.

    Chunks are the SDK's objects or plain dicts. Everything but :meth:`is_content` and :meth:`shows` runs in the
    worker as a rule; see :class:`peekr.streaming.Gathering`.
    """

    def is_content(self, chunk: Any) -> bool:
        """Whether the model's output begins with this chunk."""
        return True

    def shows(self, chunk: Any) -> bool:
        """Whether the consumer may see the chunk. Asked only where the request was changed, see ``Sdk.asking``."""
        return True

    def said(self, chunk: Any) -> Iterable[Tuple[Any, str]]:
        """Yield the text that the chunk adds to the answer, each with a key for what it goes on with.

        Asked only where guardrails look at streams, in the consumer's thread.
        """
        return ()

    def add(self, chunk: Any) -> None:
        """Fold one chunk."""

    def is_complete(self) -> bool:
        """Whether nothing of value can follow."""
        return False

    def is_cut(self) -> bool:
        """Whether a stream that came to an end without an error lacks its own last event."""
        return False

    def response(self) -> Json:
        """Return what is known as one response; absent is what did not come."""
        return {}
