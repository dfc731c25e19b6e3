"""The server that stands for an API: on the loopback interface, for as long as the block runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator
from urllib.parse import unquote

from peekr.probes import Reply, Request


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Callable[[Request], Reply]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            reply = self.server.answer(Request(self.command, unquote(self.path), headers, body))
        except Exception as error:  # the script does not know this request: the SDK shall say so, not wait
            reply = Reply.json({"message": f"{type(error).__name__}: {error}"}, 400)
        self._send(reply)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
            if not size:
                return b"".join(pieces)

    def _send(self, reply: Reply) -> None:
        whole = reply.body if isinstance(reply.body, bytes) else None
        self.send_response(reply.status)
        for name, value in {"content-type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        if whole is None:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(whole)))
        self.end_headers()
        if whole is not None:
            self.wfile.write(whole)
            return
        for piece in (*reply.body, b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def log_message(self, *_: Any) -> None:
        """Say nothing: stderr belongs to the command."""


@contextmanager
def serving(answer: Callable[[Request], Reply]) -> Iterator[str]:
    """Serve on a free port; gives the base URL, without a slash at its end.

    :raises OSError: if this machine lets nobody listen on 127.0.0.1.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answer = answer
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="peekr-doctor", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)
