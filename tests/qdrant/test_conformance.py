"""The provider keeps what every provider of a vector store keeps."""

from __future__ import annotations

from typing import Any

import pytest

from peekr.testing.vectorstores import VectorStoreConformance
from peekr_qdrant import QdrantProvider
from peekr_qdrant.doctor import VECTOR, async_client, client, points

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own, of methods that it is giving up


@pytest.mark.usefixtures("sdk")
class TestQdrantProvider(VectorStoreConformance):
    entry_point = "qdrant"
    span_name = "qdrant.search"

    def make_provider(self) -> Any:
        return QdrantProvider()

    def call(self) -> Any:
        return [point.payload["text"] for point in _search(client())]

    async def call_async(self) -> Any:
        made = await async_client()
        found = await _search(made)
        await made.close()
        return found

    def write(self) -> Any:
        client().upsert("books", points=points()[:2])

    def call_failing(self) -> Any:
        return client().scroll("missing")

    def methods(self) -> Any:
        import qdrant_client

        names = ("search", "query_points", "scroll", "upsert", "add", "query", "upload_points")
        kinds = (qdrant_client.QdrantClient, qdrant_client.AsyncQdrantClient)
        return [(kind, name) for kind in kinds for name in names]


def _search(made: Any) -> Any:
    """With the method that this version has: the newest ones have only ``query_points``."""
    if hasattr(made, "search"):
        return made.search("books", query_vector=VECTOR, limit=2)
    found = made.query_points("books", query=VECTOR, limit=2)
    return found if hasattr(found, "__await__") else found.points
