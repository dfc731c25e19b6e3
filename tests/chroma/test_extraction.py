"""What is read of arguments and results, as pure functions: LLM-15, without the SDK."""

from __future__ import annotations

from peekr_chroma.operations import calls, deleted, fetched, found, matches, query_text, records, rows


class Collection:
    name = "books"


def test_the_operations_have_the_names_of_the_contract() -> None:
    assert calls.operations["query"].name == "chroma.query"
    assert calls.operations["add"].name == "chroma.add"


def test_columns_become_rows_of_what_is_there() -> None:
    columns = {"ids": ["a", "b"], "documents": ["A", None], "metadatas": None, "distances": [0.5, 0.25]}
    assert rows(columns) == [{"id": "a", "document": "A", "distance": 0.5}, {"id": "b", "distance": 0.25}]


def test_a_result_counts_the_matches_of_all_queries() -> None:
    result = {"ids": [["a"], [], ["b", "c"]], "documents": [["A"], [], ["B", "C"]], "distances": None}
    assert found(result)["result_count"] == 3
    assert [one["text"] for one in matches(result).documents] == ["A", "B", "C"]
    assert [len(group) for group in matches(result).shown] == [1, 0, 2]


def test_nothing_found_is_no_error() -> None:
    assert found({"ids": [[]]})["result_count"] == 0
    assert found({})["result_count"] == 0
    assert fetched({"ids": []})["result_count"] == 0


def test_a_large_result_is_looked_at_in_part() -> None:
    result = {"ids": [str(at) for at in range(100_000)], "documents": ["x"] * 100_000}
    assert fetched(result)["result_count"] == 100_000
    assert len(records(result).shown) == 20


def test_how_many_queries_there_are() -> None:
    given = calls.operations["query"].given
    assert given(Collection(), {"query_texts": "one"})["query_count"] == 1
    assert given(Collection(), {"query_texts": ["one", "two"]})["query_count"] == 2
    assert given(Collection(), {"query_embeddings": [0.1, 0.2, 0.3]})["query_count"] == 1
    assert given(Collection(), {"query_embeddings": [[0.1, 0.2, 0.3]]})["query_count"] == 1
    assert given(Collection(), {})["query_count"] is None


def test_the_texts_that_are_searched_for() -> None:
    assert query_text({"query_texts": ["one", "two"]}) == "one\ntwo"
    assert query_text({"query_texts": "one"}) == "one"
    assert query_text({"query_embeddings": [[0.1]]}) is None


def test_older_versions_do_not_tell_what_was_deleted() -> None:
    assert deleted(None) == {"deleted_count": None}
    assert deleted({"deleted": 3}) == {"deleted_count": 3}
