"""Chunks to one response: what a stream brought, in the shape the same call has without a stream.

Chunks are LiteLLM's objects or plain dicts; nothing here needs LiteLLM.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

from peekr.stainless.models import Json, plain_model, view

_HEAD = ("id", "model", "service_tier")
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Accumulator:
    """Folds the chunks of a stream."""

    def is_content(self, chunk: Any) -> bool:
        """Whether the model's output begins with this chunk."""
        return next(iter(self.said(chunk)), None) is not None

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        """Yield the text that the chunk adds to the answer, each with a key for what it goes on with."""
        return iter(())

    def add(self, chunk: Any) -> None:
        """Fold one chunk."""

    def add_usages(self, lists: List[List[Any]]) -> None:
        """Look for the token counts among the chunks that a stream kept to itself."""

    def is_complete(self) -> bool:
        """Whether nothing of value can follow."""
        return False

    def response(self) -> Json:
        """Return what is known as one response."""
        return {}


class _Choice:
    """One choice."""

    def __init__(self) -> None:
        self.finish: Any = None
        self.texts: Dict[str, List[str]] = {}
        self.calls: Dict[Any, Json] = {}
        self.function: Optional[Json] = None

    def add(self, key: str, value: Any) -> None:
        if key == "tool_calls":
            for call in value or ():
                fields = view(call)
                index = fields.get("index")
                known = self.calls.setdefault(index, {"id": None, "name": None, "arguments": []})
                known["id"] = known["id"] or fields.get("id")
                _add_arguments(known, fields.get("function"))
        elif key == "function_call" and value is not None:
            self.function = self.function or {"name": None, "arguments": []}
            _add_arguments(self.function, value)
        elif key == "provider_specific_fields" and isinstance(value, dict):
            self.add("refusal", value.get("refusal"))
        elif isinstance(value, str) and key != "role":
            self.texts.setdefault(key, []).append(value)

    def message(self) -> Json:
        out: Json = {"role": "assistant", **{key: "".join(pieces) for key, pieces in self.texts.items()}}
        if self.function is not None:
            out["function_call"] = _whole(self.function)
        if self.calls:
            out["tool_calls"] = [
                {"id": call["id"], "type": "function", "function": _whole(call)} for call in self.calls.values()
            ]
        return out


def _add_arguments(known: Json, function: Any) -> None:
    fields = view(function)
    known["name"] = known["name"] or fields.get("name")
    if isinstance(fields.get("arguments"), str):
        known["arguments"].append(fields["arguments"])


def _whole(call: Json) -> Json:
    return {"name": call["name"], "arguments": "".join(call["arguments"])}


class ChatAccumulator(Accumulator):
    """Chunks of completions: of chats and of prompts."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._choices: Dict[Any, _Choice] = {}
        self._usage: Json = {}

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        for choice in view(chunk).get("choices") or ():
            fields = view(choice)
            delta = view(fields.get("delta") or {})
            for name, piece in (("text", None if delta else fields.get("text")), *delta.items()):
                if isinstance(piece, str) and piece and name != "role":
                    yield (fields.get("index"), name), piece
            for call in (*(delta.get("tool_calls") or ()), {"function": delta.get("function_call")}):
                piece = view(view(call).get("function")).get("arguments")
                if isinstance(piece, str) and piece:
                    yield (fields.get("index"), "arguments", view(call).get("index")), piece

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        for key in _HEAD:
            if key not in self._head and fields.get(key):
                self._head[key] = fields[key]
        self._add_usage(fields.get("usage"))
        for each in fields.get("choices") or ():
            told = view(each)
            choice = self._choices.setdefault(told.get("index"), _Choice())
            choice.finish = told.get("finish_reason") or choice.finish
            delta = told.get("delta")
            for key, value in view(delta).items() if delta is not None else (("text", told.get("text")),):
                choice.add(key, value)

    def _add_usage(self, usage: Any) -> None:
        """Take the last of each count: Anthropic tells those of the input first, those of the output last."""
        if usage is None:
            return
        told = plain_model(usage)
        if not isinstance(told, dict):
            return
        for key, value in told.items():
            if value or key not in self._usage:
                self._usage[key] = value
        given, output, total = (self._usage.get(key) or 0 for key in _COUNTS)
        if given and output and total < given + output:
            self._usage["total_tokens"] = given + output

    def add_usages(self, lists: List[List[Any]]) -> None:
        if any(self._usage.get(key) for key in _COUNTS):
            return
        for chunk in (chunk for each in lists for chunk in list(each)):
            self._add_usage(view(chunk).get("usage"))

    def is_complete(self) -> bool:
        return bool(self._choices) and all(choice.finish for choice in self._choices.values())

    def response(self) -> Json:
        choices: List[Json] = []
        for index, choice in self._choices.items():
            out: Json = {"index": index, "finish_reason": choice.finish}
            if "text" in choice.texts:
                out["text"] = "".join(choice.texts["text"])
            else:
                out["message"] = choice.message()
            choices.append(out)
        response = {**self._head, "choices": choices}
        if self._usage:
            response["usage"] = dict(self._usage)
        return response


class ResponsesAccumulator(Accumulator):
    """Events of the Responses API. The last one carries the whole response; the texts are for when it is missing."""

    _FINAL = ("response.completed", "response.failed", "response.incomplete")

    def __init__(self) -> None:
        self._first: Json = {}
        self._final: Any = None
        self._texts: List[str] = []

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        fields = view(chunk)
        piece, kind = fields.get("delta"), _kind(fields)
        if isinstance(piece, str) and piece and kind.endswith(".delta"):
            yield (fields.get("output_index"), fields.get("content_index"), kind), piece

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        kind = _kind(fields)
        if kind in self._FINAL:
            self._final = fields.get("response")
        elif kind == "response.created":
            response = view(fields.get("response"))
            self._first = {key: response[key] for key in ("id", "model") if response.get(key)}
        elif kind == "response.output_text.delta":
            self._texts.append(fields.get("delta") or "")

    def is_complete(self) -> bool:
        return self._final is not None

    def response(self) -> Json:
        if self._final is not None:
            response = plain_model(self._final)
            if isinstance(response, dict) and response.get("output"):
                return response
            self._first = {**self._first, **(response if isinstance(response, dict) else {})}
        content = [{"type": "output_text", "text": "".join(self._texts)}]
        return {**self._first, "output": [{"type": "message", "content": content}]}


def _kind(fields: Json) -> str:
    kind = fields.get("type")
    return str(getattr(kind, "value", kind))


def accumulator(family: str) -> Accumulator:
    """Return a new accumulator for a stream of this family of operations."""
    if family in ("chat", "completions"):
        return ChatAccumulator()
    return ResponsesAccumulator() if family == "responses" else Accumulator()
