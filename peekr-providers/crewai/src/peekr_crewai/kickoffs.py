"""What all that is kicked off has in common: streams, and the continuing of checkpoints."""

from __future__ import annotations

from typing import Any, Dict
from weakref import ref

from peekr.context import current
from peekr.settings import settings
from peekr.spans import Parent, Span
from peekr_crewai.doing import Call, Doing, Step
from peekr_crewai.outline import (
    said,
)

#: Streams that were asked for and not begun.
_MAX_WAITING = 1_000


def put_output(span: Span, result: Any) -> None:
    """Note what came out."""
    if settings.capture_io and result is not None:
        span.attributes["output"] = said(result)


class _Streams:
    """Where the objects stand that were asked for a stream: CrewAI calls the same method again when it is read."""

    def __init__(self) -> None:
        self._places: Dict[int, Any] = {}

    def put(self, owner: Any) -> None:
        """Remember what is current."""
        if len(self._places) < _MAX_WAITING:
            key = id(owner)
            self._places[key] = (ref(owner, lambda _: self._places.pop(key, None)), current.get())

    def take(self, owner: Any) -> Any:
        """Return what was current, once; None if the owner was not asked for a stream."""
        found = self._places.pop(id(owner), None)
        return None if found is None or found[0]() is not owner else found


streams = _Streams()


class Kickoff(Step):
    """A call that with ``stream=True`` returns at once, and calls itself when the stream is read."""

    def passes(self, call: Call) -> bool:
        if getattr(call.owner, "stream", False) is not True or is_restoring(call):
            return False
        streams.put(call.owner)
        return True

    def parent(self, call: Call) -> Parent:
        here = current.get()
        waiting = streams.take(call.owner)
        return here if waiting is None else waiting[1]

    def is_same(self, here: Doing, call: Call) -> bool:
        return here.owner is call.owner or here.notes == "restores"

    def begin(self, doing: Doing, call: Call) -> None:
        if is_restoring(call):
            doing.notes = "restores"  # what follows is the restored object's call


def is_restoring(call: Call) -> bool:
    """Whether a call continues a checkpoint: CrewAI then calls the same method of another object."""
    config = call.kwargs.get("from_checkpoint")
    return getattr(config, "restore_from", None) is not None
