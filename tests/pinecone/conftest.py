"""Indexes whose data plane is on the loopback interface."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List

import attrs
import pytest

import peekr
from peekr.probes import Absent, Reply, Request
from peekr.probes.server import serving
from peekr.testing import Recording, record


@attrs.define
class Server:
    """The API of an index.

    :ivar url: of it.
    :ivar requests: what came in.
    :ivar before: called with each request first; may return a reply of its own.
    """

    url: str = ""
    requests: List[Request] = attrs.field(factory=list)
    before: Callable[[Request], Any] = lambda request: None

    def answer(self, request: Request) -> Reply:
        from peekr_pinecone import doctor

        self.requests.append(request)
        return self.before(request) or doctor.answer(request)

    def index(self) -> Any:
        from peekr_pinecone import doctor

        return doctor.index(self.url)

    def async_index(self) -> Any:
        """An index for asyncio; the test is skipped where this version has none."""
        from peekr_pinecone import doctor

        try:
            return doctor.async_index(self.url)
        except Absent:
            pytest.skip("this pinecone has no client for asyncio, or aiohttp is not installed")


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK, where it is installed."""
    monkeypatch.setenv("PINECONE_API_KEY", "none")
    return pytest.importorskip("pinecone", reason="pinecone is not installed")


@pytest.fixture
def server(sdk: Any) -> Iterator[Server]:
    """An index of two books."""
    server = Server()
    with serving(server.answer) as server.url:
        yield server


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only Pinecone's plugin. Nothing stays current, nothing failed."""
    with record(plugins=["pinecone"]) as recording:
        yield recording
        assert peekr.get_current_span() is None
        assert not peekr.stats()["captures"]["failed"]


@pytest.fixture(autouse=True)
def _fresh_failures() -> Iterator[None]:
    from peekr import patching

    patching.failures.clear()
    yield
    patching.failures.clear()
