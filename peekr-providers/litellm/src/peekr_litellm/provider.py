"""The provider. Light to import: the rest comes with LiteLLM."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from peekr.imports import forget, when_imported

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.tracer import Tracer
    from peekr_litellm.swapping import FunctionPatches


class LiteLLMProvider:
    """Swaps LiteLLM's functions in place, so that ``from litellm import completion`` is reached by whoever has it.

    Around a function of the public surface, or a method of the Router, goes the span; functions of LiteLLM that run
    inside are a part of it. The classes of streams show what the consumer gets. Each patch stands alone.
    """

    name = "litellm"
    target = "litellm"

    def __init__(self) -> None:
        self._patches: Optional[FunctionPatches] = None
        self._waiting: List[Callable[[], None]] = []

    def instrument(self, tracer: Tracer) -> None:
        """Patch LiteLLM, which has been imported; parts of it as soon as they are. The newest tracer counts."""
        from peekr_litellm import operations
        from peekr_litellm.calls import Use
        from peekr_litellm.streams import Follower
        from peekr_litellm.swapping import FunctionPatches

        Use.tracer = tracer
        if self._patches is not None:
            return
        self._patches = Follower.patches = FunctionPatches(self.name)
        for module in operations.FUNCTIONS:
            self._when(module, partial(self._patch_functions, module))
        for module in operations.STREAMS:
            self._when(module, partial(self._patch_streams, module))
        self._when("litellm.router", self._patch_router)
        self._when("litellm.litellm_core_utils.litellm_logging", self._patch_callbacks)

    def uninstrument(self) -> None:
        """Put everything back."""
        while self._waiting:
            forget(self._waiting.pop())
        if self._patches is not None:
            self._patches.undo()
            self._patches = None

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_litellm.doctor import SUITE

        return [SUITE]

    def _when(self, module: str, part: Callable[[], None]) -> None:
        self._waiting.append(part)
        when_imported(module, part)

    def _patch_functions(self, module: str) -> None:
        from peekr_litellm.calls import traced
        from peekr_litellm.operations import FUNCTIONS

        for name, operation in FUNCTIONS[module].items():
            function = vars(sys.modules[module]).get(name)
            if hasattr(function, "__code__") and self._patches is not None:
                self._patches.swap(function, traced(operation, f"{module}.{name}", function))

    def _patch_router(self) -> None:
        from peekr_litellm.calls import traced
        from peekr_litellm.operations import ROUTER

        router = _owner("litellm.router", "Router")
        for name, operation in ROUTER.items():
            method = getattr(router, name, None)
            if hasattr(method, "__code__") and self._patches is not None:
                self._patches.wrap(router, name, traced(operation, f"Router.{name}", method, method=True))

    def _patch_callbacks(self) -> None:
        from peekr_litellm.calls import aside
        from peekr_litellm.operations import CALLBACKS

        logging = _owner("litellm.litellm_core_utils.litellm_logging", "Logging")
        for name in CALLBACKS:
            if hasattr(logging, name) and self._patches is not None:
                self._patches.wrap(logging, name, aside)

    def _patch_streams(self, module: str) -> None:
        from peekr_litellm.operations import STREAMS
        from peekr_litellm.streams import INNER, patch

        for name in STREAMS[module]:
            stream = _owner(module, name)
            if stream is not None and self._patches is not None:
                patch(self._patches, stream)
                for method, wrap in INNER.items() if name == "CustomStreamWrapper" else ():
                    self._patches.wrap(stream, method, wrap)


def _owner(module: str, name: str) -> Any:
    """A class of the imported library; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(module), name, None)
