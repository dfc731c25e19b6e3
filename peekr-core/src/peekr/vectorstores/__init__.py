"""What the SDKs of vector stores have in common (Pinecone, Chroma, Qdrant and others), for their providers.

All of them have a class of which each method is one request: a search by vector or text, a lookup, a write. A provider
says which classes these are, and in :class:`~peekr.vectorstores.calls.Operation` what to read of each method's
arguments and result::

    class AcmeProvider(VectorStoreProvider):
        name = target = "acme"
        owners = (("acme.index", "Index"), ("acme.index_async", "AsyncIndex"))
        essential = frozenset(["query", "upsert"])

        def calls(self):
            from peekr_acme.operations import calls

            return calls

Each call becomes a span of kind ``retrieval`` with ``result_count``, and is current while it runs: what embeds the
query inside is its child. This module is light to import: the rest comes with the SDK.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, FrozenSet, List, Tuple

from peekr.imports import forget, when_imported
from peekr.patching import Patches

if TYPE_CHECKING:
    from peekr.tracer import Tracer
    from peekr.vectorstores.calls import Calls


class VectorStoreProvider:
    """Patches the methods of the SDK's classes, sync and async, each class as soon as its module is imported.

    :cvar owners: modules and the class in each. Those that this version of the SDK does not have are passed over.
    :cvar essential: methods that every class of ``owners`` must have: a warning tells if one is gone.
    """

    name: str
    target: str
    owners: Tuple[Tuple[str, str], ...]
    essential: FrozenSet[str] = frozenset()

    def __init__(self) -> None:
        self._patches = Patches(self.name)
        self._waiting: List[Callable[[], None]] = []

    def calls(self) -> Calls:
        """Return what records the calls: always the same object. Called once the SDK is imported."""
        raise NotImplementedError

    def instrument(self, tracer: Tracer) -> None:
        """Patch the SDK, which has been imported. Twice is as once; the newest tracer counts."""
        self.calls().tracer = tracer
        self._forget()
        for module, owner in self.owners:
            part = partial(self._patch_class, module, owner)
            self._waiting.append(part)
            when_imported(module, part)

    def uninstrument(self) -> None:
        """Put everything back. Methods that somebody holds on to are inert from now on."""
        self._forget()
        self._patches.undo()
        self.calls().tracer = None

    def _forget(self) -> None:
        while self._waiting:
            forget(self._waiting.pop())

    def _patch_class(self, module: str, name: str) -> None:
        owner = getattr(sys.modules.get(module), name, None)
        if owner is None and not self.is_expected(module):
            return
        for method, operation in self.calls().operations.items():
            if hasattr(owner, method) or method in self.essential:
                self.patch(owner, method, self.calls().wrapper(operation, method))

    def is_expected(self, module: str) -> bool:
        """Whether a module without its class is worth a warning; not if older versions had it elsewhere."""
        return True

    def patch(self, owner: Any, method: str, make: Callable[[Any], Any]) -> None:
        """Replace one method."""
        self._patches.wrap(owner, method, make)


__all__ = ["VectorStoreProvider"]
