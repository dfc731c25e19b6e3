"""Methods of LlamaIndex that are patched because its instrumentation does not tell of them, or not enough."""

from __future__ import annotations

import functools
from typing import Any

from peekr.context import current
from peekr.delivery import delivery
from peekr.patching import note_failure
from peekr_llamaindex.operations import around
from peekr_llamaindex.steps import finish, start

_POSTPROCESS = ("nodes", "query_bundle", "query_str")


def returns_future(run: Any) -> bool:
    """Whether a workflow's ``run`` is one that is told of and goes on when it has returned: 0.11 to 0.12."""
    code = getattr(run, "__code__", None)
    asynchronous = code is not None and bool(code.co_flags & 0x80)
    return hasattr(run, "__dispatcher_span_decorated__") and not asynchronous


def wrap_run(original: Any) -> Any:
    """Wrap ``Workflow.run``, which begins the run: what its caller does meanwhile is no part of it."""

    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = current.get()
        try:
            handler = original(self, *args, **kwargs)
            outer = around()
            if outer is not None and outer is not before and outer.instance is self:
                outer.future = handler  # LlamaIndex tells of its end, and not whether it failed
            return handler
        finally:
            if current.get() is not before:
                current.set(before)

    return run


def wrap_postprocess(original: Any) -> Any:
    """Wrap ``BaseNodePostprocessor.apostprocess_nodes``, of which LlamaIndex tells only what is done in a thread."""

    @functools.wraps(original)
    async def apostprocess_nodes(self: Any, *args: Any, **kwargs: Any) -> Any:
        operation = None
        try:
            outer = around()
            if delivery.pipeline is not None and (outer is None or outer.instance is not self):
                operation = start("rerank", self, "apostprocess_nodes", {**dict(zip(_POSTPROCESS, args)), **kwargs})
        except Exception as error:
            note_failure("the beginning of a reranking", error)
        if operation is None:
            return await original(self, *args, **kwargs)
        try:
            result = await original(self, *args, **kwargs)
        except BaseException as error:
            operation.fail(error)
            raise
        finish(operation, result)
        return result

    return apostprocess_nodes
