"""A receiver on the loopback that decodes what it gets with ``opentelemetry-proto``, and answers by script."""

from __future__ import annotations

import gzip
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import peekr

#: Status, headers and body of an answer; a function of the request body gives one too.
Answer = Tuple[int, Mapping[str, str], bytes]
TAKEN: Answer = (200, {}, b"")


def value_of(value: Any) -> Any:
    """An AnyValue as plain data."""
    which = value.WhichOneof("value")
    if which == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return getattr(value, which)


def plain(pairs: Any) -> Dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in pairs}


class Received:
    """One span as it arrived, with its resource and scope."""

    def __init__(self, message: Any, resource: Any, scoped: Any) -> None:
        self.message = message
        self.resource = plain(resource.attributes)
        self.scope = scoped.scope.name
        self.schema_url = scoped.schema_url
        self.name = message.name
        self.kind = message.kind
        self.status = message.status
        self.trace_id, self.span_id = message.trace_id.hex(), message.span_id.hex()
        self.parent_id = message.parent_span_id.hex() or None
        self.attributes = plain(message.attributes)
        self.events = [(event.name, plain(event.attributes)) for event in message.events]


class Receiver:
    """Keeps every request it takes.

    :ivar script: answers to the next requests; then all are taken.
    :ivar requests: path, headers and decoded message of each, refused ones too.
    """

    def __init__(self) -> None:
        self.script: List[Any] = []
        self.requests: List[Tuple[str, Dict[str, str], Any]] = []
        self.taken: List[Any] = []
        self.asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> List[Received]:
        """The spans of the requests that were taken, in order of arrival."""
        return [
            Received(span, group.resource, scoped)
            for request in self.taken
            for group in request.resource_spans
            for scoped in group.scope_spans
            for span in scoped.spans
        ]

    def named(self, name: str) -> Received:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    @property
    def only(self) -> Received:
        (found,) = self.spans
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _handler(self) -> Any:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = ExportTraceServiceRequest.FromString(body)
                receiver.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, request))
                receiver.asked.set()
                answer = receiver.script.pop(0) if receiver.script else TAKEN
                status, headers, content = answer(request) if callable(answer) else answer
                if 200 <= status < 300:
                    receiver.taken.append(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of OpenTelemetry but those of the test."""
    for name in [name for name in os.environ if name.startswith("OTEL_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def traced(receiver: Receiver) -> Iterator[Any]:
    """A function that switches tracing to the receiver on, with options of the exporter."""

    def start(**options: Any) -> None:
        peekr.instrument(
            console=False,
            storage="otlp",
            plugins=[],
            storage_options={"otlp": {"endpoint": receiver.url, **options}},
        )

    yield start
    peekr.uninstrument()
    peekr.shutdown()


@pytest.fixture(autouse=True)
def tracing_off() -> Iterator[None]:
    yield
    peekr.uninstrument()
    peekr.clear_exporters()
    peekr.shutdown()
