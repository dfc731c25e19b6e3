"""Events to one response: the streams of the Responses API, of assistants, and of audio and images."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

from peekr.stainless.models import Accumulator, Json, plain_model, view
from peekr_openai.stream import ChatAccumulator


def _object(value: Any) -> Json:
    """An object of the API as JSON data; an empty one for what is none."""
    plain = plain_model(value)
    return dict(plain) if isinstance(plain, dict) else {}


class ResponsesAccumulator(Accumulator):
    """Events of the Responses API. The last one carries the whole response; the others are for when it is missing."""

    _FINAL = ("response.completed", "response.failed", "response.incomplete")

    def __init__(self) -> None:
        self._first: Any = None
        self._final: Any = None
        self._error: Optional[Json] = None
        self._items: Dict[int, Json] = {}
        self._done: Dict[int, Any] = {}
        self._pieces: Dict[int, List[str]] = {}

    def is_content(self, chunk: Any) -> bool:
        return str(view(chunk).get("type")).endswith((".delta", ".partial_image"))

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        fields = view(chunk)
        piece = fields.get("delta")
        if isinstance(piece, str) and piece and str(fields.get("type")).endswith(".delta"):
            yield (fields.get("output_index"), fields.get("content_index"), fields.get("type")), piece

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        kind = fields.get("type")
        if kind in self._FINAL:
            self._final = fields.get("response")
            self._pieces.clear()
        elif kind in ("response.output_text.delta", "response.refusal.delta") or kind in _ARGUMENTS:
            self._pieces.setdefault(fields.get("output_index") or 0, []).append(fields.get("delta") or "")
        elif kind == "response.output_item.added":
            self._items[fields.get("output_index") or 0] = dict(view(fields["item"]))
        elif kind == "response.output_item.done":
            self._done[fields.get("output_index") or 0] = fields["item"]
        elif kind == "response.created":
            self._first = fields.get("response")
        elif kind == "error":
            self._error = {"code": fields.get("code"), "message": fields.get("message")}

    def is_complete(self) -> bool:
        return self._final is not None

    def is_cut(self) -> bool:
        begun = self._first is not None or bool(self._items or self._pieces)
        return begun and self._final is None and self._error is None

    def response(self) -> Json:
        response: Json = {}
        if self._final is not None:
            response = _object(self._final)
        elif self._first is not None:
            response = _object(self._first)
            response.pop("status", None)
        if not response.get("output"):
            response["output"] = self._output()
        if self._error is not None:
            response.update(status="failed", error=self._error)
        return response

    def _output(self) -> List[Any]:
        indices = sorted({*self._items, *self._done, *self._pieces})
        return [plain_model(self._done[at]) if at in self._done else self._unfinished(at) for at in indices]

    def _unfinished(self, index: int) -> Json:
        item = {key: plain_model(value) for key, value in self._items.get(index, {"type": "message"}).items()}
        said = "".join(self._pieces.get(index, ()))
        if item.get("type") == "message":
            item["content"] = [{"type": "output_text", "text": said}]
        elif item.get("type") in _ARGUMENT_OF:
            item[_ARGUMENT_OF[item["type"]]] = said
        return item


_ARGUMENTS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_ARGUMENT_OF = {"function_call": "arguments", "custom_tool_call": "input"}


class EventAccumulator(Accumulator):
    """Streams of transcriptions, speech and images: deltas of text, and a last event with the usage."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._texts: List[str] = []
        self._last: Json = {}
        self._images: List[Json] = []

    def is_content(self, chunk: Any) -> bool:
        return str(view(chunk).get("type")).endswith((".delta", ".partial_image", ".completed"))

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        fields = view(chunk)
        if fields.get("type") == "transcript.text.delta":
            yield None, fields.get("delta") or ""

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        kind = str(fields.get("type"))
        if kind == "transcript.text.delta":
            self._texts.append(fields.get("delta") or "")
        elif kind.endswith(".completed"):
            self._images.append({"b64_json": f"<base64, {len(fields.get('b64_json') or '')} characters>"})
            self._last = {key: plain_model(value) for key, value in fields.items() if key != "b64_json"}
        elif kind.endswith(".done"):
            self._last = {key: plain_model(value) for key, value in fields.items()}

    def is_complete(self) -> bool:
        return bool(self._last)

    def response(self) -> Json:
        response = {key: value for key, value in self._last.items() if key != "type"}
        if self._family == "images":
            response["data"] = self._images
        elif self._texts and "text" not in response:
            response["text"] = "".join(self._texts)
        return response


class ThreadsAccumulator(Accumulator):
    """Events of the assistants API: ``{"event": "thread.…", "data": …}``."""

    def __init__(self) -> None:
        self._run: Any = None
        self._texts: List[str] = []

    def is_content(self, chunk: Any) -> bool:
        return str(view(chunk).get("event")).endswith(".delta")

    def said(self, chunk: Any) -> Iterator[Tuple[Any, str]]:
        fields = view(chunk)
        if fields.get("event") == "thread.message.delta":
            for part in view(view(fields["data"])["delta"]).get("content") or ():
                words = view(part).get("text")
                if words is not None:
                    yield view(part).get("index"), view(words).get("value") or ""

    def add(self, chunk: Any) -> None:
        fields = view(chunk)
        event = str(fields.get("event"))
        if event.startswith("thread.run.") and not event.startswith("thread.run.step."):
            self._run = fields.get("data")
        elif event == "thread.message.delta":
            for part in view(view(fields["data"])["delta"]).get("content") or ():
                said = view(part).get("text")
                self._texts.append((view(said).get("value") or "") if said is not None else "")

    def is_complete(self) -> bool:
        return self._run is not None and view(self._run).get("usage") is not None

    def response(self) -> Json:
        response = _object(self._run) if self._run is not None else {}
        if self._texts:
            response["output_text"] = "".join(self._texts)
        return response


def accumulator(family: str) -> Accumulator:
    """Return a new accumulator for a stream of this family of operations."""
    if family in ("chat", "completions"):
        return ChatAccumulator()
    if family == "responses":
        return ResponsesAccumulator()
    return ThreadsAccumulator() if family == "threads" else EventAccumulator(family)
