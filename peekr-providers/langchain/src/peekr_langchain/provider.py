"""The provider. Light to import: the rest comes with LangChain."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, List

from peekr.imports import forget, when_imported
from peekr.patching import Patches
from peekr_langchain.switch import switch

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.tracer import Tracer


class LangChainProvider:
    """Adds a callback handler to everything that LangChain runs.

    Callbacks alone cannot tell the code inside which run it belongs to: they may be called in another context. So
    the functions are patched that have both at hand: where LangChain and LangGraph enter the context of a chain,
    node or tool, and where a model is called. Without a patch the spans are the same, but what other plugins record
    inside may stand beside its LangChain span instead of under it.
    """

    name = "langchain"
    target = "langchain_core"

    def __init__(self) -> None:
        self._patches = Patches(self.name)
        self._waiting: List[Callable[[], None]] = []

    def instrument(self, tracer: Tracer) -> None:
        """Switch on; each part as soon as the module it belongs to is imported."""
        switch.hold(self.name)
        for module, part in (
            ("langchain_core.tracers.context", _register),
            ("langchain_core.callbacks.manager", self._patch_llm_start),
            ("langchain_core.runnables.config", self._patch_contexts),
            ("langchain_core.language_models.chat_models", self._patch_chat_models),
            ("langchain_core.language_models.llms", self._patch_llms),
            ("langgraph._internal._runnable", self._patch_langgraph),
            ("langgraph.utils.runnable", self._patch_older_langgraph),
        ):
            self._waiting.append(part)
            when_imported(module, part)

    def uninstrument(self) -> None:
        """Put everything back. Managers that hold the handler already find it inert."""
        switch.release_all()
        while self._waiting:
            forget(self._waiting.pop())
        self._patches.undo()
        registration = sys.modules.get("peekr_langchain.registration")
        if registration is not None:
            registration.unregister()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_langchain.doctor import OPENAI_SUITE, SUITE

        return [SUITE, OPENAI_SUITE]

    def _patch_llm_start(self) -> None:
        from peekr_langchain.llm_start import wrap_llm_start

        manager = _owner("langchain_core.callbacks.manager", "AsyncCallbackManager")
        self._patches.wrap(manager, "on_llm_start", wrap_llm_start)

    def _patch_contexts(self) -> None:
        from peekr_langchain.activation import wrap_set_context

        self._patches.wrap(sys.modules["langchain_core.runnables.config"], "_set_config_context", wrap_set_context)

    def _patch_chat_models(self) -> None:
        from peekr_langchain.activation import wrap_agenerate, wrap_generate

        owner = _owner("langchain_core.language_models.chat_models", "BaseChatModel")
        self._patches.wrap(owner, "_generate_with_cache", wrap_generate)
        self._patches.wrap(owner, "_agenerate_with_cache", wrap_agenerate)

    def _patch_llms(self) -> None:
        from peekr_langchain.activation import wrap_agenerate, wrap_generate

        owner = _owner("langchain_core.language_models.llms", "BaseLLM")
        self._patches.wrap(owner, "_generate_helper", wrap_generate)
        self._patches.wrap(owner, "_agenerate_helper", wrap_agenerate)

    def _patch_langgraph(self) -> None:
        self._patch_graph_contexts("langgraph._internal._runnable")

    def _patch_older_langgraph(self) -> None:
        self._patch_graph_contexts("langgraph.utils.runnable")

    def _patch_graph_contexts(self, module: str) -> None:
        """LangGraph has a copy of LangChain's function, in a module that has moved."""
        from peekr_langchain.activation import wrap_set_context

        owner = sys.modules[module]
        if hasattr(owner, "_set_config_context"):
            self._patches.wrap(owner, "_set_config_context", wrap_set_context)


def _register() -> None:
    from peekr_langchain.registration import register

    register()


def _owner(module: str, name: str) -> Any:
    """A class of the imported library; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(module), name, None)
