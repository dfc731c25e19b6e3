"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, List

from peekr.imports import when_imported
from peekr.vectorstores import VectorStoreProvider

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.tracer import Tracer
    from peekr.vectorstores.calls import Calls

_ASYNC_REQ = "pinecone._legacy.async_req"
#: The module whose objects keep methods of their class.
_HOLDING = "pinecone.index"
#: Where the class is in one version, and only the module in another.
_PERHAPS = ("pinecone.grpc",)


class PineconeProvider(VectorStoreProvider):
    """Traces the indexes of every version: over REST, asyncio and gRPC.

    The SDK imports most of its modules when they are first used, so each class is patched whenever that is.
    """

    name = "pinecone"
    target = "pinecone"
    owners = (
        # 9 and newer
        ("pinecone.index", "Index"),
        ("pinecone.async_client.async_index", "AsyncIndex"),
        ("pinecone.grpc", "GrpcIndex"),
        ("pinecone.client.documents", "Documents"),
        ("pinecone.async_client.documents", "AsyncDocuments"),
        # 7 and 8; 6; 5 and older
        ("pinecone.db_data.index", "Index"),
        ("pinecone.db_data.index_asyncio", "_IndexAsyncio"),
        ("pinecone.data.index", "Index"),
        ("pinecone.data.index_asyncio", "_IndexAsyncio"),
        ("pinecone.grpc.index_grpc", "GRPCIndex"),
    )
    essential = frozenset(["upsert"])

    def calls(self) -> Calls:
        from peekr_pinecone.operations import calls

        return calls

    def instrument(self, tracer: Tracer) -> None:
        """Patch the SDK, which has been imported. Twice is as once; the newest tracer counts."""
        super().instrument(tracer)
        self._waiting.append(self._patch_pool)
        when_imported(_ASYNC_REQ, self._patch_pool)

    def is_expected(self, module: str) -> bool:
        """A module without its class is worth a warning, but for the one that older versions have too."""
        return module not in _PERHAPS

    def _patch_class(self, module: str, name: str) -> None:
        super()._patch_class(module, name)
        owner = getattr(sys.modules.get(module), name, None)
        if module == _HOLDING and owner is not None:
            from peekr_pinecone.held import inner, refresh

            if inner(owner, "query") is None:
                refresh(owner, self.calls().operations)

    def patch(self, owner: Any, method: str, make: Callable[[Any], Any]) -> None:
        """Replace one method; where indexes made before hold it, what it calls."""
        if getattr(owner, "__module__", None) == _HOLDING:
            from peekr_pinecone.held import inner

            held = inner(owner, method)
            if held is not None:
                self._patches.wrap(held, "function", make)
                return
        super().patch(owner, method, make)

    def _patch_pool(self) -> None:
        from peekr_pinecone.later import carry

        pool = getattr(sys.modules.get(_ASYNC_REQ), "_LegacyAsyncPool", None)
        self._patches.wrap(pool, "submit", carry)

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_pinecone.doctor import SUITE

        return [SUITE]
