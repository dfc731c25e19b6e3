"""Chunks to one response: what a stream brought, in the shape the same call has without streaming.

Nothing here needs the SDK.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Tuple

from peekr_gemini.data import Json, get, objects
from peekr_gemini.response import blocked, finish_reason

#: The fields of a chunk, in either case; with a streamed answer there are hundreds, so each is looked at once.
_FIELDS = {
    "candidates": "candidates",
    "usageMetadata": "usageMetadata",
    "usage_metadata": "usageMetadata",
    "modelVersion": "modelVersion",
    "model_version": "modelVersion",
    "responseId": "responseId",
    "response_id": "responseId",
    "createTime": "createTime",
    "create_time": "createTime",
    "promptFeedback": "promptFeedback",
    "prompt_feedback": "promptFeedback",
    "error": "error",
}
_TEXT_FIELDS = frozenset(("text", "thought", "thoughtSignature"))
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class _Candidate:
    """One candidate of an answer."""

    def __init__(self) -> None:
        self.parts: List[Dict[str, Any]] = []
        self.fields: Dict[str, Any] = {}
        self._text: List[str] = []

    def add(self, fields: Json) -> None:
        """Fold what a chunk says of the candidate."""
        for name, value in fields.items():
            if name != "content":
                self.fields[name] = value
            elif isinstance(value, dict):
                for part in objects(value.get("parts")):
                    self.part(part)

    def part(self, part: Json) -> None:
        words = part.get("text")
        if isinstance(words, str) and (len(part) == 1 or (_TEXT_FIELDS.issuperset(part) and not part.get("thought"))):
            self._text.append(words)
            return
        self.flush()
        last = self.parts[-1] if self.parts else {}
        if part.get("thought") and last.get("thought") and "text" in part and "text" in last:
            last["text"] += part["text"]
        elif get(get(last, "functionCall"), "willContinue") and get(part, "functionCall") is not None:
            _continue_call(last["functionCall"], part["functionCall"])
        else:
            self.parts.append(dict(part))
            if get(get(part, "functionCall"), "partialArgs") or get(get(part, "functionCall"), "willContinue"):
                begun = dict(part["functionCall"])
                self.parts[-1]["functionCall"] = begun
                _continue_call(begun, {**begun, "partialArgs": begun.pop("partialArgs", None)})

    def flush(self) -> None:
        """Make one part of the pieces of text so far."""
        if self._text:
            self.parts.append({"text": "".join(self._text)})
            self._text = []

    def whole(self) -> Dict[str, Any]:
        self.flush()
        return {"content": {"role": "model", "parts": self.parts}, **self.fields}


def _continue_call(call: Dict[str, Any], piece: Json) -> None:
    """Add to a function call whose arguments come in pieces, each with the path of the value it belongs to."""
    call["willContinue"] = bool(get(piece, "willContinue"))
    call.setdefault("args", {})
    for partial in objects(get(piece, "partialArgs")):
        value = next(
            (get(partial, name) for name in ("stringValue", "numberValue", "boolValue") if name in partial), None
        )
        _put(call["args"], str(get(partial, "jsonPath") or ""), value)


def _put(args: Dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a path such as ``$.items[0].name``; a text is added to the text there is."""
    keys: List[Any] = [int(index) if index else name for name, index in _STEP.findall(path.lstrip("$"))]
    at: Any = args
    for key, following in zip(keys, keys[1:]):
        at = _child(at, key, [] if isinstance(following, int) else {})
    if keys:
        known = _child(at, keys[-1], None)
        at[keys[-1]] = known + value if isinstance(known, str) and isinstance(value, str) else value


def _child(holder: Any, key: Any, default: Any) -> Any:
    if isinstance(holder, list):
        while len(holder) <= key < 1000:
            holder.append(None)
        if holder[key] is None:
            holder[key] = default
        return holder[key]
    return holder.setdefault(key, default)


class Accumulator:
    """Folds the chunks of one streamed answer."""

    def __init__(self) -> None:
        self._head: Dict[str, Any] = {}
        self._candidates: Dict[int, _Candidate] = {}
        self._usage: Dict[str, Any] = {}

    def add(self, chunk: Any) -> None:
        """Fold one chunk as JSON data; a list of them too, as servers send it that do not know events."""
        for one in chunk if isinstance(chunk, list) else (chunk,):
            if isinstance(one, dict):
                self._add(one)

    def _add(self, chunk: Json) -> None:
        for key, value in chunk.items():
            name = _FIELDS.get(key)
            if name is None or value is None:
                continue
            if name == "candidates":
                for fields in objects(value):
                    self._candidate(fields.get("index")).add(fields)
            elif name != "usageMetadata":
                self._head[name] = value
            elif isinstance(value, dict):
                self._usage.update(value)

    def _candidate(self, index: Any) -> _Candidate:
        index = index if isinstance(index, int) else 0
        known = self._candidates.get(index)
        if known is None:
            known = self._candidates[index] = _Candidate()
        return known

    def is_complete(self) -> bool:
        """Whether every candidate has come to its end, or the prompt was blocked."""
        if blocked(self._head):
            return True
        ends = [finish_reason(get(one.fields, "finishReason")) for one in self._candidates.values()]
        return bool(ends) and None not in ends

    def response(self) -> Dict[str, Any]:
        """Return what is known as one response; absent is what did not come."""
        out = dict(self._head)
        if self._candidates:
            out["candidates"] = [candidate.whole() for _, candidate in sorted(self._candidates.items())]
        if self._usage:
            out["usageMetadata"] = self._usage
        return out


def says_something(chunk: Any) -> bool:
    """Whether the model's output begins with this chunk."""
    candidates = chunk.get("candidates") if isinstance(chunk, dict) else chunk.candidates
    for candidate in candidates or ():
        content = candidate.get("content") if isinstance(candidate, dict) else candidate.content
        parts = content.get("parts") if isinstance(content, dict) else getattr(content, "parts", None)
        if parts:
            return True
    return False


def said(chunk: Any) -> Iterator[Tuple[Any, str]]:
    """Yield the text that a chunk adds, each with the candidate that it belongs to, thoughts apart."""
    for at, candidate in enumerate(_field(chunk, "candidates") or ()):
        for part in _field(_field(candidate, "content"), "parts") or ():
            words, code = _field(part, "text"), _field(_field(part, "executable_code"), "code")
            if isinstance(words, str) and words:
                yield (at, bool(_field(part, "thought"))), words
            if isinstance(code, str) and code:
                yield (at, "code"), code


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
