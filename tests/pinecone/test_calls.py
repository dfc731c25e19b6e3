"""What the spans of an index tell: LLM-15, INST-15."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

import peekr
from peekr.probes import Reply
from peekr.testing import Recording, record
from peekr_pinecone.doctor import VECTOR

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own


def test_a_query_tells_what_was_asked_and_what_was_found(server: Any, recording: Recording) -> None:
    """LLM-15: `pinecone.query` with result counts."""
    with server.index() as index:
        index.query(vector=VECTOR, top_k=5, namespace="novels", filter={"year": {"$gt": 1800}}, include_metadata=True)
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, span.status) == ("pinecone.query", "retrieval", "ok")
    assert (attributes["namespace"], attributes["top_k"], attributes["result_count"]) == ("novels", 5, 2)
    assert (attributes["num_results"], attributes["read_units"]) == (2, 5)
    assert attributes["index_name"] == server.url.partition("://")[2]
    assert json.loads(attributes["filter"]) == {"year": {"$gt": 1800}}
    first = json.loads(attributes["output"])[0]
    assert first == {"id": "book-1", "score": 0.93, "metadata": {"text": "Call me Ishmael.", "year": 1851}}
    assert attributes["rag.retrieved_docs"][0] == {"id": "book-1", "score": 0.93, "text": "Call me Ishmael."}


def test_an_upsert_tells_how_many_vectors_were_written(server: Any, recording: Recording) -> None:
    """LLM-15: `pinecone.upsert`."""
    with server.index() as index:
        index.upsert(vectors=[{"id": "a", "values": VECTOR, "metadata": {"year": 1}}, {"id": "b", "values": VECTOR}])
    attributes = recording.only.attributes
    assert (recording.only.name, attributes["vector_count"], attributes["upserted_count"]) == ("pinecone.upsert", 2, 2)
    assert json.loads(attributes["input"])["vectors"][0] == {
        "id": "a",
        "values": "vector of 16 numbers",
        "metadata": {"year": 1},
    }


def test_an_upsert_in_batches_is_one_span(server: Any, recording: Recording) -> None:
    """One logical call: the requests inside are the SDK's."""
    with server.index() as index:
        index.upsert(vectors=[(str(at), VECTOR) for at in range(5)], batch_size=2, show_progress=False)
    attributes = recording.only.attributes
    assert len(server.requests) == 3
    assert (attributes["vector_count"], attributes["batch_size"], attributes["upserted_count"]) == (5, 2, 5)


def test_a_query_of_several_namespaces_is_one_span(server: Any, recording: Recording) -> None:
    """The SDK calls itself in threads of its own."""
    with server.index() as index:
        if not hasattr(index, "query_namespaces"):
            pytest.skip("query_namespaces came with pinecone 5")
        index.query_namespaces(vector=VECTOR, namespaces=["a", "b", "c"], metric="cosine", top_k=4)
    span = recording.only
    assert len(server.requests) == 3
    assert (span.name, span.attributes["namespaces"]) == ("pinecone.query_namespaces", ["a", "b", "c"])
    assert span.attributes["result_count"] == 4


def test_lookups_and_deletes_are_spans_too(server: Any, recording: Recording) -> None:
    with server.index() as index:
        index.fetch(ids=["book-1", "book-2"])
        index.list_paginated(prefix="book")
        index.update(id="book-1", set_metadata={"year": 1852})
        index.delete(ids=["book-1", "book-2"], namespace="novels")
    fetched, listed, updated, deleted = recording.spans
    assert [span.name for span in recording.spans] == [
        f"pinecone.{name}" for name in ("fetch", "list", "update", "delete")
    ]
    assert (fetched.attributes["id_count"], fetched.attributes["result_count"]) == (2, 2)
    assert listed.attributes["result_count"] == 1
    assert (updated.attributes["id_count"], deleted.attributes["id_count"]) == (1, 2)
    assert "0.25" not in fetched.attributes["output"]


def test_a_search_by_text_tells_the_text(server: Any, recording: Recording) -> None:
    with server.index() as index:
        if not hasattr(index, "search"):
            pytest.skip("search came with pinecone 6")
        index.search(namespace="novels", query={"inputs": {"text": "whales"}, "top_k": 2})
        index.upsert_records(namespace="novels", records=[{"_id": "book-3", "text": "It was a pleasure to burn."}])
    searched, written = recording.spans
    assert (searched.name, written.name) == ("pinecone.search", "pinecone.upsert_records")
    assert searched.attributes["rag.query"] == "whales"
    assert (searched.attributes["top_k"], searched.attributes["result_count"]) == (2, 2)
    assert json.loads(searched.attributes["output"])[0]["fields"]["text"] == "Call me Ishmael."
    assert written.attributes["vector_count"] == 1


