"""What ``peekr doctor`` drives of Pinecone: the API of an index on the loopback interface, and the ways to call it."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Tuple
from urllib.parse import parse_qs, urlsplit

from peekr.probes import Absent, Probe, Reply, Request, Suite, reach

VECTOR = [0.25] * 16
_USAGE = {"readUnits": 5}
_MATCHES: List[Dict[str, Any]] = [
    {"id": "book-1", "score": 0.93, "values": [], "metadata": {"text": "Call me Ishmael.", "year": 1851}},
    {"id": "book-2", "score": 0.81, "values": [], "metadata": {"text": "All happy families are alike.", "year": 1878}},
]
_HITS = [{"_id": one["id"], "_score": one["score"], "fields": one["metadata"]} for one in _MATCHES]
_DOCUMENTS = [{"_id": one["id"], "_score": one["score"], **one["metadata"]} for one in _MATCHES]


def answer(request: Request) -> Reply:
    """Answer as an index does. The namespace ``missing`` does not exist."""
    url = urlsplit(request.path)
    query = parse_qs(url.query)
    lines = request.body.decode().splitlines() if "ndjson" in request.headers.get("content-type", "") else []
    body = {} if lines else request.json()
    if "missing" in url.path.split("/") or body.get("namespace") == "missing":
        return Reply.json({"code": 5, "message": "Namespace not found", "details": []}, 404)
    for pattern, reply in _ROUTES:
        if re.fullmatch(pattern, url.path):
            return reply({**body, "lines": [json.loads(line) for line in lines], "ids": query.get("ids", [])})
    raise LookupError(f"{request.method} {url.path}")


def _matches(body: Any) -> Reply:
    matches = _MATCHES[: body.get("topK", 10)]
    return Reply.json({"matches": matches, "namespace": body.get("namespace", ""), "usage": _USAGE})


def _vectors(body: Any) -> Reply:
    vectors = {each: {"id": each, "values": VECTOR, "metadata": {"year": 1851}} for each in body["ids"]}
    return Reply.json({"vectors": vectors, "namespace": "", "usage": {"readUnits": 1}})


_Route = Tuple[str, Callable[[Any], Reply]]
_SEARCHED = {"result": {"hits": _HITS}, "usage": {"read_units": 6, "embed_total_tokens": 4}}
_FETCHED = {one["_id"]: one for one in _DOCUMENTS}
_ROUTES: Tuple[_Route, ...] = (
    ("/query", _matches),
    ("/vectors/upsert", lambda body: Reply.json({"upsertedCount": len(body["vectors"])})),
    ("/vectors/fetch", _vectors),
    ("/vectors/list", lambda body: Reply.json({"vectors": [{"id": "book-1"}], "namespace": "", "usage": _USAGE})),
    ("/vectors/(update|delete)", lambda body: Reply.json({})),
    ("/records/namespaces/[^/]+/upsert", lambda body: Reply(b"", status=201)),
    ("/records/namespaces/[^/]+/search", lambda body: Reply.json(_SEARCHED)),
    ("/namespaces/[^/]+/documents/upsert", lambda body: Reply.json({"upserted_count": len(body["documents"])})),
    (
        "/namespaces/[^/]+/documents/search",
        lambda body: Reply.json({"matches": _DOCUMENTS, "namespace": "n", "usage": {"read_units": 6}}),
    ),
    (
        "/namespaces/[^/]+/documents/fetch",
        lambda body: Reply.json({"documents": _FETCHED, "namespace": "n", "usage": {"read_units": 1}}),
    ),
    ("/namespaces/[^/]+/documents/(delete|update)", lambda body: Reply.json({"matched_records": 2})),
)


# -- indexes ----------------------------------------------------------------------------------------------------------


def index(url: str) -> Any:
    """Return an index, made as this version of the SDK has it made."""
    import pinecone

    client = reach(pinecone, "Pinecone")(api_key="none")
    return client.Index(host=url)


def async_index(url: str) -> Any:
    """Return an index for asyncio: a context manager.

    :raises Absent: if this version of the SDK has none, or what it needs is not installed.
    """
    import pinecone

    try:
        kind = reach(pinecone, "AsyncIndex")
    except (Absent, ImportError):
        pass
    else:
        return kind(host=url, api_key="none")
    try:
        client = reach(pinecone, "PineconeAsyncio")(api_key="none")
        return client.IndexAsyncio(host=url)
    except ImportError:
        raise Absent("PineconeAsyncio") from None


# -- probes -----------------------------------------------------------------------------------------------------------

_RECORDS = [{"_id": "book-3", "text": "It was a pleasure to burn."}]
_SEARCH = {"inputs": {"text": "whales"}, "top_k": 2}
_ENTRIES: Tuple[Tuple[str, Dict[str, Any]], ...] = (
    ("query", {"vector": VECTOR, "top_k": 2}),
    ("query_namespaces", {"vector": VECTOR, "namespaces": ["a", "b"], "metric": "cosine", "top_k": 2}),
    ("upsert", {"vectors": [("book-1", VECTOR, {"year": 1851}), ("book-2", VECTOR)]}),
    ("fetch", {"ids": ["book-1"]}),
    ("delete", {"ids": ["book-1"]}),
    ("update", {"id": "book-1", "set_metadata": {"year": 1852}}),
    ("list_paginated", {"prefix": "book"}),
    ("search", {"namespace": "n", "query": _SEARCH}),
    ("upsert_records", {"namespace": "n", "records": _RECORDS}),
    ("documents.search", {"namespace": "n", "top_k": 2, "score_by": [{"type": "text", "query": "x", "fields": ["t"]}]}),
    ("documents.upsert", {"namespace": "n", "documents": _RECORDS}),
    ("documents.batch_upsert", {"namespace": "n", "documents": _RECORDS, "batch_size": 1}),
    ("documents.fetch", {"namespace": "n", "ids": ["book-1"]}),
    ("documents.delete", {"namespace": "n", "ids": ["book-1"]}),
)


def probes() -> List[Probe]:
    """Return all of them."""
    return [
        Probe(f"Index.{entry}", run(entry, arguments), asynchronous=asynchronous)
        for entry, arguments in _ENTRIES
        for asynchronous, run in ((False, _sync), (True, _async))
    ]


def _sync(entry: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    def run(url: str) -> None:
        with index(url) as opened:
            reach(opened, entry)(**arguments)

    return run


def _async(entry: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        async with async_index(url) as opened:
            await reach(opened, entry)(**arguments)

    return run


SUITE = Suite("pinecone", "pinecone", answer=answer, probes=probes, environment={"PINECONE_API_KEY": "none"})
