"""The provider. Light to import: the rest comes with the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from peekr.vectorstores import VectorStoreProvider

if TYPE_CHECKING:
    from peekr.probes import Suite
    from peekr.vectorstores.calls import Calls


class ChromaProvider(VectorStoreProvider):
    """Traces the collections of every client: in memory, on disk, over HTTP, in the cloud."""

    name = "chroma"
    target = "chromadb"
    owners = (
        ("chromadb.api.models.Collection", "Collection"),
        ("chromadb.api.models.AsyncCollection", "AsyncCollection"),
    )
    essential = frozenset(["query", "add"])

    def calls(self) -> Calls:
        from peekr_chroma.operations import calls

        return calls

    def probes(self) -> List[Suite]:
        """Return what ``peekr doctor`` drives."""
        from peekr_chroma.doctor import SUITE

        return [SUITE]
