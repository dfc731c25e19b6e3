"""Shared by the tests of peekr-server: span records, stores, the application, and a server that really listens."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Dict, Iterator, List, Optional

import pytest

import peekr
from peekr.spans import Span

if TYPE_CHECKING:
    import httpx

NOW = 1_780_000_000.0
_FIELDS = ("tenant_id", "user_id", "session_id", "retention_class", "status", "payload", "duration_ms", "end_time")


def make_record(
    number: int, parent: Optional[int] = None, run: Optional[int] = None, trace: Optional[int] = None, **given: Any
) -> Dict[str, Any]:
    """A span record: a run where no ``run`` is given. What is no field of a record becomes an attribute."""
    start = NOW + given.pop("at", number)
    kind = given.pop("kind", "run" if run is None else "llm")
    run = number if run is None else run
    fields = {name: given.pop(name) for name in _FIELDS if name in given}
    return {
        "trace_id": f"{run if trace is None else trace:032x}",
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "name": given.pop("name", f"{kind}.{number}"),
        "start_time": start,
        "end_time": start + 0.5,
        "duration_ms": 500.0,
        "status": "ok",
        **fields,
        "attributes": {"kind": kind, "run_id": f"{run:016x}", **given},
    }


def write_records(path: Path, *records: Dict[str, Any]) -> Path:
    """Append records as another program would, with the exporter for the file's suffix."""
    kind = peekr.JSONLExporter if path.suffix == ".jsonl" else peekr.SQLiteExporter
    exporter = kind(path=path)
    exporter.export_batch([Span.from_dict(record) for record in records])
    exporter.shutdown()
    return path


class Client:
    """Asks an application without a socket."""

    def __init__(self, app: Any, base_url: str = "http://127.0.0.1:8000") -> None:
        self.app, self.base_url = app, base_url

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer; exceptions of the application become an answer too, as in a server."""
        import httpx

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
                return await client.request(method, path, **options)

        return asyncio.run(asked())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def json(self, path: str, status: int = 200, **options: Any) -> Any:
        """Return what ``GET path`` says, which must have this status."""
        answer = self.get(path, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("PEEKR_", "TRACE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("peekr.process.state.config", None)  # what earlier tests were instrumented with
    yield
    peekr.set_config(None)


@pytest.fixture
def record() -> Callable[..., Dict[str, Any]]:
    """Makes a record: see :func:`make_record`."""
    return make_record


@pytest.fixture
def write() -> Callable[..., Path]:
    """Appends records to a file: see :func:`write_records`."""
    return write_records


@pytest.fixture
def serve() -> Iterator[Callable[..., Client]]:
    """Makes the application of a store, and a client for it; settings are those of TraceConfig."""
    from peekr_server import create_app

    made: List[Any] = []

    def client(target: Any = None, max_body_bytes: int = 16 * 1024 * 1024, **settings: Any) -> Client:
        app = create_app(target, peekr.TraceConfig(**settings) if settings else None, max_body_bytes=max_body_bytes)
        made.append(app)
        return Client(app)

    yield client
    for app in made:
        app.state.peekr.source.close()


@pytest.fixture(params=["traces.db", "traces.jsonl"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file for each of the two stores, not there yet."""
    return tmp_path / str(request.param)


@pytest.fixture
def listen() -> Callable[..., ContextManager[str]]:
    """Serves an application on a port of this machine, as a context manager; gives its address."""
    return _listening


@contextmanager
def _listening(app: Any) -> Iterator[str]:
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
