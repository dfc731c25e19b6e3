"""AWS without AWS: a loopback server that answers the SDK's requests from a script, and encodes event streams."""

from __future__ import annotations

import base64
import binascii
import functools
import gc
import json
import struct
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from peekr.testing import Recording, record

botocore_session = pytest.importorskip("botocore.session")

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "What is the capital of France?"}]}]
USAGE = {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}


def conversation(text: str = "Paris.", **changes: Any) -> Dict[str, Any]:
    """A response of Converse as the API sends it."""
    message = {"role": "assistant", "content": [{"text": text}]}
    whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE, "metrics": {"latencyMs": 1}}
    return {**whole, **changes}


def message(text: str = "Paris.", **changes: Any) -> Dict[str, Any]:
    """The body of a Claude model's InvokeModel response."""
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-3-haiku-20240307"}
    usage = {"input_tokens": 11, "output_tokens": 7}
    return {**whole, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage, **changes}


def frame(headers: Dict[str, str], payload: bytes) -> bytes:
    """One message of an AWS event stream."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    start = prelude + struct.pack("!I", binascii.crc32(prelude)) + head + payload
    return start + struct.pack("!I", binascii.crc32(start))


def event(name: str, data: Any) -> bytes:
    """An event."""
    payload = data if isinstance(data, bytes) else json.dumps(data).encode()
    return frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(name: str, message: str) -> bytes:
    """An error in the middle of a stream."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def chunk(data: Any) -> bytes:
    """A chunk of InvokeModelWithResponseStream."""
    return event("chunk", {"bytes": base64.b64encode(json.dumps(data).encode()).decode()})


def converse_events(words: Any = ("Par", "is", "."), usage: bool = True) -> List[bytes]:
    """The events of one streamed answer."""
    events = [event("messageStart", {"role": "assistant", "p": "ab"})]
    events += [
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}, "p": "a"}) for word in words
    ]
    events += [event("contentBlockStop", {"contentBlockIndex": 0}), event("messageStop", {"stopReason": "end_turn"})]
    return events + ([event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}, "p": "a"})] if usage else [])


class Answer:
    """What the server sends: a dict as JSON, bytes as they are, a list as the pieces of an event stream.

    :param cut: hang up after the pieces, without the end of the body.
    :param wait: an event to wait for before the last piece.
    """

    def __init__(
        self, body: Any, status: int = 200, headers: Any = (), cut: bool = False, wait: Optional[threading.Event] = None
    ) -> None:
        self.body, self.status, self.cut, self.wait = body, status, cut, wait
        self.headers: Dict[str, str] = dict(headers)


def failure(code: str, message: str, status: int) -> Answer:
    """An error as the service answers it."""
    return Answer({"message": message}, status, {"x-amzn-ErrorType": code})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    script: Script

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.script.requests.append((self.command, self.path, body))
        answers = self.script.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer = answer if isinstance(answer, Answer) else Answer(answer)
        try:
            self._send(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = _serve  # noqa: N815

    def _send(self, answer: Answer) -> None:
        streamed = isinstance(answer.body, list)
        body = json.dumps(answer.body).encode() if isinstance(answer.body, dict) else answer.body
        kind = "application/vnd.amazon.eventstream" if streamed else "application/json"
        self.send_response(answer.status)
        for name, value in {"content-type": kind, "x-amzn-RequestId": "req-1", **answer.headers}.items():
            self.send_header(name, value)
        if streamed:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(body) + (1000 if answer.cut else 0)))
        self.end_headers()
        for number, piece in enumerate(body if streamed else [body]):
            if answer.wait is not None and number == (len(body) - 1 if streamed else 0):
                self.wfile.flush()
                answer.wait.wait(20)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if streamed else piece)
        if answer.cut:
            self.close_connection = True
        elif streamed:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        pass


@functools.lru_cache(maxsize=1)
def _session() -> Any:
    """Reads the descriptions of the services once."""
    return botocore_session.Session()


class Script:
    """The service: answers each request with the next of its answers, the last one again and again."""

    conversation = staticmethod(conversation)
    message = staticmethod(message)
    event, exception, chunk = staticmethod(event), staticmethod(exception), staticmethod(chunk)
    converse_events = staticmethod(converse_events)
    failure, Answer = staticmethod(failure), Answer
    model, messages, usage = MODEL, MESSAGES, USAGE

    def __init__(self) -> None:
        self.answers: List[Any] = [conversation()]
        self.requests: List[Tuple[str, str, bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": self}))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self._clients: List[Any] = []

    def client(self, service: str = "bedrock-runtime", attempts: int = 1, **options: Any) -> Any:
        """A client of this server."""
        client = _session().create_client(service, **self.settings(attempts, **options))
        self._clients.append(client)
        return client

    def settings(self, attempts: int = 1, **options: Any) -> Dict[str, Any]:
        """What it takes to make a client of this server, of botocore or aiobotocore."""
        from botocore.config import Config

        retries = {"total_max_attempts": attempts, "mode": "standard"}
        options = {"read_timeout": 10, **options}
        return {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(retries=retries, **options),
        }

    def converse(self, **more: Any) -> Any:
        """One call of Converse."""
        return self.client().converse(modelId=MODEL, messages=MESSAGES, **more)

    def stream(self, answer: Any = None, **more: Any) -> Any:
        """One call of ConverseStream."""
        self.answers = [converse_events() if answer is None else answer]
        return self.client().converse_stream(modelId=MODEL, messages=MESSAGES, **more)

    def invoke(self, answer: Any = None, body: Any = None, model: str = MODEL, **more: Any) -> Any:
        """One call of InvokeModel."""
        self.answers = [message() if answer is None else answer]
        given = json.dumps({"messages": [{"role": "user", "content": "Capital of France?"}], "max_tokens": 5})
        return self.client().invoke_model(modelId=model, body=given if body is None else body, **more)

    def close(self) -> None:
        """Stop serving."""
        for client in self._clients:
            client.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        with warnings.catch_warnings():  # a stream that breaks off leaves its socket to the collector, traced or not
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture
def api() -> Iterator[Script]:
    """A scripted service."""
    script = Script()
    yield script
    script.close()


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only the Bedrock provider."""
    with record(plugins=["bedrock"]) as recording:
        yield recording
