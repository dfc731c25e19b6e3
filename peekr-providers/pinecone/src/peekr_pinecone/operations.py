"""Which methods of an index make a span, and what it tells: pure functions of arguments and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

from peekr.vectorstores.calls import Attributes, Calls, Content, Operation, Reader
from peekr.vectorstores.values import ITEMS, count, field, known
from peekr_pinecone.later import later

#: Where the text of a record stands in its metadata: LangChain's place, Pinecone's examples', others'.
_TEXTS = ("text", "chunk_text", "page_content", "content", "document", "title")


def index_name(index: Any) -> Optional[str]:
    """Return the name of an index, which its objects know only as a part of its host's; else the host's name."""
    name = getattr(index, "name", None)
    if isinstance(name, str) and name:
        return name
    for holder in (index, getattr(index, "_config", None), getattr(index, "config", None)):
        host = getattr(holder, "_host", None) or getattr(holder, "host", None)
        if isinstance(host, str) and host:
            return name_in(host)
    return None


def name_in(host: str) -> str:
    """Return ``books`` of ``https://books-4f2a9c1.svc.aped-4627.pinecone.io``."""
    bare = host.split("://")[-1].split("/")[0]
    label = bare.split(".")[0]
    return label.rpartition("-")[0] or label if ".svc." in bare else bare


def _of(index: Any, arguments: Mapping[str, Any]) -> Attributes:
    return {"index_name": index_name(index), "namespace": arguments.get("namespace")}


def _query(index: Any, arguments: Mapping[str, Any]) -> Attributes:
    asked = arguments.get("query")
    top_k = arguments.get("top_k")
    namespaces = arguments.get("namespaces")
    return {
        **_of(index, arguments),
        "top_k": field(asked, "top_k") if top_k is None else top_k,
        "namespaces": [str(one) for one in islice(namespaces, ITEMS)]
        if isinstance(namespaces, (list, tuple))
        else None,
    }


def _fetch(index: Any, arguments: Mapping[str, Any]) -> Attributes:
    number = count(arguments.get("ids"))
    asked = {"id_count": number if number is not None else count(arguments.get("id")), "limit": arguments.get("limit")}
    return {**_of(index, arguments), **asked, "delete_all": arguments.get("delete_all") or None}


def _write(index: Any, arguments: Mapping[str, Any]) -> Attributes:
    given = (arguments.get(name) for name in ("vectors", "records", "documents", "df"))
    number = count(next((one for one in given if one is not None), None))
    return {**_of(index, arguments), "vector_count": number, "batch_size": arguments.get("batch_size")}


def query_text(arguments: Mapping[str, Any]) -> Optional[str]:
    """Return the text that is searched for, where the server embeds it."""
    asked = arguments.get("query")
    inputs = arguments.get("inputs") or field(asked, "inputs")
    clauses = arguments.get("score_by")
    first = clauses[0] if isinstance(clauses, (list, tuple)) and clauses else None
    text = field(inputs, "text") or field(first, "query") or field(first, "text")
    return text if isinstance(text, str) else None


# -- results ----------------------------------------------------------------------------------------------------------


def found(result: Any) -> Attributes:
    """Count a query's or search's matches."""
    total = len(_matches(result))
    return {"result_count": total, "num_results": total, "rag.docs_count": total, **_usage(result)}


def matches(result: Any) -> Content:
    """Show them."""
    first = [row(one) for one in islice(_matches(result), ITEMS)]
    return Content(first, list(_documents(first)))


def _matches(result: Any) -> Any:
    found = field(result, "matches")
    return (field(field(result, "result"), "hits") if found is None else found) or ()


def fetched(result: Any) -> Attributes:
    """Count the records that are returned by their ids, or listed."""
    return {"result_count": len(_records(result)), **_usage(result)}


def records(result: Any) -> Content:
    """Show them."""
    found = _records(result)
    each: Iterable[Any] = found.values() if isinstance(found, Mapping) else found
    return Content([row(one) for one in islice(each, ITEMS)])


