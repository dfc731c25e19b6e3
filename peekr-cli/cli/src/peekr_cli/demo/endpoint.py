"""A server on this machine that speaks OpenAI's wire format: JSON, and server-sent events word by word."""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterable, Iterator

from peekr_cli.demo.answers import Answer, answer

_PER_CHUNK_S = 0.009


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: stderr belongs to the command."""

    def do_POST(self) -> None:
        """Answer a request of the API."""
        started = time.monotonic()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        found = answer(self.path, json.loads(body or b"{}"))
        time.sleep(found.delay_s)
        if found.events is None:
            self._send_json(found, started)
        else:
            self._send_events(found.events, started)

    def _headers(self, status: int, kind: str, started: float) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("openai-version", "2020-10-01")
        self.send_header("openai-processing-ms", str(round((time.monotonic() - started) * 1000)))
        self.send_header("x-request-id", "req_" + uuid.uuid4().hex)

    def _send_json(self, found: Answer, started: float) -> None:
        data = json.dumps(found.body).encode()
        self._headers(found.status, "application/json", started)
        if found.status == 429:
            self.send_header("retry-after-ms", "572")
            self.send_header("retry-after", "1")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_events(self, events: Iterable[Dict[str, Any]], started: float) -> None:
        self._headers(200, "text/event-stream; charset=utf-8", started)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            self._chunk(f"data: {json.dumps(event)}\n\n".encode())
            time.sleep(_PER_CHUNK_S)
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle of an answer is no news."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve on a free loopback port as long as the block runs; gives the base URL of the API."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="peekr-demo", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)
