"""Lets the other handlers of an async completion model hear that it starts, beside ours.

LangChain's ``AsyncCallbackManager.on_llm_start`` tells only the inline handlers where there is one, and ours is:
without this, ``astream_events`` and others would miss the start of the run.
"""

from __future__ import annotations

import functools
from typing import Any, List

from peekr_langchain.callbacks import PeekrCallbackHandler


def wrap_llm_start(original: Any) -> Any:
    """Wrap ``AsyncCallbackManager.on_llm_start``: the others are told first, as if ours were not there."""

    @functools.wraps(original)
    async def on_llm_start(self: Any, serialized: Any, prompts: Any, *args: Any, **kwargs: Any) -> Any:
        handlers: List[Any] = self.handlers
        inline = [handler for handler in handlers if handler.run_inline]
        if len(inline) == len(handlers) or not all(isinstance(one, PeekrCallbackHandler) for one in inline):
            return await original(self, serialized, prompts, *args, **kwargs)
        self.handlers = [handler for handler in handlers if not handler.run_inline]
        try:
            managers = await original(self, serialized, prompts, *args, **kwargs)
        finally:
            self.handlers = handlers
        kwargs.pop("run_id", None)
        about = {"parent_run_id": self.parent_run_id, "tags": self.tags, "metadata": self.metadata}
        for manager, prompt in zip(managers, prompts):
            manager.handlers = handlers
            for handler in inline:
                if not handler.ignore_llm:
                    handler.on_llm_start(serialized, [prompt], run_id=manager.run_id, **about, **kwargs)
        return managers

    return on_llm_start