def _records(result: Any) -> Any:
    found = field(result, "vectors")
    return (field(result, "documents") if found is None else found) or ()


def written(result: Any) -> Attributes:
    """Count the records that the server took; of a batch that failed in part, those that it did not."""
    names = ("upserted_count", "successful_item_count", "record_count", "matched_records")
    counts = (field(result, name) for name in names)
    done = next((one for one in counts if isinstance(one, int)), None)
    return {"upserted_count": done, "failed_count": field(result, "failed_item_count") or None, **_usage(result)}


def outcome(result: Any) -> Content:
    """Show what was written."""
    return Content({name: value for name, value in written(result).items() if value is not None} or None)


def changed(result: Any) -> Attributes:
    """Tell of an update or delete, which answers next to nothing."""
    return {"matched_count": field(result, "matched_records")}


def row(match: Any) -> Dict[str, Any]:
    """What a reader wants to know of a record; what is empty is left out."""
    data = match if isinstance(match, Mapping) else getattr(match, "_data", None)
    if isinstance(data, Mapping) and "metadata" not in data and "_id" in data:  # a document: its fields are its own
        own = {name: value for name, value in data.items() if name not in ("_id", "_score", "fields")}
        fields = data.get("fields") or own
        return {**known({"id": data["_id"], "score": data.get("_score")}), **({"fields": fields} if fields else {})}
    out = {"id": field(match, "id") or field(match, "_id"), "score": _score(match)}
    for name in ("metadata", "fields", "values", "sparse_values"):
        value = field(match, name)
        if value is not None and not _is_empty(value):
            out[name] = value
    return known(out)


def _is_empty(value: Any) -> bool:
    """Whether a list, an object or a sparse vector has nothing in it; the latter is an object of each version's own."""
    inner = value if isinstance(value, (Mapping, Sequence)) else field(value, "indices", value)
    return isinstance(inner, (Mapping, Sequence)) and not inner


def _score(match: Any) -> Any:
    score = field(match, "score")
    return field(match, "_score") if score is None else score


def _documents(rows: List[Dict[str, Any]]) -> Iterator[Attributes]:
    for one in rows:
        about = one.get("metadata") or one.get("fields")
        texts = [field(about, name) for name in _TEXTS]
        text = next((each for each in texts if isinstance(each, str)), None)
        if text is not None:
            yield {"id": one.get("id"), "score": one.get("score"), "text": text}


def _usage(result: Any) -> Attributes:
    usage = field(result, "usage")
    names = ("read_units", "write_units", "embed_total_tokens", "rerank_units")
    return known({name: field(usage, name) for name in names}) if usage is not None else {}


def _operation(
    name: str,
    given: Reader,
    counts: Callable[[Any], Attributes],
    content: Callable[[Any], Content] = Content,
    query: Optional[Callable[[Mapping[str, Any]], Optional[str]]] = None,
) -> Operation:
    return Operation(f"pinecone.{name}", given, counts, content, query, filters=("filter",))


_searching = _operation("search", _query, found, matches, query=query_text)
_fetching = _operation("fetch", _fetch, fetched, records)
_upserting = _operation("upsert", _write, written, outcome)
calls = Calls(
    "pinecone",
    {
        "query": _operation("query", _query, found, matches),
        "query_namespaces": _operation("query_namespaces", _query, found, matches),
        "search": _searching,
        "search_records": _searching,
        "fetch": _fetching,
        "fetch_by_metadata": _fetching,
        "list_paginated": _operation("list", _fetch, fetched, records),
        "upsert": _upserting,
        "batch_upsert": _upserting,
        "upsert_from_dataframe": _upserting,
        "upsert_records": _operation("upsert_records", _write, written, outcome),
        "update": _operation("update", _fetch, changed),
        "delete": _operation("delete", _fetch, changed),
    },
    later,
)
