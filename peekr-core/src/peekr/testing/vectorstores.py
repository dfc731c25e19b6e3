"""The suite that the tests of a vector store's provider inherit: what :class:`ProviderConformance` asks of the others,
in the words of a store: counts instead of tokens, and never a vector.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import peekr
from peekr.probes import Absent
from peekr.testing.conformance import ProviderConformance
from peekr.testing.memory import Recording, record


class VectorStoreConformance(ProviderConformance):
    """What every provider of a vector store keeps to.

    :meth:`call` makes one search that finds something, by a vector of 16 numbers 0.25, and returns plain data.
    """

    #: Of the span of :meth:`call`.
    span_name = ""

    async def call_async(self) -> Any:
        """Make the same search through the SDK's client for asyncio.

        :raises peekr.probes.Absent: if this version of the SDK has none.
        """
        pytest.skip("this SDK has no client for asyncio")

    def write(self) -> Any:
        """Write two records."""
        raise NotImplementedError

    def test_one_call_is_one_span_with_the_essentials(self, recording: Recording) -> None:
        self.call()
        span = recording.only
        attributes = span.attributes
        assert (span.name, span.kind, span.status) == (self.span_name, "retrieval", "ok")
        assert (span.duration_ms or 0) > 0
        assert attributes["result_count"] > 0
        assert attributes["input"] and attributes["output"]

    def test_without_capture_there_is_no_content(self) -> None:
        with record(plugins=[self.entry_point], capture_io=False) as recording:
            self.call()
            self.write()
            found, written = recording.spans
        content = {"input", "output", "filter", "rag.query", "rag.retrieved_docs"}
        assert not content & (set(found.attributes) | set(written.attributes))
        assert found.payload is None and written.payload is None
        assert found.attributes["result_count"] > 0

    def test_no_vector_is_recorded(self, recording: Recording) -> None:
        self.call()
        self.write()
        for span in recording.spans:
            assert "16 numbers" in span.attributes["input"]
            assert "0.25" not in str(span.to_dict())

    def test_the_client_for_asyncio_gives_the_same(self, recording: Recording) -> None:
        async def both() -> Any:
            with peekr.span("parent"):
                await asyncio.gather(self.call_async(), self.call_async())

        try:
            asyncio.run(both())
        except Absent:
            pytest.skip("this version of the SDK has no client for asyncio")
        *found, parent = recording.spans
        assert [span.name for span in found] == [self.span_name] * 2
        assert [span.parent_id for span in found] == [parent.span_id] * 2
        assert all(span.attributes["result_count"] > 0 for span in found)
