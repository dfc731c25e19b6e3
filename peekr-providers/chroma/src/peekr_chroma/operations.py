"""Which methods of a collection make a span, and what it tells: pure functions of arguments and results."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, Callable, Dict, List, Mapping, Optional

from peekr.vectorstores.calls import Attributes, Calls, Content, Operation, Reader
from peekr.vectorstores.values import ITEMS, count, field, known

#: A result is made of columns; in a row each is called so.
_COLUMNS = {
    "ids": "id",
    "distances": "distance",
    "scores": "score",
    "documents": "document",
    "metadatas": "metadata",
    "uris": "uri",
    "embeddings": "embedding",
}
_QUERIES = ("query_texts", "query_embeddings", "query_images", "query_uris")


def _query(collection: Any, arguments: Mapping[str, Any]) -> Attributes:
    given = next((arguments[name] for name in _QUERIES if arguments.get(name) is not None), None)
    return {**_of(collection), "n_results": arguments.get("n_results"), "query_count": _queries(given)}


def _queries(given: Any) -> Optional[int]:
    """One vector stands for one query, a list of them for many."""
    number = count(given)
    return 1 if number and isinstance(given[0], (int, float)) else number


def _get(collection: Any, arguments: Mapping[str, Any]) -> Attributes:
    asked = {"id_count": count(arguments.get("ids")), "limit": arguments.get("limit")}
    return {**_of(collection), **asked, "offset": arguments.get("offset")}


def _search(collection: Any, arguments: Mapping[str, Any]) -> Attributes:
    searches = arguments.get("searches")
    return {**_of(collection), "query_count": len(searches) if isinstance(searches, (list, tuple)) else 1}


def _write(collection: Any, arguments: Mapping[str, Any]) -> Attributes:
    return {**_of(collection), "doc_count": count(arguments.get("ids"))}


def _of(collection: Any) -> Attributes:
    return {"collection": getattr(collection, "name", None)}


def query_text(arguments: Mapping[str, Any]) -> Optional[str]:
    """Return the texts that are searched for, a line each."""
    given = arguments.get("query_texts")
    texts = [given] if isinstance(given, str) else given or []
    return "\n".join(one for one in texts[:ITEMS] if isinstance(one, str)) or None


# -- results ----------------------------------------------------------------------------------------------------------


def found(result: Any) -> Attributes:
    """Count the matches of all queries of a query or search."""
    total = sum(len(ids or ()) for ids in field(result, "ids") or ())
    return {"result_count": total, "num_returned": total, "rag.docs_count": total}


def matches(result: Any) -> Content:
    """Show them, row by row; of several queries one after the other."""
    queries = min(len(field(result, "ids") or ()), ITEMS)
    groups = [rows({name: _at(result, name, number) for name in _COLUMNS}) for number in range(queries)]
    documents = [_document(row) for group in groups for row in group if isinstance(row.get("document"), str)]
    return Content(groups[0] if len(groups) == 1 else groups, documents)


def fetched(result: Any) -> Attributes:
    """Count the records that ``get`` and ``peek`` return."""
    return {"result_count": count(field(result, "ids"))}


def records(result: Any) -> Content:
    """Show them, row by row."""
    return Content(rows({name: field(result, name) for name in _COLUMNS}))


def deleted(result: Any) -> Attributes:
    """Count the records that are gone, where the version of Chroma says so."""
    return {"deleted_count": field(result, "deleted")}


def written(result: Any) -> Attributes:
    """Nothing: a write has no answer."""
    return {}


def rows(columns: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return the first records of a result of columns, with the fields that it has."""
    there = {_COLUMNS[name]: list(column[:ITEMS]) for name, column in columns.items() if column is not None}
    return [known(dict(zip(there, row))) for row in zip_longest(*there.values())]


def _at(result: Any, name: str, number: int) -> Any:
    column = field(result, name)
    return None if column is None or number >= len(column) else column[number]


def _document(row: Mapping[str, Any]) -> Attributes:
    return {"id": row.get("id"), "score": row.get("score"), "distance": row.get("distance"), "text": row["document"]}


def _operation(
    name: str,
    given: Reader,
    counts: Callable[[Any], Attributes],
    content: Callable[[Any], Content] = Content,
    query: Optional[Callable[[Mapping[str, Any]], Optional[str]]] = None,
) -> Operation:
    return Operation(f"chroma.{name}", given, counts, content, query, filters=("where", "where_document"))


calls = Calls(
    "chroma",
    {
        "query": _operation("query", _query, found, matches, query=query_text),
        "search": _operation("search", _search, found, matches),
        "get": _operation("get", _get, fetched, records),
        "peek": _operation("peek", _get, fetched, records),
        "add": _operation("add", _write, written),
        "upsert": _operation("upsert", _write, written),
        "update": _operation("update", _write, written),
        "delete": _operation("delete", _get, deleted),
    },
)
