"""Events to one response: what a stream brought, in the shape the same call has without ``stream=True``.

Events are the SDK's objects or plain dicts; nothing here needs the SDK.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple

from peekr.claude import MessageAccumulator
from peekr.stainless.models import Accumulator, Json, view

__all__ = ["CompletionAccumulator", "MessageAccumulator"]


class CompletionAccumulator(Accumulator):
    """The events of a legacy text completion."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._texts: List[str] = []
        self._stop: Optional[str] = None

    def is_content(self, chunk: Any) -> bool:
        return bool(view(chunk).get("completion"))

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        piece = view(chunk).get("completion")
        if isinstance(piece, str):
            yield None, piece

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        if fields.get("type") != "completion":
            return
        self._head = {name: fields[name] for name in ("id", "model") if fields.get(name)}
        self._texts.append(fields.get("completion") or "")
        self._stop = fields.get("stop_reason") or self._stop

    def is_complete(self) -> bool:
        return self._stop is not None

    def is_cut(self) -> bool:
        return self._stop is None

    def response(self) -> Json:
        return {**self._head, "completion": "".join(self._texts), "stop_reason": self._stop}
