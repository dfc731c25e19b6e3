"""The provider. Light to import: the rest comes with LlamaIndex."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, List

from peekr.imports import forget, when_imported
from peekr.patching import Patches

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.tracer import Tracer


class LlamaIndexProvider:
    """Adds a handler to LlamaIndex' own instrumentation, which tells of each call when it begins and ends.

    Three things it does not tell or cannot do are patched: streams of models, whose provider is called when the
    consumer asks for the first chunk; rerankers called asynchronously; and workflows of older versions, whose span
    would stay current in the caller. Without a patch only that is missing.
    """

    name = "llamaindex"
    target = "llama_index.core"

    def __init__(self) -> None:
        self._patches = Patches(self.name)
        self._waiting: List[Callable[[], None]] = []

    def instrument(self, tracer: Tracer) -> None:
        """Switch on; each part as soon as the module it belongs to is imported."""
        for module, part in (
            ("llama_index.core.instrumentation", _register),
            ("llama_index.core.base.llms.base", self._patch_models),
            ("llama_index.core.multi_modal_llms.base", self._patch_multi_modal_models),
            ("llama_index.core.postprocessor.types", self._patch_postprocessors),
            ("llama_index.core.workflow.workflow", self._patch_workflows),
        ):
            self._waiting.append(part)
            when_imported(module, part)

    def uninstrument(self) -> None:
        """Put everything back; what is under way ends as incomplete."""
        while self._waiting:
            forget(self._waiting.pop())
        self._patches.undo()
        registration = sys.modules.get("peekr_llamaindex.registration")
        if registration is not None:
            registration.unregister()

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_llamaindex.doctor import OPENAI_SUITE, SUITE

        return [SUITE, OPENAI_SUITE]

    def _patch_models(self) -> None:
        self._patch_streams(_owner("llama_index.core.base.llms.base", "BaseLLM"))

    def _patch_multi_modal_models(self) -> None:
        self._patch_streams(_owner("llama_index.core.multi_modal_llms.base", "MultiModalLLM"))

    def _patch_streams(self, base: Any) -> None:
        """Patch the streaming methods of each model class there is, and of those to come."""
        from peekr_llamaindex.model_streams import patch_class, wrap_init_subclass

        for kind in _subclasses(base):
            patch_class(self._patches, kind)
        self._patches.wrap(base, "__init_subclass__", wrap_init_subclass(self._patches))

    def _patch_postprocessors(self) -> None:
        from peekr_llamaindex.direct import wrap_postprocess

        owner = _owner("llama_index.core.postprocessor.types", "BaseNodePostprocessor")
        if hasattr(owner, "apostprocess_nodes"):  # since 0.12
            self._patches.wrap(owner, "apostprocess_nodes", wrap_postprocess)

    def _patch_workflows(self) -> None:
        from peekr_llamaindex.direct import returns_future, wrap_run

        owner = _owner("llama_index.core.workflow.workflow", "Workflow")
        if returns_future(getattr(owner, "run", None)):
            self._patches.wrap(owner, "run", wrap_run)


def _register() -> None:
    from peekr_llamaindex.registration import register

    register()


def _owner(module: str, name: str) -> Any:
    """A class of the imported library; None, which the patch then reports, if it is not where it was."""
    return getattr(sys.modules.get(module), name, None)


def _subclasses(base: Any) -> List[Any]:
    """A class and all that are derived from it."""
    found: List[Any] = [] if base is None else [base]
    for kind in found:  # which grows meanwhile
        found += [one for one in type.__subclasses__(kind) if one not in found]
    return found
