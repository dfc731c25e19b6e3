"""Chunks to one response: what a stream brought, in the shape the same call has without ``stream=True``.

Chunks are the SDK's objects or plain dicts; nothing here needs the SDK.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

import msgspec

from peekr.stainless.models import Accumulator, Json, plain_model, view


class _Choice:
    """One choice of a chat or completion."""

    def __init__(self) -> None:
        self.finish: Optional[str] = None
        self.texts: Dict[str, List[str]] = {}
        self.calls: Dict[Any, Json] = {}
        self.function: Optional[Json] = None
        self.error: Any = None

    def text(self, key: str, piece: Any) -> None:
        if isinstance(piece, str):
            self.texts.setdefault(key, []).append(piece)
        elif key == "content":
            for part in _parts(piece):
                if part.get("text"):
                    self.text(key, part["text"])
                for thought in _parts(part.get("thinking")):
                    self.text("thinking", thought.get("text"))

    def tool_call(self, call: Json) -> None:
        key = call.get("index")
        known = self.calls.get(key)
        if known is not None and call.get("id") and known["id"] and call["id"] != known["id"]:
            key = call["id"]  # some servers give every call the index 0
            known = self.calls.get(key)
        if known is None:
            known = self.calls[key] = {"id": None, "type": "function", "name": None, "arguments": []}
        known["id"] = known["id"] or call.get("id")
        known["type"] = call.get("type") or known["type"]
        inner = call.get("function") or call.get("custom")
        if inner is not None:
            self.arguments(known, view(inner))

    def arguments(self, known: Json, function: Json) -> None:
        known["name"] = known["name"] or function.get("name")
        piece = function.get("arguments") or function.get("input")
        if isinstance(piece, dict):  # whole, and not as JSON text
            piece = msgspec.json.encode(piece).decode()
        if isinstance(piece, str):
            known["arguments"].append(piece)

    def message(self) -> Json:
        out: Json = {"role": "assistant"}
        for key, pieces in self.texts.items():
            whole = "".join(pieces)
            if key == "audio":
                out[key] = {"transcript": whole}
            elif whole or key == "content":
                out[key] = whole
        if self.function is not None:
            out["function_call"] = {"name": self.function["name"], "arguments": "".join(self.function["arguments"])}
        if self.calls:
            out["tool_calls"] = [_whole_call(call) for call in self.calls.values()]
        return out


def _whole_call(call: Json) -> Json:
    custom = call["type"] == "custom"
    inner = {"name": call["name"], "input" if custom else "arguments": "".join(call["arguments"])}
    return {"id": call["id"], "type": call["type"], "custom" if custom else "function": inner}


def _parts(content: Any) -> Iterator[Json]:
    """The parts in which Mistral answers where others have a text: what it says, and what it thinks."""
    return (view(part) for part in content) if isinstance(content, list) else iter(())


_ONLY_CONTENT = {"content"}
_HEAD = ("id", "model", "created", "service_tier", "system_fingerprint")


class ChatAccumulator(Accumulator):
    """Chunks of chat completions and of legacy completions."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._choices: Dict[int, _Choice] = {}
        self._usage: Any = None

    def is_content(self, chunk: Any) -> bool:
        for choice in view(chunk).get("choices") or ():
            fields = view(choice)
            delta = fields.get("delta")
            if fields.get("text") or (delta is not None and _says_something(view(delta))):
                return True
        return False

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        for choice in view(chunk).get("choices") or ():
            fields = view(choice)
            delta = view(fields.get("delta") or {})
            for name, piece in (("text", None if delta else fields.get("text")), *delta.items()):
                if isinstance(piece, str) and piece and name != "role":
                    yield (fields.get("index"), name), piece
                elif name == "content":
                    for part in _parts(piece):
                        if isinstance(part.get("text"), str):
                            yield (fields.get("index"), name), part["text"]
            for call in delta.get("tool_calls") or ():
                yield from _arguments(view(call), fields.get("index"))
            if delta.get("function_call"):
                yield from _arguments({"function": delta["function_call"]}, fields.get("index"))

    def add(self, chunk: Any) -> None:
        if not self._add_fast(chunk):
            self._add(chunk)

    def _add_fast(self, chunk: Any) -> bool:
        """Nearly all chunks: one choice whose delta has set nothing but ``content``. Return False for others."""
        try:
            fields = chunk.__dict__
            (choice,) = fields["choices"]
            delta = choice.delta
            if delta.__pydantic_fields_set__ != _ONLY_CONTENT or choice.finish_reason is not None:
                return False
            piece = delta.content
            if fields["usage"] is not None or piece is None:
                return False
            self._choices[choice.index].texts["content"].append(piece)
        except (AttributeError, KeyError, TypeError, ValueError):  # a dict, the first chunk, one without choices
            return False
        return True

    def _add(self, chunk: Any) -> None:
        fields = view(chunk)
        head = self._head
        for key in _HEAD:
            if key not in head and fields.get(key):
                head[key] = fields[key]
        usage = fields.get("usage")
        if usage is None and isinstance(fields.get("x_groq"), dict):
            usage = fields["x_groq"].get("usage")
        for choice in fields.get("choices") or ():
            told = view(choice)
            if usage is None:  # Moonshot
                usage = told.get("usage")
            self._add_choice(told)
        if usage is not None:
            self._usage = usage

    def _add_choice(self, fields: Json) -> None:
        index = fields.get("index")
        index = index if isinstance(index, int) else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        choice.finish = fields.get("finish_reason") or choice.finish
        choice.error = fields.get("error") or choice.error
        delta = fields.get("delta")
        if delta is None:
            if "text" in fields:  # Together has it beside a delta, too
                choice.text("text", fields["text"])
            return
        for key, value in view(delta).items():
            if value is None or key == "role":
                continue
            if key == "tool_calls":
                for call in value:
                    choice.tool_call(view(call))
            elif key == "function_call":
                choice.function = choice.function or {"name": None, "arguments": []}
                choice.arguments(choice.function, view(value))
            elif key == "audio":
                choice.text("audio", view(value).get("transcript"))
            else:
                choice.text(key, value)

    def shows(self, chunk: Any) -> bool:
        """Drop the chunk that has only the usage; from the others take the empty ``usage`` that came with it."""
        if isinstance(chunk, dict):
            if chunk.get("usage") is None:
                chunk.pop("usage", None)
                return True
        elif chunk.usage is None:
            chunk.model_fields_set.discard("usage")
            return True
        return bool(view(chunk).get("choices"))

    def is_complete(self) -> bool:
        return self._usage is not None and all(choice.finish for choice in self._choices.values())

    def is_cut(self) -> bool:
        choices = self._choices.values()
        return self._usage is None and bool(choices) and not any(choice.finish for choice in choices)

    def response(self) -> Json:
        choices = []
        for index, choice in sorted(self._choices.items()):
            out: Json = {"index": index, "finish_reason": choice.finish}
            if choice.error is not None:
                out["error"] = plain_model(choice.error)
            if "text" in choice.texts:
                out["text"] = "".join(choice.texts["text"])
            else:
                out["message"] = choice.message()
            choices.append(out)
        response = {**self._head, "choices": choices}
        if self._usage is not None:
            response["usage"] = plain_model(self._usage)
        return response


def _says_something(delta: Json) -> bool:
    return any(value for key, value in delta.items() if key != "role")


def _arguments(call: Json, choice: Any) -> Iterator[Tuple[Any, str]]:
    function = view(call.get("function") or call.get("custom") or {})
    piece = function.get("arguments") or function.get("input")
    if isinstance(piece, str) and piece:
        yield (choice, "arguments", call.get("index")), piece
