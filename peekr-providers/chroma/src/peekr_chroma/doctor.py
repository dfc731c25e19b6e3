"""What ``peekr doctor`` drives of Chroma: a collection of a server on the loopback interface, sync and async.

Chroma's store in memory would do for the sync half, but is one for the whole process and keeps what it is told.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple
from urllib.parse import urlsplit

from peekr.probes import Probe, Reply, Request, Suite, reach

VECTOR = [0.25] * 16
_ID = "11111111-2222-3333-4444-555555555555"
_COLUMNS: Dict[str, List[Any]] = {
    "ids": ["book-1", "book-2"],
    "documents": ["Call me Ishmael.", "All happy families are alike."],
    "metadatas": [{"year": 1851}, {"year": 1878}],
    "distances": [0.12, 0.34],
}
#: As 0.5 wants it; 1.x takes it.
_CONFIGURATION = {
    "_type": "CollectionConfigurationInternal",
    "hnsw_configuration": {"_type": "HNSWConfigurationInternal"},
}
_MORE: Dict[str, Any] = {"embeddings": None, "uris": None, "data": None}


def answer(request: Request) -> Reply:
    """Answer as a server of Chroma does. A vector of another length is turned down."""
    path = urlsplit(request.path).path
    body = request.json()
    for ending, reply in _ROUTES.items():
        if path.endswith(ending):
            return reply(body)
    if path.endswith(("/tenants/default_tenant", "/databases/default_database")):
        name = path.rpartition("/")[2]
        return Reply.json({"id": _ID, "name": name, "tenant": "default_tenant"})
    raise LookupError(f"{request.method} {path}")


def _collection(body: Any) -> Reply:
    about = {"id": _ID, "name": body.get("name", "books"), "tenant": "default_tenant", "database": "default_database"}
    settings = {
        "configuration_json": _CONFIGURATION,
        "metadata": None,
        "dimension": None,
        "version": 0,
        "log_position": 0,
    }
    return Reply.json({**about, **settings})


def _query(body: Any) -> Reply:
    if any(len(vector) != len(VECTOR) for vector in body["query_embeddings"]):
        return Reply.json({"error": "InvalidArgumentError", "message": "Collection expects another dimension"}, 400)
    times = len(body["query_embeddings"])
    columns = {name: [column] * times for name, column in _COLUMNS.items()}
    return Reply.json({**columns, **_MORE, "included": ["documents", "metadatas", "distances"]})


def _get(body: Any) -> Reply:
    columns = {name: column for name, column in _COLUMNS.items() if name != "distances"}
    return Reply.json({**columns, **_MORE, "included": ["documents", "metadatas"]})


_ROUTES: Dict[str, Callable[[Any], Reply]] = {
    "/auth/identity": lambda body: Reply.json({"user_id": "", "tenant": "default_tenant", "databases": []}),
    "/heartbeat": lambda body: Reply.json({"nanosecond heartbeat": 1}),
    "/pre-flight-checks": lambda body: Reply.json({"max_batch_size": 1000, "supports_base64_encoding": False}),
    "/collections": _collection,
    "/query": _query,
    "/get": _get,
    "/add": lambda body: Reply.json(True),
    "/upsert": lambda body: Reply.json(True),
    "/update": lambda body: Reply.json(True),
    "/delete": lambda body: Reply.json({"deleted": 2}),
}


# -- collections ------------------------------------------------------------------------------------------------------


def _settings() -> Any:
    import chromadb.config

    return chromadb.config.Settings(anonymized_telemetry=False)


def _at(url: str) -> Dict[str, Any]:
    parts = urlsplit(url)
    return {"host": parts.hostname, "port": parts.port, "settings": _settings()}


def collection(url: str) -> Any:
    """Return a collection of the server, for which nothing embeds texts."""
    import chromadb

    return chromadb.HttpClient(**_at(url)).get_or_create_collection("books", embedding_function=None)


async def async_collection(url: str) -> Any:
    """Return a collection for asyncio.

    :raises peekr.probes.Absent: if this version of the SDK has none.
    """
    import chromadb

    client = await reach(chromadb, "AsyncHttpClient")(**_at(url))
    return await client.get_or_create_collection("books", embedding_function=None)


# -- probes -----------------------------------------------------------------------------------------------------------

_ENTRIES: Tuple[Tuple[str, Dict[str, Any]], ...] = (
    ("query", {"query_embeddings": [VECTOR, VECTOR], "n_results": 2}),
    ("get", {"ids": ["book-1", "book-2"]}),
    ("peek", {"limit": 2}),
    ("add", {"ids": ["book-3"], "embeddings": [VECTOR], "documents": ["It was a pleasure to burn."]}),
    ("upsert", {"ids": ["book-3"], "embeddings": [VECTOR]}),
    ("update", {"ids": ["book-3"], "embeddings": [VECTOR]}),
    ("delete", {"ids": ["book-3"]}),
)


def probes() -> List[Probe]:
    """Return all of them."""
    return [
        Probe(f"Collection.{method}", run(method, arguments), asynchronous=asynchronous)
        for method, arguments in _ENTRIES
        for asynchronous, run in ((False, _sync), (True, _async))
    ]


def _sync(method: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    def run(url: str) -> None:
        reach(collection(url), method)(**arguments)

    return run


def _async(method: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        await reach(await async_collection(url), method)(**arguments)

    return run


SUITE = Suite("chromadb", "chromadb", answer=answer, probes=probes, environment={"ANONYMIZED_TELEMETRY": "False"})
