"""A server on the loopback that answers by script, and spans to send to it."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import pytest

import peekr
from peekr.spans import Span
from peekr.testing.conformance import sample_span

Request = Tuple[str, Mapping[str, str], bytes]


class Reply:
    """One answer: a status with headers and body; ``reset`` and ``silent`` connections give none."""

    def __init__(self, status: int = 200, headers: Optional[Mapping[str, str]] = None, body: bytes = b"{}") -> None:
        self.status, self.headers, self.body = status, dict(headers or {}), body
        self.reset = self.silent = False

    @classmethod
    def without_answer(cls, kind: str) -> Reply:
        reply = cls()
        setattr(reply, kind, True)
        return reply


RESET = Reply.without_answer("reset")
SILENT = Reply.without_answer("silent")


class Server:
    """Answers each POST with the next reply of the script, then with 200; keeps what it was sent.

    :ivar requests: path, headers and body (decompressed) of each.
    :ivar connections: how many were opened.
    """

    def __init__(self) -> None:
        self.script: List[Any] = []
        self.always: Optional[Callable[[bytes], Reply]] = None
        self.requests: List[Request] = []
        self.connections = 0
        self.accepted: List[List[Dict[str, Any]]] = []
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def spans(self) -> List[Dict[str, Any]]:
        """Records of the accepted requests, in order."""
        return [span for batch in self.accepted for span in batch]

    @property
    def ids(self) -> List[str]:
        return [span["span_id"] for span in self.spans]

    def wait(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.requests

    def close(self) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()

    def _handler(server) -> Any:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with server._changed:
                    server.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                self._answer(server._next(body, self.path, self.headers))

            def _answer(self, reply: Reply) -> None:
                self.close_connection = reply.reset or reply.silent
                if reply.silent:
                    server._over.wait(30)
                elif reply.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                else:
                    self.send_response(reply.status)
                    for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body)

            def finish(self) -> None:
                try:
                    super().finish()
                except (OSError, ValueError):
                    pass

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _next(self, body: bytes, path: str, headers: Any) -> Reply:
        with self._changed:
            self.requests.append((path, dict(headers.items()), body))
            reply = self.script.pop(0) if self.script else self.always(body) if self.always else Reply()
            reply = Reply(reply) if isinstance(reply, int) else reply
            if 200 <= reply.status < 300 and not reply.silent and not reply.reset:
                self.accepted.append(json.loads(body)["spans"])
            self._changed.notify_all()
        return reply


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def dead_url() -> Iterator[str]:
    """An address that refuses connections."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def make(server: Server) -> Iterator[Callable[..., Any]]:
    """Make exporters, which are shut down in the end: ``make(**options)``."""
    made: List[Any] = []

    def make(endpoint: Optional[str] = None, api_key: str = "pk_live_x", **options: Any) -> Any:
        exporter = peekr.HTTPExporter(endpoint or server.url, api_key, **options)
        made.append(exporter)
        return exporter

    yield make
    server._over.set()
    for exporter in made:
        exporter.hurry(0.0)
        exporter.shutdown()


@pytest.fixture
def span() -> Callable[..., Span]:
    return sample_span


@pytest.fixture
def spans() -> Callable[[int], List[Span]]:
    return lambda count: [sample_span(number) for number in range(1, count + 1)]


@pytest.fixture
def counted() -> Callable[[], Dict[str, int]]:
    """Return what peekr.stats() counted of spans since the test began."""
    before = peekr.stats()["spans"]
    return lambda: {name: value - before[name] for name, value in peekr.stats()["spans"].items()}


@pytest.fixture(autouse=True)
def _untraced() -> Iterator[None]:
    yield
    peekr.shutdown()
    peekr.uninstrument()
