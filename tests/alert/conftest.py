"""Traces and a web server for the tests of peekr-alert."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Callable, Dict, Iterator, List, Optional

import attrs
import pytest

from peekr.spans import Span

_numbers = count(1)


def make_span(
    tokens: Optional[int] = None, *, status: str = "ok", ms: float = 10.0, kind: str = "llm", **attributes: Any
) -> Span:
    """A span that has ended, alone in its trace."""
    number = next(_numbers)
    if tokens is not None:
        attributes["tokens_total"] = tokens
    return Span.from_dict(
        {
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "parent_id": None,
            "name": "call",
            "start_time": 1_790_000_000.0 + number,
            "end_time": 1_790_000_000.0 + number + ms / 1000,
            "duration_ms": ms,
            "status": status,
            "attributes": {"kind": kind, **attributes},
        }
    )


@pytest.fixture
def span() -> Callable[..., Span]:
    """Make a span: ``span(tokens, status=, ms=, kind=, **attributes)``."""
    return make_span


@attrs.define
class Server:
    """A web server on this machine that keeps what is posted to it.

    :ivar answer: the status it answers with.
    :ivar gate: cleared, it lets requests wait.
    """

    url: str = ""
    answer: int = 200
    location: Optional[str] = None
    gate: threading.Event = attrs.Factory(threading.Event)
    requests: List[Dict[str, Any]] = attrs.Factory(list)

    @property
    def bodies(self) -> List[Any]:
        """The decoded bodies so far."""
        return [json.loads(each["body"]) for each in self.requests]


@pytest.fixture
def server() -> Iterator[Server]:
    """A running :class:`Server`."""
    state = Server()
    state.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.gate.wait(20)
            state.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
            self.send_response(state.answer)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    state.url = f"http://127.0.0.1:{running.server_port}/hook/s3cret"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    state.gate.set()
    running.shutdown()
    running.server_close()
    thread.join(5)
