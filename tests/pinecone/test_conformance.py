"""The provider keeps what every provider of a vector store keeps."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from peekr.testing.vectorstores import VectorStoreConformance
from peekr_pinecone import PineconeProvider
from peekr_pinecone.doctor import VECTOR

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own


class TestPineconeProvider(VectorStoreConformance):
    entry_point = "pinecone"
    span_name = "pinecone.query"

    @pytest.fixture(autouse=True)
    def _server(self, server: Any) -> None:
        self.server = server

    def make_provider(self) -> Any:
        return PineconeProvider()

    def call(self) -> Any:
        with self.server.index() as index:
            return _plain(index.query(vector=VECTOR, top_k=2, include_metadata=True))

    async def call_async(self) -> Any:
        async with self.server.async_index() as index:
            return _plain(await index.query(vector=VECTOR, top_k=2, include_metadata=True))

    def write(self) -> Any:
        with self.server.index() as index:
            index.upsert(vectors=[("a", VECTOR), ("b", VECTOR)])

    def call_failing(self) -> Any:
        with self.server.index() as index:
            return index.query(vector=VECTOR, top_k=2, namespace="missing")

    def methods(self) -> Any:
        self.call()  # which imports the module
        names = ("query", "query_namespaces", "upsert", "fetch", "delete", "update", "list_paginated")
        modules = ("pinecone.index", "pinecone.db_data.index", "pinecone.data.index")
        kinds = [vars(sys.modules[name]).get("Index") for name in modules if name in sys.modules]
        return [(kind, name) for kind in kinds if kind is not None for name in names]


def _plain(response: Any) -> Any:
    return [(match.id, match.score, dict(match.metadata)) for match in response.matches]
