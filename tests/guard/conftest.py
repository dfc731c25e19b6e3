"""Shared by the tests of peekr-guard: the real OpenAI SDK against a script, and an HTTP server of packs."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List

import pytest

import peekr
from peekr.testing import scripted


@pytest.fixture(autouse=True)
def clean_process(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is left switched on, no file leaves the test's folder, no key of the machine comes in."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PEEKR_ENDPOINT", "PEEKR_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    peekr.uninstrument()
    peekr.clear_exporters()


class Chat(scripted.ScriptedAPI):
    """A chat API; an answer is the text that the model says, or a list of the pieces of a stream."""

    def __init__(self, openai: Any) -> None:
        base = sys.modules["openai._base_client"]
        super().__init__(getattr(base, "httpx2", None) or base.httpx, completion("Paris."))  # type: ignore[attr-defined]
        self._openai = openai

    def says(self, *answers: Any) -> None:
        """Answer so from now on."""
        self.answers = [stream(each) if isinstance(each, list) else completion(each) for each in answers]

    def ask(self, words: str = "What is the capital of France?", **options: Any) -> Any:
        """Call the model."""
        messages = [{"role": "user", "content": words}]
        client = self._openai.OpenAI(api_key="test", http_client=self.client())
        return client.chat.completions.create(model="gpt-4o", messages=messages, **options)

    async def ask_async(self, words: str = "What is the capital of France?", **options: Any) -> Any:
        """Call the model with the async client."""
        messages = [{"role": "user", "content": words}]
        client = self._openai.AsyncOpenAI(api_key="test", http_client=self.async_client())
        return await client.chat.completions.create(model="gpt-4o", messages=messages, **options)


def completion(words: str) -> Dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": words}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [choice],
        "usage": usage,
    }


def stream(pieces: List[str]) -> bytes:
    """A streamed chat completion."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    deltas = [({"content": piece}, None) for piece in pieces] + [({}, "stop")]
    events = [{**head, "choices": [{"index": 0, "delta": d, "finish_reason": f}]} for d, f in deltas]
    return scripted.sse(events) + b"data: [DONE]\n\n"


@pytest.fixture
def chat() -> Chat:
    """A scripted chat API with the real SDK."""
    return Chat(pytest.importorskip("openai"))


class PackServer:
    """Answers ``GET /v1/compliance`` and takes spans."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answer: Any = {"packs": []}
        self.status = 200
        self.seen: List[Any] = []


@pytest.fixture
def packs() -> Iterator[PackServer]:
    """A server with rule packs on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.seen.append((self.path, self.headers.get("Authorization")))
            self.reply(server.status, server.answer)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.reply(200, {})

        def reply(self, status: int, answer: Any) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = PackServer(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join()