def test_a_failure_tells_why(server: Any, recording: Recording) -> None:
    """LLM-8, INST-12: of the server, and of arguments that the SDK does not send."""
    with server.index() as index:
        with pytest.raises(Exception, match="404"):
            index.query(vector=VECTOR, top_k=2, namespace="missing")
        with pytest.raises(TypeError):
            index.query(vector=VECTOR)
    refused, misused = recording.spans
    assert (refused.attributes["status_code"], refused.attributes["error_reason"]) == (404, "bad_request")
    assert (misused.attributes["error_type"], misused.attributes["error_reason"]) == ("TypeError", "bad_request")


@pytest.mark.parametrize(("status", "reason"), [(401, "auth"), (403, "auth"), (400, "bad_request")])
def test_the_servers_status_gives_the_reason(server: Any, recording: Recording, status: int, reason: str) -> None:
    """LLM-8."""
    server.before = lambda request: Reply.json({"code": 1, "message": "no", "details": []}, status)
    with server.index() as index:
        with pytest.raises(Exception):  # noqa: B017 - each version has its own
            index.query(vector=VECTOR, top_k=2)
    assert recording.only.attributes["error_reason"] == reason


# -- results that are still to come -----------------------------------------------------------------------------------


def _promises(server: Any) -> Any:
    index = server.index()
    try:
        index.query(vector=VECTOR, top_k=1, async_req=True).get(10)
    except AttributeError:
        pytest.skip("async_req does not work in this pinecone")
    return index


def test_a_call_with_async_req_ends_when_its_result_is_there(server: Any) -> None:
    """Not when the promise is made; the parent is the span in which it was made."""
    index = _promises(server)
    open_the_door = threading.Event()
    server.before = lambda request: open_the_door.wait(10) and None
    with record(plugins=["pinecone"]) as recording:
        with peekr.span("first"):
            promises = [index.query(vector=VECTOR, top_k=2, async_req=True) for _ in range(2)]
        with peekr.span("second"):
            promises.append(index.query(vector=VECTOR, top_k=2, async_req=True))
        assert [span.name for span in recording.spans] == ["first", "second"]
        open_the_door.set()
        assert [len(promise.get(10).matches) for promise in promises] == [2, 2, 2]
        first, second, *queries = recording.spans
    assert [span.attributes["result_count"] for span in queries] == [2, 2, 2]
    assert sorted(span.parent_id for span in queries) == sorted([first.span_id, first.span_id, second.span_id])
    index.close() if hasattr(index, "close") else None


def test_a_promise_that_fails_is_a_failed_call(server: Any) -> None:
    index = _promises(server)
    with record(plugins=["pinecone"]) as recording:
        promise = index.query(vector=VECTOR, top_k=2, namespace="missing", async_req=True)
        with pytest.raises(Exception, match="404"):
            promise.get(10)
        assert recording.only.attributes["status_code"] == 404
    index.close() if hasattr(index, "close") else None


def test_a_cancelled_query_is_told_as_cancelled(server: Any, recording: Recording) -> None:
    """LLM-8: CancelledError."""
    asked = threading.Event()
    leave = threading.Event()

    def wait(request: Any) -> None:
        asked.set()
        leave.wait(10)

    server.before = wait

    async def program() -> None:
        async with server.async_index() as index:
            task = asyncio.ensure_future(index.query(vector=VECTOR, top_k=2))
            while not asked.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    try:
        asyncio.run(program())
    finally:
        leave.set()
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "cancelled")


# -- before and afterwards --------------------------------------------------------------------------------------------


def test_an_index_made_before_is_traced_and_is_quiet_afterwards(server: Any) -> None:
    """INST-7, INST-17."""
    index = server.index()
    query = index.query
    with record(plugins=["pinecone"]) as recording:
        index.query(vector=VECTOR, top_k=1)
        assert recording.only.name == "pinecone.query"
        inside = server.index()
        recording.clear()
    for each in (index, inside):
        assert len(each.query(vector=VECTOR, top_k=1).matches) == 1
        each.close() if hasattr(each, "close") else None
    assert index.query == query


def test_an_index_made_while_tracing_is_traced_by_the_next_instrument_too(server: Any) -> None:
    """INST-9, INST-10: once, by the newest."""
    with record(plugins=["pinecone"]):
        index = server.index()
    with record(plugins=["pinecone"]) as recording:
        index.query(vector=VECTOR, top_k=1)
        assert recording.only.attributes["result_count"] == 1
    index.close() if hasattr(index, "close") else None
