"""Which methods of a client make a span, and what it tells: pure functions of arguments and results."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from peekr.vectorstores.calls import Attributes, Calls, Content, Operation, Reader
from peekr.vectorstores.values import ITEMS, count, field, known

#: Where the text of a point stands in its payload: fastembed's place, LangChain's, LlamaIndex's, others'.
_TEXTS = ("document", "page_content", "text", "content", "chunk_text")


def _search(client: Any, arguments: Mapping[str, Any]) -> Attributes:
    return {**_of(arguments), "limit": arguments.get("limit"), "offset": _offset(arguments)}


def _offset(arguments: Mapping[str, Any]) -> Any:
    """How many to pass over; of ``scroll`` it is the id of a point."""
    offset = arguments.get("offset")
    return offset if isinstance(offset, (int, str)) else None


def _batch(client: Any, arguments: Mapping[str, Any]) -> Attributes:
    queries = arguments.get("requests", arguments.get("query_texts"))
    return {**_of(arguments), "limit": arguments.get("limit"), "query_count": count(queries)}


def _lookup(client: Any, arguments: Mapping[str, Any]) -> Attributes:
    return {**_of(arguments), "id_count": count(arguments.get("ids"))}


def _write(client: Any, arguments: Mapping[str, Any]) -> Attributes:
    return {**_of(arguments), "point_count": written_points(arguments)}


def _of(arguments: Mapping[str, Any]) -> Attributes:
    name = arguments.get("collection_name")
    return {"collection": None if name is None else str(name)}


def written_points(arguments: Mapping[str, Any]) -> Optional[int]:
    """Return how many points a write names; None where it selects them by a filter, or gets an iterator."""
    for name in ("points", "points_selector", "vectors", "records", "documents", "update_operations"):
        given = arguments.get(name)
        if given is None:
            continue
        for inner in ("ids", "points"):  # Batch, PointIdsList
            if not isinstance(given, (list, tuple)) and field(given, inner) is not None:
                return count(field(given, inner))
        if isinstance(given, dict):  # named vectors
            return count(next(iter(given.values()), None))
        return 1 if isinstance(given, (int, str)) else count(given)
    return None


def query_text(arguments: Mapping[str, Any]) -> Optional[str]:
    """Return the text that is searched for, where the client or the server embeds it."""
    given = arguments.get("query")  # a plain string is the id of a point
    text = arguments.get("query_text") or field(given, "text") or field(field(given, "nearest"), "text")
    return text if isinstance(text, str) else None


# -- results ----------------------------------------------------------------------------------------------------------


def found(result: Any) -> Attributes:
    """Count the matches of a search, of one query or of many."""
    total = sum(len(group) for group in _groups(result))
    return {"result_count": total, "num_results": total, "rag.docs_count": total}


def hits(result: Any) -> Content:
    """Show them, those of several queries or groups one after the other."""
    groups = [[_row(one) for one in islice(group, ITEMS)] for group in islice(_groups(result), ITEMS)]
    single = len(groups) == 1 and not field(result, "groups")
    return Content(groups[0] if single else groups, _documents(groups))


def _groups(result: Any) -> Iterator[List[Any]]:
    """The lists of points in a result."""
    if result is None:
        return
    for name in ("points", "hits", "groups"):
        inner = field(result, name)
        if isinstance(inner, list):
            if name != "groups":
                yield inner
            else:
                yield from chain.from_iterable(_groups(group) for group in inner)
            return
    if isinstance(result, list):
        nested = result and (isinstance(result[0], list) or hasattr(result[0], "points"))
        if nested:
            yield from chain.from_iterable(_groups(one) for one in result)
        else:
            yield result


def _row(point: Any) -> Dict[str, Any]:
    """What a reader wants to know of a point. Fastembed's results have the text beside the metadata."""
    names = ("id", "score", "payload", "metadata", "document", "vector", "value", "count")
    row = known({name: field(point, name) for name in names})
    return row or {"value": point}


def _documents(hits: List[List[Dict[str, Any]]]) -> List[Attributes]:
    out = []
    for row in chain.from_iterable(hits):
        text = row.get("document") or next(_texts(row.get("payload") or row.get("metadata")), None)
        if isinstance(text, str):
            out.append({"id": row.get("id"), "score": row.get("score"), "text": text})
    return out


def _texts(payload: Any) -> Iterator[str]:
    if isinstance(payload, dict):
        for name in _TEXTS:
            if isinstance(payload.get(name), str):
                yield payload[name]


def scrolled(result: Any) -> Attributes:
    """Count the points of a page, and tell whether there are more."""
    points, following = result
    return {"result_count": len(points), "has_more": following is not None}


def page(result: Any) -> Content:
    """Show them."""
    return records(result[0])


def fetched(result: Any) -> Attributes:
    """Count the points that are returned by their ids."""
    return {"result_count": len(result)}


def records(result: Any) -> Content:
    """Show them."""
    return Content([_row(one) for one in result[:ITEMS]])


def counted(result: Any) -> Attributes:
    """Tell the number that was asked for."""
    return {"result_count": field(result, "count")}


def written(result: Any) -> Attributes:
    """Tell what became of a write: ``completed``, or only ``acknowledged``."""
    status = field(result, "status")
    return {"write_status": None if status is None else str(getattr(status, "value", status))}


def _operation(
    name: str,
    given: Reader,
    counts: Callable[[Any], Attributes],
    content: Callable[[Any], Content] = Content,
    query: Optional[Callable[[Mapping[str, Any]], Optional[str]]] = None,
) -> Operation:
    filters = ("query_filter", "scroll_filter", "count_filter", "facet_filter")
    return Operation(f"qdrant.{name}", given, counts, content, query, filters=filters)


_searching = _operation("search", _search, found, hits, query=query_text)
_batches = _operation("search_batch", _batch, found, hits)
_grouping = _operation("search_groups", _search, found, hits, query=query_text)
_writing = _operation("upsert", _write, written)
_changes = (
    "delete",
    "update_vectors",
    "delete_vectors",
    "set_payload",
    "overwrite_payload",
    "delete_payload",
    "clear_payload",
    "batch_update_points",
)
calls = Calls(
    "qdrant",
    {
        # the newest client has query_points only; what a program calls a search is one under any of its names
        "search": _searching,
        "query_points": _searching,
        "query": _searching,
        "search_batch": _batches,
        "query_batch_points": _batches,
        "query_batch": _batches,
        "search_groups": _grouping,
        "query_points_groups": _grouping,
        "recommend": _operation("recommend", _search, found, hits),
        "recommend_batch": _operation("recommend_batch", _batch, found, hits),
        "recommend_groups": _operation("recommend_groups", _search, found, hits),
        "discover": _operation("discover", _search, found, hits),
        "discover_batch": _operation("discover_batch", _batch, found, hits),
        "facet": _operation("facet", _search, found, hits),
        "scroll": _operation("scroll", _search, scrolled, page),
        "retrieve": _operation("retrieve", _lookup, fetched, records),
        "count": _operation("count", _search, counted),
        "upsert": _writing,
        "upload_points": _writing,
        "upload_records": _writing,
        "upload_collection": _writing,
        "add": _writing,
        **{name: _operation(name, _write, written) for name in _changes},
    },
)
