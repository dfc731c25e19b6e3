"""What ``peekr doctor`` drives of Qdrant: clients of a store in memory, and one entry against a server's answer."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, List, Tuple

from peekr.probes import Probe, Reply, Request, Suite, reach

VECTOR = [0.25] * 16
_TEXTS = ("Call me Ishmael.", "All happy families are alike.", "It was a pleasure to burn.")


def answer(request: Request) -> Reply:
    """Answer what is asked over REST: points by their ids."""
    if request.path.startswith("/collections/books/points"):
        found = [{"id": 1, "payload": {"text": _TEXTS[0]}}]
        return Reply.json({"result": found, "status": "ok", "time": 0.001})
    return Reply.json({"status": {"error": "Not found: Collection `missing` doesn't exist!"}, "time": 0.0}, 404)


def points() -> List[Any]:
    """Return three books."""
    from qdrant_client import models

    return [models.PointStruct(id=at, vector=VECTOR, payload={"text": text}) for at, text in enumerate(_TEXTS, 1)]


def _schema() -> Any:
    from qdrant_client import models

    return models.VectorParams(size=len(VECTOR), distance=models.Distance.COSINE)


def client() -> Any:
    """Return a client of a store in memory that holds three books."""
    import qdrant_client

    made = qdrant_client.QdrantClient(":memory:")
    made.create_collection("books", vectors_config=_schema())
    made._client.upsert("books", points=points())  # past what is traced
    return made


async def async_client() -> Any:
    """Return the same for asyncio."""
    import qdrant_client

    made = qdrant_client.AsyncQdrantClient(":memory:")
    await made.create_collection("books", vectors_config=_schema())
    await made._client.upsert("books", points=points())
    return made


def remote(url: str) -> Any:
    """Return a client of a server."""
    import qdrant_client

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like to know the server's version
        return qdrant_client.QdrantClient(url)


# -- probes -----------------------------------------------------------------------------------------------------------


def _entries() -> Tuple[Tuple[str, Dict[str, Any]], ...]:
    from qdrant_client import models

    requests = getattr(models, "QueryRequest", None)
    batch = [] if requests is None else [requests(query=VECTOR, limit=2)] * 2
    older = [models.SearchRequest(vector=VECTOR, limit=2)] * 2 if hasattr(models, "SearchRequest") else []
    return (
        ("search", {"query_vector": VECTOR, "limit": 2}),
        ("search_batch", {"requests": older}),
        ("query_points", {"query": VECTOR, "limit": 2}),
        ("query_batch_points", {"requests": batch}),
        ("query_points_groups", {"query": VECTOR, "group_by": "text", "limit": 2}),
        ("recommend", {"positive": [1], "limit": 2}),
        ("scroll", {"limit": 2}),
        ("retrieve", {"ids": [1, 2]}),
        ("count", {}),
        ("upsert", {"points": points()}),
        ("upload_points", {"points": points()}),
        ("set_payload", {"payload": {"read": True}, "points": [1]}),
        ("delete", {"points_selector": [1]}),
    )


def probes() -> List[Probe]:
    """Return all of them. ``upload_points`` is no coroutine, and its async twin takes no store in memory."""
    found = []
    for method, arguments in _entries():
        found.append(Probe(f"QdrantClient.{method}", _sync(method, arguments)))
        if method != "upload_points":
            found.append(Probe(f"AsyncQdrantClient.{method}", _async(method, arguments), asynchronous=True))
    return [*found, Probe("QdrantClient.retrieve", _rest, way="REST")]


def _sync(method: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    def run(url: str) -> None:
        reach(client(), method)("books", **arguments)

    return run


def _async(method: str, arguments: Dict[str, Any]) -> Callable[[str], Any]:
    async def run(url: str) -> None:
        await reach(await async_client(), method)("books", **arguments)

    return run


def _rest(url: str) -> None:
    made = remote(url)
    made.retrieve("books", ids=[1])
    made.close()


SUITE = Suite("qdrant-client", "qdrant_client", answer=answer, probes=probes)
