"""What is read of arguments and results, as pure functions: LLM-15, without the SDK."""

from __future__ import annotations

from concurrent.futures import Future
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace as Model
from typing import Any, List

import pytest

from peekr_pinecone.later import later
from peekr_pinecone.operations import (
    calls,
    fetched,
    found,
    index_name,
    matches,
    name_in,
    outcome,
    query_text,
    row,
    written,
)

MATCH = Model(id="a", score=0.5, values=[], metadata={"text": "Call me Ishmael."}, sparse_values=None)


def test_the_operations_have_the_names_of_the_contract() -> None:
    assert calls.operations["query"].name == "pinecone.query"
    assert calls.operations["upsert"].name == "pinecone.upsert"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("https://books-4f2a9c1.svc.aped-4627-b74a.pinecone.io", "books"),
        ("my-old-books-4f2a9c1.svc.us-east1-gcp.pinecone.io", "my-old-books"),
        ("http://localhost:5081", "localhost:5081"),
        ("https://index.example.com/path", "index.example.com"),
    ],
)
def test_the_index_is_named_as_its_host_is(host: str, name: str) -> None:
    assert name_in(host) == name
    assert index_name(Model(_config=Model(host=host))) == name
    assert index_name(Model(_host=host)) == name


def test_an_index_that_knows_its_name_is_called_so() -> None:
    assert index_name(Model(name="books")) == "books"
    assert index_name(object()) is None


def test_matches_are_counted_and_shown_without_what_is_empty() -> None:
    result = Model(matches=[MATCH], usage=Model(read_units=5))
    assert found(result)["result_count"] == 1
    assert found(result)["read_units"] == 5
    assert matches(result).shown == [{"id": "a", "score": 0.5, "metadata": {"text": "Call me Ishmael."}}]
    assert matches(result).documents == [{"id": "a", "score": 0.5, "text": "Call me Ishmael."}]


def test_a_sparse_vector_without_numbers_is_not_shown() -> None:
    """As every match over gRPC has one."""
    assert row(Model(id="a", score=0.5, sparse_values=Model(indices=[], values=[]))) == {"id": "a", "score": 0.5}
    sparse = Model(indices=[3], values=[0.5])
    assert row(Model(id="a", score=0.5, sparse_values=sparse))["sparse_values"] is sparse


def test_a_searchs_hits_are_matches_too() -> None:
    hit = {"_id": "a", "_score": 0.5, "fields": {"chunk_text": "Call me Ishmael."}}
    result = {"result": {"hits": [hit]}}
    assert found(result)["result_count"] == 1
    assert matches(result).documents == [{"id": "a", "score": 0.5, "text": "Call me Ishmael."}]


def test_a_document_has_its_fields_beside_its_id() -> None:
    assert row({"_id": "a", "_score": 0.5, "title": "Emma"}) == {"id": "a", "score": 0.5, "fields": {"title": "Emma"}}


def test_nothing_found_is_no_error() -> None:
    assert found(Model(matches=[]))["result_count"] == 0
    assert found(None)["result_count"] == 0
    assert fetched(Model(vectors={}))["result_count"] == 0


def test_a_batch_that_failed_in_part_tells_both_counts() -> None:
    assert written(Model(upserted_count=3, failed_item_count=2)) == {"upserted_count": 3, "failed_count": 2}
    assert written(Model(upserted_count=3, failed_item_count=0)) == {"upserted_count": 3, "failed_count": None}
    assert outcome(None).shown is None


def test_the_text_that_is_searched_for() -> None:
    assert query_text({"query": {"inputs": {"text": "whales"}, "top_k": 3}}) == "whales"
    assert query_text({"inputs": {"text": "whales"}}) == "whales"
    assert query_text({"score_by": [{"type": "text", "query": "whales", "fields": ["text"]}]}) == "whales"
    assert query_text({"query": {"vector": {"values": [0.1]}}}) is None


class Outcome(List[Any]):
    """What became of a promise."""

    def settle(self, value: Any, error: Any) -> None:
        self.append((value, type(error).__name__ if error else None))


def test_a_result_is_no_promise() -> None:
    outcome = Outcome()
    assert not later(Model(matches=[]), outcome.settle)
    assert not later(None, outcome.settle)
    assert outcome == []


@pytest.mark.parametrize("early", [True, False])
def test_a_future_is_settled_once_it_is_done(early: bool) -> None:
    outcome, future = Outcome(), Future()  # type: ignore[var-annotated]
    if early:
        future.set_result("found")
    assert later(future, outcome.settle)
    if not early:
        assert outcome == []
        future.set_result("found")
    assert outcome == [("found", None)]


def test_a_future_that_fails_or_is_cancelled_says_so() -> None:
    outcome, failing, cancelled = Outcome(), Future(), Future()  # type: ignore[var-annotated]
    for future in (failing, cancelled):
        assert later(future, outcome.settle)
    failing.set_exception(KeyError("x"))
    cancelled.cancel()
    assert outcome == [(None, "KeyError"), (None, "CancelledError")]


def _fail() -> None:
    raise KeyError("x")


@pytest.mark.parametrize("late", [True, False])
def test_a_pools_result_is_settled_however_early_it_is_there(late: bool) -> None:
    outcome = Outcome()
    seen: List[Any] = []
    with ThreadPool(1) as pool:
        for work in (lambda: "found", _fail):
            result = pool.apply_async(work, callback=seen.append, error_callback=seen.append)
            if late:
                result.wait(10)
            assert later(result, outcome.settle)
            result.wait(10)
    assert set(outcome) == {("found", None), (None, "KeyError")}
    assert seen[0] == "found"
