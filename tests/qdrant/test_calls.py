"""What the spans of a store in memory tell: LLM-15, INST-15."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import peekr
from peekr.testing import Recording, record
from peekr_qdrant.doctor import VECTOR, async_client, points, remote

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own, of methods that it is giving up


@pytest.fixture
def models(sdk: Any) -> Any:
    """The SDK's models."""
    from qdrant_client import models

    return models


def _newer(client: Any) -> None:
    if not hasattr(client, "query_points"):
        pytest.skip("query_points came with qdrant-client 1.10")


def _older(client: Any) -> None:
    if not hasattr(client, "search"):
        pytest.skip("search went with qdrant-client 1.16")


def test_query_points_is_a_search(client: Any, models: Any, recording: Recording) -> None:
    """LLM-15: `qdrant.search` with result counts, under the only name that the newest client has."""
    _newer(client)
    is_ours = models.FieldCondition(key="text", match=models.MatchValue(value="Call me Ishmael."))
    client.query_points("books", query=VECTOR, query_filter=models.Filter(must=[is_ours]), limit=2)
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, attributes["method"]) == ("qdrant.search", "retrieval", "query_points")
    assert (attributes["collection"], attributes["limit"], attributes["result_count"]) == ("books", 2, 1)
    assert json.loads(attributes["filter"]) == {"must": [{"key": "text", "match": {"value": "Call me Ishmael."}}]}
    (row,) = json.loads(attributes["output"])
    assert (row["id"], row["payload"]) == (1, {"text": "Call me Ishmael."})
    assert [one["text"] for one in attributes["rag.retrieved_docs"]] == ["Call me Ishmael."]


def test_search_is_a_search(client: Any, recording: Recording) -> None:
    """LLM-15: until 1.15."""
    _older(client)
    client.search("books", VECTOR, limit=2)
    attributes = recording.only.attributes
    assert (recording.only.name, attributes["method"]) == ("qdrant.search", "search")
    assert (attributes["limit"], attributes["result_count"], attributes["num_results"]) == (2, 2, 2)


def test_how_many_results_are_asked_for_is_told_where_the_caller_left_it_out(client: Any, recording: Recording) -> None:
    _newer(client)
    client.query_points("books", query=VECTOR)
    assert (recording.only.attributes["limit"], recording.only.attributes["result_count"]) == (10, 3)


def test_the_matches_of_a_batch_are_counted_together(client: Any, models: Any, recording: Recording) -> None:
    """LLM-15."""
    _newer(client)
    client.query_batch_points("books", requests=[models.QueryRequest(query=VECTOR, limit=2)] * 3)
    attributes = recording.only.attributes
    assert (recording.only.name, attributes["query_count"], attributes["result_count"]) == ("qdrant.search_batch", 3, 6)


def test_the_points_of_all_groups_are_counted(client: Any, recording: Recording) -> None:
    _newer(client)
    client.query_points_groups("books", query=VECTOR, group_by="text", limit=2)
    assert recording.only.attributes["result_count"] == 2
    assert [len(group) for group in json.loads(recording.only.attributes["output"])] == [1, 1]


def test_an_upsert_tells_how_many_points_were_written(client: Any, models: Any, recording: Recording) -> None:
    """LLM-15: `qdrant.upsert`."""
    client.upsert("books", points=points())
    client.upsert("books", points=models.Batch(ids=[7, 8], vectors=[VECTOR, VECTOR]))
    client.upload_points("books", points=points())
    listed, batch, uploaded = recording.spans
    assert {span.name for span in (listed, batch, uploaded)} == {"qdrant.upsert"}
    assert [span.attributes["point_count"] for span in (listed, batch, uploaded)] == [3, 2, 3]
    assert listed.attributes["write_status"] == "completed"
    assert json.loads(batch.attributes["input"])["points"]["vectors"] == "2 vectors of 16 numbers"


def test_an_iterator_of_points_is_left_to_the_client(client: Any, recording: Recording) -> None:
    """INST-12: reading it here would leave nothing to write."""
    client.upload_points("books", points=(point for point in points()))
    assert "point_count" not in recording.only.attributes
    assert client.count("books").count == 3


def test_lookups_and_deletes_are_spans_too(client: Any, models: Any, recording: Recording) -> None:
    client.scroll("books", limit=2)
    client.retrieve("books", ids=[1, 99])
    client.count("books")
    client.set_payload("books", payload={"read": True}, points=[1])
    client.delete("books", points_selector=models.PointIdsList(points=[1, 2]))
    scrolled, retrieved, counted, changed, deleted = recording.spans
    assert [span.name for span in recording.spans] == [
        f"qdrant.{name}" for name in ("scroll", "retrieve", "count", "set_payload", "delete")
    ]
    assert (scrolled.attributes["result_count"], scrolled.attributes["has_more"]) == (2, True)
    assert (retrieved.attributes["id_count"], retrieved.attributes["result_count"]) == (2, 1)
    assert counted.attributes["result_count"] == 3
    assert (changed.attributes["point_count"], deleted.attributes["point_count"]) == (1, 2)


def test_two_searches_at_once_are_siblings(sdk: Any, recording: Recording) -> None:
    """CTX-1: each is the other's neighbour, though they are calls of one client."""

    async def program() -> None:
        client = await async_client()
        with peekr.span("answer"):
            await asyncio.gather(client.scroll("books"), client.retrieve("books", ids=[1]))
        await client.close()

    asyncio.run(program())
    *found, answer = recording.spans
    assert [span.parent_id for span in found] == [answer.span_id] * 2


def test_a_store_that_refuses_and_a_store_that_is_gone(server: str) -> None:
    """LLM-8: the server's status, what httpx says, and the SDK's own exceptions."""
    client = remote(server)
    gone = remote("http://127.0.0.1:9")
    with record(plugins=["qdrant"]) as recording:
        for made, name in ((client, "missing"), (gone, "books")):
            with pytest.raises(Exception):  # noqa: B017 - the SDK's own
                made.retrieve(name, ids=[1])
        refused, failed = recording.spans
    assert (refused.attributes["status_code"], refused.attributes["error_reason"]) == (404, "bad_request")
    assert refused.attributes["error_type"] == "UnexpectedResponse"
    assert (failed.status, failed.attributes["error_reason"]) == ("error", "connection")


def test_a_client_made_before_is_traced_and_is_quiet_afterwards(client: Any) -> None:
    """INST-7, INST-17."""
    with record(plugins=["qdrant"]) as recording:
        count = client.count
        count("books")
        assert recording.only.name == "qdrant.count"
    assert count("books").count == client.count("books").count == 3
