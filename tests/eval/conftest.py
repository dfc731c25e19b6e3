"""Shared by the tests of peekr-eval: spans to judge, judges that answer from a script, and servers for real SDKs."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

import pytest

from peekr.spans import Span

pytest.importorskip("peekr_eval", reason="peekr-eval is not installed")

START = 1_750_000_000.0
KEYS = (
    "OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL",
    "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
)  # fmt: skip

Reply = Union[str, Tuple[int, Dict[str, Any]], Dict[str, Any]]


def make_span(output: Any = "Paris.", given: Any = "What is the capital of France?", **attributes: Any) -> Span:
    """An LLM span; ``given`` is what the user said, or the whole input."""
    status = attributes.pop("status", "ok")
    span_id = attributes.pop("span_id", "1234567890abcdef")
    at = attributes.pop("at", 0.0)
    payload = attributes.pop("payload", None)
    content = (
        json.dumps([{"role": "user", "content": given}])
        if isinstance(given, str) and given[:1] not in ("", "[")
        else given
    )
    record: Dict[str, Any] = {
        "trace_id": attributes.pop("trace_id", "ab" * 16),
        "span_id": span_id,
        "parent_id": None,
        "name": attributes.pop("name", "openai.chat.completions"),
        "start_time": START + at,
        "end_time": START + at + 1,
        "duration_ms": 1000.0,
        "status": status,
        "attributes": {"kind": "llm", "model": "gpt-4o", "input": content, "output": output, **attributes},
    }
    if payload is not None:
        record["payload"] = payload
    return Span.from_dict({**record, "tenant_id": record["attributes"].pop("tenant_id", None)})


@pytest.fixture
def span() -> Callable[..., Span]:
    """Makes an LLM span: see :func:`make_span`."""
    return make_span


class Script:
    """A judge that gives its answers one after the other, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.prompts: List[str] = []

    def __call__(self, prompt: str) -> Any:
        self.prompts.append(prompt)
        answer = self.answers[min(len(self.prompts), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def script() -> Any:
    """The class :class:`Script`."""
    return Script


class Server:
    """Speaks enough of the four APIs for their real SDKs; ``reply(body)`` gives a text, a body, or status and body."""

    def __init__(self) -> None:
        self.seen: List[Tuple[str, Dict[str, str], Dict[str, Any]]] = []
        self.reply: Callable[[Dict[str, Any]], Reply] = lambda body: "0.9"
        self.hold = threading.Event()
        self.hold.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                server.hold.wait(20)
                status, answer = server.answer(self.path, body)
                data = json.dumps(answer).encode()
                kind = "application/json"
                if body.get("stream") and "choices" in answer:
                    kind, data = "text/event-stream", streamed(answer)
                elif "streamGenerateContent" in self.path:
                    kind, data = "text/event-stream", b"data: " + data + b"\r\n\r\n"
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def answer(self, path: str, body: Dict[str, Any]) -> Tuple[int, Dict[str, Any]]:
        said = self.reply(body)
        if isinstance(said, tuple):
            return said
        if isinstance(said, dict):
            return 200, said
        return 200, wire_answer(path, body, said)

    def close(self) -> None:
        self.hold.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


def streamed(answer: Dict[str, Any]) -> bytes:
    """A chat completion as the events of a stream, one for each word."""
    words = answer["choices"][0]["message"]["content"].split(" ")
    common = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events: List[Dict[str, Any]] = [
        {**common, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    ]
    for number, word in enumerate(words):
        delta = {"content": word if number == 0 else " " + word}
        events.append({**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    events.append({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def wire_answer(path: str, body: Dict[str, Any], text: str) -> Dict[str, Any]:
    """A whole answer in the form of the API at this path."""
    if path.endswith("/chat/completions"):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 100, "completion_tokens": 3, "total_tokens": 103}
        return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    if path.endswith("/messages"):
        usage = {"input_tokens": 100, "output_tokens": 3}
        block = {"type": "text", "text": text}
        whole = {"id": "m", "type": "message", "role": "assistant", "model": body["model"], "content": [block]}
        return {**whole, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    if "converse" in path:
        usage = {"inputTokens": 100, "outputTokens": 3, "totalTokens": 103}
        message = {"role": "assistant", "content": [{"text": text}]}
        return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 3, "totalTokenCount": 103}
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and no addresses of this machine."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def server(bare: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A scripted server that the environment names as all four APIs."""
    from peekr_eval.judges.base import clients

    server = Server()
    for name, value in (
        ("OPENAI_API_KEY", "sk-openai-secret"),
        ("OPENAI_BASE_URL", server.url + "/v1"),
        ("ANTHROPIC_API_KEY", "sk-ant-secret"),
        ("ANTHROPIC_BASE_URL", server.url),
        ("GEMINI_API_KEY", "gemini-secret"),
        ("GOOGLE_GEMINI_BASE_URL", server.url),
        ("AWS_ACCESS_KEY_ID", "AKIASECRET"),
        ("AWS_SECRET_ACCESS_KEY", "aws-secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url),
    ):
        monkeypatch.setenv(name, value)
    yield server
    clients.close()
    server.close()


@pytest.fixture
def labelled() -> List[Dict[str, Any]]:
    """The human-annotated answers beside the project."""
    here: Optional[Path] = Path(__file__).resolve().parents[2] / ".." / "shared" / "labelled" / "hallucination.jsonl"
    assert here is not None
    if not here.exists():
        pytest.skip("shared/labelled/hallucination.jsonl is not beside the project")
    with open(here, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
