"""What is read of arguments and results, as pure functions: LLM-15, without the SDK."""

from __future__ import annotations

from types import SimpleNamespace as Model
from typing import Any

import pytest

from peekr_qdrant.operations import calls, found, hits, query_text, scrolled, written_points

HIT = Model(id=1, score=0.5, payload={"page_content": "Call me Ishmael."}, vector=None)


def test_the_operations_have_the_names_of_the_contract() -> None:
    for method in ("search", "query_points"):
        assert calls.operations[method].name == "qdrant.search"
    assert calls.operations["upsert"].name == "qdrant.upsert"


@pytest.mark.parametrize(
    ("result", "count"),
    [
        ([HIT, HIT], 2),
        (Model(points=[HIT, HIT]), 2),
        ([[HIT], [HIT, HIT]], 3),
        ([Model(points=[HIT]), Model(points=[])], 1),
        (Model(groups=[Model(hits=[HIT, HIT]), Model(hits=[HIT])]), 3),
        ([], 0),
        (Model(points=[]), 0),
        (None, 0),
    ],
)
def test_every_shape_of_result_is_counted(result: Any, count: int) -> None:
    assert found(result)["result_count"] == count


def test_the_text_of_a_point_is_found_in_its_payload() -> None:
    assert hits([HIT]).documents == [{"id": 1, "score": 0.5, "text": "Call me Ishmael."}]
    assert hits([Model(id=2, score=0.5, payload=None)]).documents == []


def test_the_text_of_fastembeds_own_results_stands_beside_the_metadata() -> None:
    response = Model(id="a", score=0.9, document="Moby Dick", metadata={"year": 1851}, embedding=None)
    assert hits([response]).documents == [{"id": "a", "score": 0.9, "text": "Moby Dick"}]


def test_a_page_that_is_the_last_one_says_so() -> None:
    assert scrolled(([HIT], None)) == {"result_count": 1, "has_more": False}
    assert scrolled(([HIT], 7)) == {"result_count": 1, "has_more": True}


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"points": [HIT, HIT]}, 2),
        ({"points": Model(ids=[1, 2, 3], vectors=[])}, 3),
        ({"points_selector": Model(points=[1, 2])}, 2),
        ({"points_selector": 7}, 1),
        ({"points_selector": Model(filter=Model(must=[]))}, None),
        ({"vectors": {"text": [[0.1], [0.2]]}}, 2),
        ({"points": iter([HIT])}, None),
        ({}, None),
    ],
)
def test_how_many_points_a_write_names(arguments: Any, count: Any) -> None:
    assert written_points(arguments) == count


def test_the_text_that_is_searched_for() -> None:
    assert query_text({"query_text": "whales"}) == "whales"
    assert query_text({"query": Model(text="whales", model="bge")}) == "whales"
    assert query_text({"query": Model(nearest=Model(text="whales"))}) == "whales"
    assert query_text({"query": [0.1, 0.2]}) is None
    assert query_text({"query": "5c56c793-69f3-4fbf-87e6-c4bf54c28c26"}) is None  # a point's id
