"""Events of a streamed interaction to one interaction, in the shape the same call has without streaming.

Two generations of events: ``step.*`` and, before that, ``content.*``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple

from peekr_gemini.data import Json, word

_FINAL = ("interaction.completed", "interaction.complete")


def is_content(event: Any) -> bool:
    """Whether the model's output begins with this event."""
    kind = event.get("event_type") if isinstance(event, dict) else getattr(event, "event_type", None)
    return str(kind).endswith(".delta")


def said(event: Any) -> Iterator[Tuple[Any, str]]:
    """Yield the text that an event adds, with the step that it belongs to."""
    delta = event.get("delta") if isinstance(event, dict) else None
    if not isinstance(delta, dict):
        return
    for name in ("text", "arguments"):
        if isinstance(delta.get(name), str) and delta[name]:
            yield (event.get("index"), name), delta[name]


class InteractionAccumulator:
    """Folds the events of one stream."""

    def __init__(self) -> None:
        self._known: Dict[str, Any] = {}
        self._steps: Dict[int, Dict[str, Any]] = {}
        self._pieces: Dict[int, List[str]] = {}
        self._complete = False

    def add(self, event: Any) -> None:
        """Fold one event; unknown ones are passed over."""
        if not isinstance(event, dict):
            return
        kind = str(event.get("event_type"))
        index = event.get("index")
        index = index if isinstance(index, int) else 0
        interaction = event.get("interaction")
        if isinstance(interaction, dict):
            self._known.update((name, value) for name, value in interaction.items() if value not in (None, [], ""))
            self._complete = self._complete or kind in _FINAL
        elif kind == "interaction.status_update":
            self._known["status"] = event.get("status")
        elif kind in ("step.start", "content.start"):
            begun = event.get("step") or event.get("content")
            self._steps[index] = dict(begun) if isinstance(begun, dict) else {}
        elif kind in ("step.delta", "content.delta") and isinstance(event.get("delta"), dict):
            self._delta(index, event["delta"])
        elif kind == "error":
            self._complete = True
            self._known["error"] = event.get("error") or {}

    def _delta(self, index: int, delta: Json) -> None:
        kind = delta.get("type")
        step = self._steps.setdefault(index, {"type": "model_output"})
        if kind == "text":
            self._pieces.setdefault(index, []).append(word(delta.get("text")))
        elif kind == "arguments_delta":
            self._pieces.setdefault(index, []).append(word(delta.get("arguments")))
        elif kind == "function_call":
            step.update((name, value) for name, value in delta.items() if value is not None)
        elif kind not in ("thought_summary", "thought_signature", "text_annotation_delta"):
            step.setdefault("content", []).append(dict(delta))

    def is_complete(self) -> bool:
        """Whether the last event has come."""
        return self._complete

    def interaction(self) -> Dict[str, Any]:
        """Return what is known as one interaction; absent is what did not come."""
        out = dict(self._known)
        if not out.get("steps") and not out.get("outputs"):
            steps = [self._step(index) for index in sorted({*self._steps, *self._pieces})]
            if steps:
                out["steps"] = steps
        return out

    def _step(self, index: int) -> Dict[str, Any]:
        step = dict(self._steps.get(index, {}))
        whole = "".join(self._pieces.get(index, ()))
        if whole and step.get("type") == "function_call":
            step["arguments"] = whole
        elif whole and step.get("type") == "text":
            step["text"] = whole
        elif whole:
            step["content"] = [*(step.get("content") or ()), {"type": "text", "text": whole}]
        return step
