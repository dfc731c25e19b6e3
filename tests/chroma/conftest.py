"""Collections in memory, and of a server on the loopback interface."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator, List

import pytest

import peekr
from peekr.context import untraced
from peekr.probes.server import serving
from peekr.testing import Recording, record

_names = (f"books-{number}" for number in itertools.count())


@pytest.fixture
def chromadb(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK, where it is installed."""
    monkeypatch.setenv("ANONYMIZED_TELEMETRY", "False")
    return pytest.importorskip("chromadb", reason="chromadb is not installed")


@pytest.fixture
def books(chromadb: Any) -> Callable[..., Any]:
    """Makes a collection in memory of three books, whose texts are embedded by their length."""

    def make(embed: Callable[[List[str]], Any] = lambda texts: [[float(len(each)), 1.0] for each in texts]) -> Any:
        class ByLength(chromadb.EmbeddingFunction):  # type: ignore[misc]
            def __init__(self) -> None:
                pass

            @staticmethod
            def name() -> str:
                return "by-length"

            def get_config(self) -> Any:
                return {}

            @staticmethod
            def build_from_config(config: Any) -> Any:
                return ByLength()

            def __call__(self, input: Any) -> Any:
                return embed(list(input))

        client = chromadb.EphemeralClient(chromadb.config.Settings(anonymized_telemetry=False))
        collection = client.create_collection(next(_names), embedding_function=ByLength())
        with untraced():
            collection.add(
                ids=["short", "middle", "long"],
                embeddings=[[4.0, 1.0], [9.0, 1.0], [16.0, 1.0]],
                documents=["Emma", "Moby Dick", "Pride, Prejudice"],
                metadatas=[{"year": 1815}, {"year": 1851}, {"year": 1813}],
            )
        return collection

    return make


@pytest.fixture
def server(chromadb: Any) -> Iterator[str]:
    """A server of Chroma that knows two books."""
    from peekr_chroma import doctor

    with serving(doctor.answer) as url:
        yield url


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only Chroma's plugin. Nothing stays current, nothing failed."""
    with record(plugins=["chroma"]) as recording:
        yield recording
        assert peekr.get_current_span() is None
        assert not peekr.stats()["captures"]["failed"]


@pytest.fixture(autouse=True)
def _fresh_failures() -> Iterator[None]:
    from peekr import patching

    patching.failures.clear()
    yield
    patching.failures.clear()
