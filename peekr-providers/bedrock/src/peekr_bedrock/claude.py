"""Anthropic's messages, as Claude models speak them through InvokeModel."""

from __future__ import annotations

from peekr.claude import MessageAccumulator
from peekr_bedrock.answer import Answer, Json, joined, objects


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


class MessageFold(MessageAccumulator):
    """Folds the events of a streamed message into the message."""

    #: The events that carry something, by type.
    EVENTS = frozenset(("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"))

    @property
    def complete(self) -> bool:
        """Whether the message has come to its end."""
        return self.is_complete()
