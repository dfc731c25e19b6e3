"""A Gemini API on this machine: a server that answers from a script, and real clients of the SDK for it."""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence
from urllib.parse import unquote

import pytest

from peekr.testing import Recording, record

#: Test modules that do without google-genai.
ALONE = ("test_legacy", "test_extraction")

with warnings.catch_warnings():  # google-auth warns that Python 3.9 is old
    warnings.simplefilter("ignore")
    try:
        from google import genai
    except ImportError:
        collect_ignore = [path.name for path in Path(__file__).parent.glob("test_*.py") if path.stem not in ALONE]

USAGE = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}
MODEL = "gemini-2.5-flash"
QUESTION = "What is the capital of France?"


def answer(*parts: Any, finish: Any = "STOP", usage: Any = USAGE, **changes: Any) -> Dict[str, Any]:
    """A response as the API sends it; parts are texts or dicts."""
    content = {"role": "model", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}
    candidate: Dict[str, Any] = {"content": content, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    whole = {"candidates": [candidate], "modelVersion": f"{MODEL}-001", "responseId": "r1"}
    if usage is not None:
        whole["usageMetadata"] = usage
    return {**whole, **changes}


def chunks(*words: str, usage: Any = USAGE) -> List[Dict[str, Any]]:
    """The chunks of one answer: the counts grow with them."""
    early = {"promptTokenCount": 11, "totalTokenCount": 11}
    begun = [answer(word, finish=None, usage=early) for word in words[:-1]]
    return [*begun, answer(words[-1], usage=usage)]


def call_of(name: str, **args: Any) -> Dict[str, Any]:
    """A part that asks for a function."""
    return {"functionCall": {"name": name, "args": args}}


def error(code: int, status: str, message: str = "no") -> Any:
    """An error as the API sends it."""
    return code, {"error": {"code": code, "message": message, "status": status}}


async def close_async(client: Any) -> None:
    """Close what a client has opened for async calls; older versions have no method for it."""
    if hasattr(client.aio, "aclose"):
        await client.aio.aclose()
    else:
        await client._api_client._async_httpx_client.aclose()


def pytest_collection_modifyitems(items: List[Any]) -> None:
    """With aiohttp installed, the SDK uses it in a way that aiohttp warns about."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"))


class Cut:
    """A stream of events after which the connection breaks off."""

    def __init__(self, events: Sequence[Any], then: bytes = b"") -> None:
        self.events = events
        self.then = then


class Script:
    """Answers each request with the next of its answers, the last one again and again.

    An answer is a dict (JSON), a list (a stream of events), bytes, a :class:`Cut`, a pair of a status and one of
    these, or a function of the request's body that gives one.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset()

    def reset(self) -> None:
        """Forget what was."""
        self.answers: List[Any] = [answer("Paris.")]
        self.requests: List[Dict[str, Any]] = []
        self.released = threading.Event()
        self._clients: List[Any] = []

    def run(self, main: Any) -> Any:
        """Run a coroutine in an event loop of its own, and close the async clients with it."""

        async def go() -> Any:
            try:
                return await main
            finally:
                for client in self._clients:
                    await close_async(client)

        return asyncio.run(go())

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client._api_client._httpx_client.close()
        self.released.set()

    def next(self, path: str, body: Any) -> Any:
        """Return status and content for a request."""
        self.requests.append({"path": path, "body": body})
        content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(content):
            content = content(body)
        return content if isinstance(content, tuple) else (200, content)

    def client(self, **options: Any) -> Any:
        """A client of this server, for sync and (``.aio``) async calls."""
        http = {"base_url": self.url, "api_version": "v1beta", "timeout": 10_000, **options.pop("http_options", {})}
        client = genai.Client(api_key="test", http_options=http, **options)
        self._clients.append(client)  # the SDK closes a client that nobody holds, its ``models`` notwithstanding
        return client


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: Script

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, content = script.next(unquote(self.path.partition("?")[0]), json.loads(body) if body else None)
        if isinstance(content, dict):
            content = json.dumps(content).encode()
        if isinstance(content, bytes):
            self._head(status, "application/json", len(content))
            self.wfile.write(content)
            return
        events = content.events if isinstance(content, Cut) else content
        self._head(status, "text/event-stream", None)
        for event in events:
            if callable(event):
                event()
            else:
                self._piece(event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\r\n\r\n")
        if isinstance(content, Cut):
            if content.then:
                self._piece(content.then)
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _piece(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _head(self, status: int, kind: str, length: Any) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        name, value = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
        self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def _server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = Script(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.fixture
def api(_server: _Server) -> Iterator[Script]:
    """A scripted API."""
    _server.script.reset()
    yield _server.script
    _server.script.close()


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only the Gemini provider."""
    with record(plugins=["gemini"]) as recording:
        yield recording


@pytest.fixture
def make() -> Any:
    """Builders of API answers."""

    class Make:
        model = MODEL
        question = QUESTION
        usage = USAGE
        answer = staticmethod(answer)
        chunks = staticmethod(chunks)
        call_of = staticmethod(call_of)
        error = staticmethod(error)
        Cut = Cut

    return Make
