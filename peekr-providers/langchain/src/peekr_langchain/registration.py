"""The process-wide handler: LangChain adds it to every callback manager it configures. Needs LangChain."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any

from peekr_langchain.callbacks import PeekrCallbackHandler

_handler = PeekrCallbackHandler()
#: The handler is the variable's default, so that it is there in threads of every origin.
_process_wide: ContextVar[Any] = ContextVar("peekr_langchain", default=_handler)


def register() -> None:
    """Add the handler to all that LangChain runs. Twice is as once."""
    from langchain_core.tracers import context

    if not any(hook[0] is _process_wide for hook in getattr(context, "_configure_hooks", ())):
        context.register_configure_hook(_process_wide, True, PeekrCallbackHandler)


def unregister() -> None:
    """Take it back; LangChain has no function for that, so its list is used."""
    context = sys.modules.get("langchain_core.tracers.context")
    hooks = getattr(context, "_configure_hooks", None)
    if isinstance(hooks, list):
        hooks[:] = [hook for hook in hooks if hook[0] is not _process_wide]
