"""Stores in memory that hold three books, and a server on the loopback interface."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

import peekr
from peekr.probes.server import serving
from peekr.testing import Recording, record


@pytest.fixture
def sdk() -> Any:
    """The SDK, where it is installed."""
    return pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")


@pytest.fixture
def client(sdk: Any) -> Iterator[Any]:
    """A client of a store in memory."""
    from peekr_qdrant import doctor

    client = doctor.client()
    yield client
    client.close()


@pytest.fixture
def server(sdk: Any) -> Iterator[str]:
    """A server that knows the collection ``books``."""
    from peekr_qdrant import doctor

    with serving(doctor.answer) as url:
        yield url


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only Qdrant's plugin. Nothing stays current, nothing failed."""
    with record(plugins=["qdrant"]) as recording:
        yield recording
        assert peekr.get_current_span() is None
        assert not peekr.stats()["captures"]["failed"]


@pytest.fixture(autouse=True)
def _fresh_failures() -> Iterator[None]:
    from peekr import patching

    patching.failures.clear()
    yield
    patching.failures.clear()
