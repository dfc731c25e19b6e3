"""Anthropic's messages, as Claude models speak them through InvokeModel."""

from __future__ import annotations

from typing import Any, Dict, List

from peekr_bedrock.answer import Answer, Json, joined, objects, part, slot
from peekr_bedrock.converse import arguments

_DELTAS = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}
_TOOLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def read_message(message: Json) -> Answer:
    """Read a message."""
    answer = Answer(
        joined([block for block in objects(message.get("content")) if block.get("type") == "text"], "text"),
        finishes=[message.get("stop_reason")],
        usage=message.get("usage"),
    )
    for block in objects(message.get("content")):
        if block.get("type") == "tool_use":
            answer.call(block.get("name"), block.get("input"))
    return answer


class MessageFold:
    """Folds the events of a streamed message into the message."""

    #: The events that carry something, by type.
    EVENTS = frozenset(("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"))

    def __init__(self) -> None:
        self._message: Dict[str, Any] = {}
        self._usage: Dict[str, Any] = {}
        self._blocks: Dict[Any, Dict[str, Any]] = {}
        self._pieces: Dict[Any, List[str]] = {}
        self.complete = False

    def add(self, event: Json) -> None:
        """Fold one event."""
        kind, index = event.get("type"), slot(event.get("index"))
        if kind == "message_start":
            self._message.update((key, value) for key, value in part(event, "message").items() if key != "usage")
            self._usage.update(part(event, "message", "usage"))
            self._usage.pop("output_tokens", None)  # a placeholder
        elif kind == "content_block_start":
            self._blocks[index] = dict(part(event, "content_block"))
        elif kind == "content_block_delta":
            delta = part(event, "delta")
            piece = delta.get(_DELTAS.get(str(delta.get("type")), ""))
            if isinstance(piece, str):
                self._pieces.setdefault(index, []).append(piece)
        elif kind == "message_delta":
            self._message.update(part(event, "delta"))
            self.complete = bool(self._message.get("stop_reason"))
            self._usage.update((key, value) for key, value in part(event, "usage").items() if value is not None)
        elif kind == "message_stop":
            self.complete = True

    def response(self) -> Dict[str, Any]:
        """Return the message as far as it came."""
        indices = dict.fromkeys([*self._blocks, *self._pieces])
        content = [_whole(self._blocks.get(index, {}), self._pieces.get(index, [])) for index in indices]
        whole = {**self._message, "content": content}
        if self._usage:
            whole["usage"] = self._usage
        return whole


def _whole(block: Dict[str, Any], pieces: List[str]) -> Dict[str, Any]:
    if block.get("type") in _TOOLS:
        return {**block, "input": arguments(pieces) if pieces else block.get("input")}
    key = "thinking" if block.get("type") == "thinking" else "text"
    return {"type": "text", **block, key: str(block.get(key) or "") + "".join(pieces)} if pieces else block
