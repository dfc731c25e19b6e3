"""Chunks of InvokeModelWithResponseStream to one body, in the shape the same model has without a stream."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from peekr_bedrock.answer import Json, objects, part, slot
from peekr_bedrock.claude import MessageFold
from peekr_bedrock.converse import ConverseFold
from peekr_bedrock.families import METRICS

#: Where the chunks of a model that sends nothing but text keep it, and why it ended.
_TEXTS = ("generation", "outputText", "completion", "text", "message")
_FINISHES = ("stop_reason", "completionReason", "finish_reason", "finishReason")


class InvokeFold:
    """Folds the chunks of any family; the first chunk of a known shape decides."""

    def __init__(self) -> None:
        self._messages = MessageFold()
        self._converse = ConverseFold()
        self._choices = ChoicesFold()
        self._fold: Any = None
        self._own: Dict[str, Any] = {}
        self._texts: Dict[str, List[str]] = {}
        self._outputs: Dict[str, Any] = {}
        self._ended = False

    def add(self, chunk: Json) -> None:
        """Fold one chunk."""
        self._own.update((key, value) for key, value in chunk.items() if key.startswith("amazon-bedrock-"))
        event = next((name for name in chunk if name in ConverseFold.EVENTS), None)
        if str(chunk.get("type")) in MessageFold.EVENTS:
            self._fold = self._messages
            self._messages.add(chunk)
        elif event is not None:
            self._fold = self._converse
            self._converse.add(event, part(chunk, event))
        elif "choices" in chunk:
            self._fold = self._choices
            self._choices.add(chunk)
        else:
            self._plain(chunk)

    def _plain(self, chunk: Json) -> None:
        for output in objects(chunk.get("outputs")):
            self._texts.setdefault("outputs", []).append(str(output.get("text") or ""))
            self._outputs.update((key, value) for key, value in output.items() if value is not None)
            self._ended = self._ended or bool(output.get("stop_reason"))
        for key, value in chunk.items():
            if key in _TEXTS and isinstance(value, str):
                self._texts.setdefault(key, []).append(value)
            elif value is not None and key not in ("outputs", "response"):
                self._own[key] = value
        self._ended = self._ended or any(chunk.get(key) for key in _FINISHES)

    @property
    def complete(self) -> bool:
        """Whether the model said that it has ended."""
        return METRICS in self._own or self._ended or bool(self._fold and self._fold.complete)

    @property
    def cut(self) -> bool:
        """Whether a known model's stream lacks its end."""
        return not self.complete and bool(self._fold or self._texts)

    def response(self) -> Dict[str, Any]:
        """Return what is known as one body."""
        whole = dict(self._own)
        for key, pieces in self._texts.items():
            whole[key] = "".join(pieces)
        if self._outputs:
            whole["outputs"] = [{**self._outputs, "text": whole["outputs"]}]
        if self._fold is not None:
            whole.update(self._fold.response())
        return whole


class ChoicesFold:
    """Folds chunks in OpenAI's format; Mistral's have a ``message`` where others have a ``delta``."""

    def __init__(self) -> None:
        self._words: Dict[Any, List[str]] = {}
        self._calls: Dict[Any, Dict[Any, Dict[str, Any]]] = {}
        self._finish: Dict[Any, str] = {}
        self._usage: Optional[Any] = None

    def add(self, chunk: Json) -> None:
        """Fold one chunk."""
        self._usage = chunk.get("usage") or self._usage
        for choice in objects(chunk.get("choices")):
            index = slot(choice.get("index", 0))
            delta = part(choice, "delta") or part(choice, "message")
            words = delta.get("content") or choice.get("text")
            self._words.setdefault(index, []).append(words if isinstance(words, str) else "")
            finish = choice.get("finish_reason") or choice.get("stop_reason")
            if finish:
                self._finish[index] = finish
            for call in objects(delta.get("tool_calls")):
                self._call(self._calls.setdefault(index, {}), call)

    @staticmethod
    def _call(calls: Dict[Any, Dict[str, Any]], call: Json) -> None:
        function = part(call, "function")
        index = slot(call.get("index", call.get("id")))
        known = calls.setdefault(index, {"id": call.get("id"), "name": None, "arguments": ""})
        known["name"] = known["name"] or function.get("name")
        known["arguments"] += str(function.get("arguments") or "")

    @property
    def complete(self) -> bool:
        """Whether every choice has ended."""
        return bool(self._words) and self._finish.keys() == self._words.keys()

    def response(self) -> Dict[str, Any]:
        """Return what is known as one response."""
        choices = []
        for index, words in self._words.items():
            message: Dict[str, Any] = {"role": "assistant", "content": "".join(words)}
            calls = self._calls.get(index, {})
            if calls:
                message["tool_calls"] = [
                    {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
                    for call in calls.values()
                ]
            choices.append({"index": index, "message": message, "finish_reason": self._finish.get(index)})
        return {"choices": choices, **({"usage": self._usage} if self._usage else {})}
