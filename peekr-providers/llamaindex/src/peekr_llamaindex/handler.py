"""The handlers that LlamaIndex' dispatcher calls. Needs LlamaIndex.

It calls them in the context of the code that runs: what is made current when an operation begins is current in that
operation, in the tasks and threads that it starts, and in nothing else.
"""

from __future__ import annotations

from typing import Any, Optional

from llama_index.core.instrumentation.event_handlers.base import BaseEventHandler
from llama_index.core.instrumentation.span_handlers.base import BaseSpanHandler

from peekr.delivery import delivery
from peekr.patching import note_failure
from peekr_llamaindex.errors import describe_cancelling
from peekr_llamaindex.groups import group_of
from peekr_llamaindex.operations import OwnPlace, around, registry
from peekr_llamaindex.responses import hear, written
from peekr_llamaindex.steps import finish, start

#: LlamaIndex' id of an operation is ``Class.method-`` and a UUID.
_UUID = 37


class SpanHandler(BaseSpanHandler[Any]):  # type: ignore[misc, unused-ignore]
    """Makes spans of what LlamaIndex begins and ends. Never raises, and keeps nothing in LlamaIndex' own lists."""

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the handler."""
        return "PeekrSpanHandler"

    def span_enter(
        self, id_: str, bound_args: Any, instance: Any = None, parent_id: Optional[str] = None, **kwargs: Any
    ) -> None:
        """Begin a span, if the operation becomes one."""
        try:
            if delivery.pipeline is None:
                return
            method = id_[:-_UUID].rpartition(".")[2]
            outer = around()
            workflow = _workflow(outer)
            group = group_of(instance, method, workflow)
            if group is None or group == "writing" or _is_part(outer, group, instance):
                return
            instance = workflow if instance is None else instance
            registry.add(id_, start(group, instance, method, bound_args.arguments))
        except Exception as error:
            note_failure("LlamaIndex' span_enter", error)

    def span_exit(self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **kwargs: Any) -> None:
        """End a span."""
        try:
            operation = registry.take(id_)
            if operation is not None:
                finish(operation, result)
            elif "write_response_to_history" in id_:
                written(instance, id_)
        except Exception as error:
            note_failure("LlamaIndex' span_exit", error)

    def span_drop(
        self, id_: str, bound_args: Any, instance: Any = None, err: Optional[BaseException] = None, **kwargs: Any
    ) -> None:
        """End a span that has failed."""
        try:
            operation = registry.take(id_)
            if operation is not None:
                operation.fail(err or RuntimeError("dropped"))
            elif "write_response_to_history" in id_:
                written(instance, id_)
        except Exception as error:
            note_failure("LlamaIndex' span_drop", error)

    def new_span(self, *args: Any, **kwargs: Any) -> None:
        """Make nothing: the methods above do."""

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


def _workflow(outer: Optional[OwnPlace]) -> Any:
    return outer.instance if outer is not None and outer.group in ("run", "agent_run") else None


def _is_part(outer: Optional[OwnPlace], group: str, instance: Any) -> bool:
    """Whether an object does something by another of its own methods; a workflow's steps are no such thing."""
    return outer is not None and instance is not None and outer.instance is instance and group not in ("step", "turn")


class EventHandler(BaseEventHandler):  # type: ignore[misc, unused-ignore]
    """Hears of what no span tells: that a program cancelled its workflow, what a chat engine's stream says."""

    @classmethod
    def class_name(cls) -> str:
        """Return the name by which LlamaIndex knows the handler."""
        return "PeekrEventHandler"

    def handle(self, event: Any, **kwargs: Any) -> None:
        """Look at an event."""
        try:
            kind = type(event).__name__
            if kind == "StreamChatDeltaReceivedEvent":
                hear(event.span_id, event.delta)
            elif kind == "SpanCancelledEvent":
                operation = registry.open.get(event.span_id)
                if operation is not None:
                    describe_cancelling(operation.span, str(event.reason))
        except Exception as error:
            note_failure("LlamaIndex' event", error)

    async def ahandle(self, event: Any, **kwargs: Any) -> None:
        """Look at an event."""
        self.handle(event)
