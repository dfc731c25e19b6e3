"""What the spans of a collection in memory tell: LLM-15, INST-15, CTX-1."""

from __future__ import annotations

import json
from typing import Any

import pytest

import peekr
from peekr.testing import Recording, record

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Chroma's own


def test_a_query_tells_what_was_asked_and_what_was_found(books: Any, recording: Recording) -> None:
    """LLM-15: with result counts."""
    collection = books()
    collection.query(query_texts=["Ulysses"], n_results=2, where={"year": {"$gt": 1812}})
    span = recording.only
    attributes = span.attributes
    assert (span.name, span.kind, attributes["collection"]) == ("chroma.query", "retrieval", collection.name)
    assert (attributes["n_results"], attributes["query_count"], attributes["result_count"]) == (2, 1, 2)
    assert attributes["num_returned"] == 2
    assert json.loads(attributes["filter"]) == {"year": {"$gt": 1812}}
    assert json.loads(attributes["input"])["query_texts"] == ["Ulysses"]
    assert [(row["id"], row["document"]) for row in json.loads(attributes["output"])] == [
        ("middle", "Moby Dick"),
        ("short", "Emma"),
    ]
    assert attributes["rag.query"] == "Ulysses"
    assert [one["text"] for one in attributes["rag.retrieved_docs"]] == ["Moby Dick", "Emma"]


def test_the_matches_of_several_queries_are_counted_together(books: Any, recording: Recording) -> None:
    """LLM-15."""
    books().query(query_texts=["Ulysses", "Middlemarch", "Dracula"], n_results=2)
    attributes = recording.only.attributes
    assert (attributes["query_count"], attributes["result_count"]) == (3, 6)
    assert [len(rows) for rows in json.loads(attributes["output"])] == [2, 2, 2]


def test_how_many_results_are_asked_for_is_told_where_the_caller_left_it_out(books: Any, recording: Recording) -> None:
    books().query(query_texts="Ulysses")
    assert recording.only.attributes["n_results"] == 10
    assert recording.only.attributes["result_count"] == 3


def test_an_add_tells_how_many_documents_were_written(books: Any, recording: Recording) -> None:
    """LLM-15: `chroma.add`."""
    collection = books()
    collection.add(ids=["a", "b"], documents=["Dracula", "Kim"])
    collection.upsert(ids="c", documents="She")
    collection.update(["c"], documents=["Her"])
    added, upserted, updated = recording.spans
    assert [span.name for span in (added, upserted, updated)] == ["chroma.add", "chroma.upsert", "chroma.update"]
    assert [span.attributes["doc_count"] for span in (added, upserted, updated)] == [2, 1, 1]
    assert json.loads(added.attributes["input"]) == {"ids": ["a", "b"], "documents": ["Dracula", "Kim"]}


def test_lookups_and_deletes_are_spans_too(books: Any, recording: Recording) -> None:
    collection = books()
    collection.get(ids=["short", "long"], include=["documents", "embeddings"])
    collection.peek(limit=1)
    collection.delete(ids=["short"])
    got, peeked, deleted = recording.spans
    assert [span.name for span in (got, peeked, deleted)] == ["chroma.get", "chroma.peek", "chroma.delete"]
    assert [span.attributes["result_count"] for span in (got, peeked)] == [2, 1]
    assert json.loads(got.attributes["output"])[0]["embedding"] == "vector of 2 numbers"
    assert deleted.attributes["id_count"] == 1


def test_what_embeds_the_query_is_a_child_of_it(books: Any, recording: Recording) -> None:
    """CTX-1: an embedding function may well call OpenAI."""

    def embed(texts: Any) -> Any:
        with peekr.span("openai.embeddings", kind="embedding"):
            return [[float(len(text)), 1.0] for text in texts]

    with peekr.span("answer"):
        books(embed).query(query_texts=["Ulysses"], n_results=1)
    embedding, query, answer = recording.spans
    assert (embedding.parent_id, query.parent_id) == (query.span_id, answer.span_id)


def test_a_failure_tells_why(books: Any, recording: Recording) -> None:
    """LLM-8: Chroma's own exception, unchanged."""
    collection = books()
    with pytest.raises(Exception, match="dimension") as failure:
        collection.query(query_embeddings=[[1.0, 2.0, 3.0]])
    span = recording.only
    assert (span.status, span.attributes["error_reason"]) == ("error", "bad_request")
    assert span.attributes["error_type"] == type(failure.value).__name__
    assert "dimension" in span.attributes["error"]


def test_what_the_server_turns_down_is_told_with_its_status(server: str, recording: Recording) -> None:
    """LLM-8."""
    from peekr_chroma import doctor

    with pytest.raises(Exception):  # noqa: B017 - each version has its own
        doctor.collection(server).query(query_embeddings=[[1.0]])
    attributes = recording.only.attributes
    assert (attributes["error_reason"], attributes["status_code"]) == ("bad_request", 400)


def test_a_collection_made_before_is_traced_and_is_quiet_afterwards(books: Any) -> None:
    """INST-7, INST-17."""
    collection = books()
    query = None
    with record(plugins=["chroma"]) as recording:
        query = collection.query
        query(query_texts=["Ulysses"])
        assert recording.only.name == "chroma.query"
        recording.clear()
    assert query(query_texts=["Ulysses"])["ids"] == collection.query(query_texts=["Ulysses"])["ids"]


def test_what_the_caller_gets_and_gave_is_untouched(books: Any, recording: Recording) -> None:
    """INST-12."""
    collection = books()
    asked = {"query_texts": ["Ulysses"], "where": {"year": {"$gt": 1812}}, "n_results": 1}
    found = collection.query(**asked)
    assert asked == {"query_texts": ["Ulysses"], "where": {"year": {"$gt": 1812}}, "n_results": 1}
    found["documents"][0][0] = "changed afterwards"
    assert "changed" not in recording.only.attributes["output"]
