"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from peekr.vectorstores import VectorStoreProvider

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.vectorstores.calls import Calls


class QdrantProvider(VectorStoreProvider):
    """Traces both clients, whatever they speak to: a server over REST or gRPC, or a store of this process."""

    name = "qdrant"
    target = "qdrant_client"
    owners = (
        ("qdrant_client.qdrant_client", "QdrantClient"),
        ("qdrant_client.async_qdrant_client", "AsyncQdrantClient"),
    )
    essential = frozenset(["upsert", "scroll"])

    def calls(self) -> Calls:
        from peekr_qdrant.operations import calls

        return calls

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_qdrant.doctor import SUITE

        return [SUITE]
