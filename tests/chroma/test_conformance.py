"""The provider keeps what every provider of a vector store keeps."""

from __future__ import annotations

from typing import Any

import pytest

from peekr.testing.vectorstores import VectorStoreConformance
from peekr_chroma import ChromaProvider
from peekr_chroma.doctor import VECTOR, async_collection, collection

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Chroma's own


@pytest.mark.usefixtures("chromadb")
class TestChromaProvider(VectorStoreConformance):
    entry_point = "chroma"
    span_name = "chroma.query"

    @pytest.fixture(autouse=True)
    def _url(self, server: str) -> None:
        self.url = server

    def make_provider(self) -> Any:
        return ChromaProvider()

    def call(self) -> Any:
        return collection(self.url).query(query_embeddings=[VECTOR], n_results=2, where={"year": {"$gt": 1800}})

    async def call_async(self) -> Any:
        found = await async_collection(self.url)
        return await found.query(query_embeddings=[VECTOR], n_results=2)

    def write(self) -> Any:
        collection(self.url).add(ids=["a", "b"], embeddings=[VECTOR, VECTOR], documents=["A", "B"])

    def call_failing(self) -> Any:
        books = collection(self.url)
        return books.query(query_embeddings=[[1.0]])

    def methods(self) -> Any:
        from chromadb.api.models.Collection import Collection

        return [(Collection, name) for name in ("query", "get", "peek", "add", "upsert", "update", "delete")]
