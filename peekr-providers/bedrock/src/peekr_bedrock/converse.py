"""The format of Converse, which the Nova models also speak through InvokeModel."""

from __future__ import annotations

import json
from typing import Any, Dict, List

from peekr.capture import LLM_LIMIT, text
from peekr.messages import lighten
from peekr_bedrock.answer import Answer, Json, joined, objects, part, slot


def read_converse(response: Json) -> Answer:
    """Read a response of Converse."""
    answer = Answer(finishes=[response.get("stopReason")], usage=response.get("usage"))
    tier = part(response, "serviceTier").get("type")
    answer.more = {"service_tier": tier if isinstance(tier, str) else None}
    words = []
    blocks = list(objects(part(response, "output", "message").get("content")))
    for block in blocks:
        if isinstance(block.get("text"), str):
            words.append(block["text"])
        elif "citationsContent" in block:
            words.append(joined(part(block, "citationsContent").get("content"), "text"))
        elif "toolUse" in block:
            tool = part(block, "toolUse")
            answer.call(tool.get("name"), tool.get("input"))
    answer.words = "".join(words)
    shown = [block for block in blocks if "reasoningContent" not in block]
    if shown and not (words or answer.calls):  # an image
        answer.words = text(lighten(shown), LLM_LIMIT)
    return answer


_STOP = ("stopReason", "additionalModelResponseFields")


class ConverseFold:
    """Folds the events of ConverseStream into a response of Converse."""

    #: The events, by name.
    EVENTS = frozenset(
        ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
    )

    def __init__(self) -> None:
        self._role = "assistant"
        self._blocks: Dict[Any, Dict[str, Any]] = {}
        self._rest: Dict[str, Any] = {}
        self.complete = False

    def add(self, name: str, event: Json) -> None:
        """Fold one event."""
        if name == "contentBlockDelta":
            delta = event.get("delta")
            if isinstance(delta, dict):
                self._delta(self._block(event), delta)
        elif name == "contentBlockStart":
            self._block(event).update(part(event, "start", "toolUse"), tool=True, input=[])
        elif name == "messageStart":
            self._role = str(event.get("role") or self._role)
        elif name == "messageStop":
            self._rest.update((key, value) for key, value in event.items() if key in _STOP)
        elif name == "metadata":
            self._rest.update((key, value) for key, value in event.items() if key != "p")
            self.complete = True

    def _block(self, event: Json) -> Dict[str, Any]:
        index = slot(event.get("contentBlockIndex"))
        known = self._blocks.get(index)
        if known is None:
            known = self._blocks[index] = {}
        return known

    @staticmethod
    def _delta(block: Dict[str, Any], delta: Json) -> None:
        words = delta.get("text")
        if isinstance(words, str):
            if "text" not in block:
                block["text"] = []
            block["text"].append(words)
            if len(delta) == 1:  # nearly all of them
                return
        tool, thought = part(delta, "toolUse"), part(delta, "reasoningContent")
        if isinstance(tool.get("input"), str):
            block.setdefault("input", []).append(tool["input"])
        for key in ("text", "signature", "redactedContent"):
            if isinstance(thought.get(key), str):
                block.setdefault("reasoning", {}).setdefault(key, []).append(thought[key])
        if "citation" in delta:
            block.setdefault("citations", []).append(delta["citation"])

    def response(self) -> Dict[str, Any]:
        """Return what is known as one response; absent is what did not come."""
        content = [_content(block) for block in self._blocks.values()]
        return {**self._rest, "output": {"message": {"role": self._role, "content": content}}}


def _content(block: Dict[str, Any]) -> Dict[str, Any]:
    if "input" in block:
        tool = {key: block[key] for key in ("toolUseId", "name") if key in block}
        return {"toolUse": {**tool, "input": arguments(block["input"])}}
    if "reasoning" in block:
        thought = {key: "".join(pieces) for key, pieces in block["reasoning"].items()}
        redacted = thought.pop("redactedContent", None)
        return {"reasoningContent": {"redactedContent": redacted} if redacted else {"reasoningText": thought}}
    words = "".join(block.get("text", ()))
    if "citations" in block:
        return {"citationsContent": {"content": [{"text": words}], "citations": block["citations"]}}
    return {"text": words}


def arguments(pieces: List[str]) -> Any:
    """Return the arguments of a streamed tool call as JSON data; as text where they cannot be read."""
    whole = "".join(pieces)
    try:
        return json.loads(whole) if whole.strip() else {}
    except ValueError:
        return whole
