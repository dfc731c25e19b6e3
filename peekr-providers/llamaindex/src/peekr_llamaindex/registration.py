"""The handler's place in LlamaIndex' dispatcher. Needs LlamaIndex."""

from __future__ import annotations

import sys
from typing import Any, List

from peekr_llamaindex.handler import EventHandler, SpanHandler
from peekr_llamaindex.operations import registry

_spans, _events = SpanHandler(), EventHandler()


def _dispatcher() -> Any:
    return sys.modules["llama_index.core.instrumentation"].get_dispatcher()


def register() -> None:
    """Hear of all that LlamaIndex does. Twice is as once."""
    dispatcher = _dispatcher()
    if not _holds(dispatcher.span_handlers, _spans):
        dispatcher.add_span_handler(_spans)
    if not _holds(dispatcher.event_handlers, _events):
        dispatcher.add_event_handler(_events)


def unregister() -> None:
    """Take it back; LlamaIndex has no method for that, so its lists are used."""
    dispatcher = _dispatcher()
    for handlers, own in ((dispatcher.span_handlers, _spans), (dispatcher.event_handlers, _events)):
        handlers[:] = [handler for handler in handlers if handler is not own]
    registry.end_all()


def _holds(handlers: List[Any], handler: Any) -> bool:
    return any(one is handler for one in handlers)
