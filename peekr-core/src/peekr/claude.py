"""Anthropic's message streams: the events of an answer to the one message that the call has without a stream.

The API sends them, and Bedrock passes them on. Events are the SDK's objects or plain dicts; nothing here needs an SDK.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List, Tuple

from peekr.stainless.models import Accumulator, Json, plain_model, view

#: Kinds of deltas that continue a text of the block, and where the block keeps it.
_TEXTS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "compaction_delta": ("content", "content"),
    "signature_delta": ("signature", "signature"),
}


class _Block:
    """One content block while its deltas come in."""

    def __init__(self, start: Any) -> None:
        self._start = start
        self._texts: Dict[str, List[str]] = {}
        self._arguments: List[str] = []
        self._citations: List[Any] = []
        self.done = False

    def add(self, delta: Json) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta":
            piece = delta.get("partial_json")
            self._arguments.append(piece if isinstance(piece, str) else "")
        elif kind == "citations_delta":
            self._citations.append(delta.get("citation"))
        elif kind in _TEXTS:
            source, target = _TEXTS[kind]
            piece = delta.get(source)
            if isinstance(piece, str):
                self._texts.setdefault(target, []).append(piece)

    def whole(self) -> Json:
        out = _plain(self._start)
        for name, pieces in self._texts.items():
            before = out.get(name)
            out[name] = (before if isinstance(before, str) else "") + "".join(pieces)
        if self._citations:
            out["citations"] = [plain_model(citation) for citation in self._citations]
        arguments = "".join(self._arguments)
        if arguments.strip():
            out["input"] = self._input(arguments)
        return out

    def _input(self, arguments: str) -> Any:
        """The parsed arguments of a tool; their text where they are no JSON, ending with ``…`` if they were cut off."""
        try:
            return json.loads(arguments)
        except ValueError as error:
            return arguments if self.done or not _is_unfinished(arguments, error) else arguments + "…"


#: What JSON text that was cut off in a token may end with: an escape, a number, a literal.
_TAIL = re.compile(r"\\?(u[0-9a-fA-F]{0,4})?|\.|[eE][+-]?|-|t(ru?)?|f(a(ls?)?)?|n(ul?)?")


def _is_unfinished(text: str, error: ValueError) -> bool:
    """Whether JSON text is only cut off, so that more of it could have made it valid."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or _TAIL.fullmatch(text[error.pos :].strip()) is not None


def _plain(value: Any) -> Json:
    """An object of the API as JSON data; an empty one for what is none."""
    plain = plain_model(value)
    return dict(plain) if isinstance(plain, dict) else {}


def _index(fields: Json) -> int:
    index = fields.get("index")
    return index if isinstance(index, int) else 0


class MessageAccumulator(Accumulator):
    """The events of a message."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._delta: Json = {}
        self._usage: Json = {}
        self._counted = False
        self._blocks: Dict[int, _Block] = {}
        self._stopped = False

    def is_content(self, chunk: Any) -> bool:
        return bool(view(chunk).get("type") == "content_block_delta")

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        fields = view(chunk)
        if fields.get("type") == "content_block_delta":
            delta = view(fields.get("delta"))
            for name in ("text", "thinking", "content", "partial_json"):
                if isinstance(delta.get(name), str) and delta[name]:
                    yield (fields.get("index"), name), delta[name]

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        kind = fields.get("type")
        if kind == "content_block_delta":
            self._block(fields).add(view(fields.get("delta")))
        elif kind == "content_block_start":
            self._blocks[_index(fields)] = _Block(fields.get("content_block"))
        elif kind == "content_block_stop":
            self._block(fields).done = True
        elif kind == "message_start":
            self._start(fields.get("message"))
        elif kind == "message_delta":
            self._end(fields)
        elif kind == "message_stop":
            self._stopped = True

    def _block(self, fields: Json) -> _Block:
        index = _index(fields)
        if index not in self._blocks:  # its start is missing
            self._blocks[index] = _Block({"type": "text"})
        return self._blocks[index]

    def _start(self, message: Any) -> None:
        self._head = _plain(message)
        self._head.pop("content", None)
        self._count(self._head.pop("usage", None))

    def _end(self, event: Json) -> None:
        delta = {**_plain(event.get("delta")), "context_management": plain_model(event.get("context_management"))}
        self._delta.update((name, value) for name, value in delta.items() if value is not None)
        self._counted = self._count(plain_model(event.get("usage"))) or self._counted

    def _count(self, usage: Any) -> bool:
        """Take over the counts, which are totals so far; what an event leaves out stays. Return whether it has any."""
        if not isinstance(usage, dict):
            return False
        self._usage.update((name, value) for name, value in usage.items() if value is not None)
        return bool(usage)

    def is_complete(self) -> bool:
        return self._stopped or bool(self._delta.get("stop_reason"))

    def is_cut(self) -> bool:
        return not self.is_complete()

    def response(self) -> Json:
        response = {**self._head, **self._delta}
        response["content"] = [block.whole() for _, block in sorted(self._blocks.items())]
        usage = dict(self._usage)
        if not self._counted:
            usage.pop("output_tokens", None)  # message_start has a placeholder
        if usage:
            response["usage"] = usage
        return response
