"""An OpenAI SDK without a network: clients whose transport answers from a script, of whichever httpx the SDK uses."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, Iterator, List

import pytest

from peekr.testing import Recording, record

openai = pytest.importorskip("openai")

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
KEYS = {"api_key": "test", "base_url": "https://api.openai.com/v1"}


def completion(content: Any = "Paris.", **changes: Any) -> Dict[str, Any]:
    """A chat completion as the API sends it."""
    message = {"role": "assistant", "content": content, "refusal": None, **changes.pop("message", {})}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": changes.pop("finish_reason", "stop")}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06"}
    return {**whole, "choices": [choice], "usage": USAGE, "service_tier": "default", **changes}


def chunk(delta: Any = None, finish: Any = None, **changes: Any) -> Dict[str, Any]:
    """One chunk of a streamed chat completion."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
    return {**whole, "choices": choices, **changes}


def stream_chunks(words: Any = ("Par", "is", "."), usage: bool = True) -> List[Dict[str, Any]]:
    """The chunks of one answer; with ``usage`` as a server sends them that was asked to include it."""
    chunks = [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in words),
        chunk({}, "stop"),
    ]
    if usage:
        chunks = [{**one, "usage": None} for one in chunks] + [chunk(usage=USAGE)]
    return chunks


def sse(events: List[Any], done: bool = True) -> bytes:
    """The events as the body of a stream."""
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return body + (b"data: [DONE]\n\n" if done else b"")


class Script:
    """The server: answers each request with the next of its answers, the last one again and again.

    An answer is a dict (JSON), bytes (a stream of events), a pair of a status and either, an exception to raise,
    or a function of the request that gives one of these.
    """

    def __init__(self) -> None:
        base = sys.modules["openai._base_client"]
        self.httpx: Any = getattr(base, "httpx2", None) or base.httpx
        self.answers: List[Any] = [completion()]
        self.requests: List[Dict[str, Any]] = []

    def handle(self, request: Any) -> Any:
        """Answer one request."""
        body = request.content
        self.requests.append(json.loads(body) if body[:1] == b"{" else {"path": str(request.url.path)})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer) and not isinstance(answer, type):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(content, self.httpx.Response):
            return content
        if isinstance(content, dict):
            kind, content = "application/json", json.dumps(content, indent=2).encode()
        else:
            kind = "text/event-stream" if isinstance(content, bytes) else "text/plain"
        if isinstance(content, (bytes, str)):
            content = self.body([content if isinstance(content, bytes) else content.encode()])
        headers = {"content-type": kind, "retry-after-ms": "1"}
        return self.httpx.Response(status, headers=headers, stream=content)

    def client(self, **options: Any) -> Any:
        """A sync client of this server."""
        transport = self.httpx.MockTransport(self.handle)
        return openai.OpenAI(**{**KEYS, "http_client": self.httpx.Client(transport=transport), **options})

    def async_client(self, **options: Any) -> Any:
        """An async client of this server."""

        async def handle(request: Any) -> Any:
            return self.handle(request)

        transport = self.httpx.MockTransport(handle)
        return openai.AsyncOpenAI(**{**KEYS, "http_client": self.httpx.AsyncClient(transport=transport), **options})

    def body(self, parts: List[bytes], error: Any = None) -> Any:
        """A body that is still to be read, and breaks off with the error if there is one."""
        httpx = self.httpx

        class Body(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc, name-defined]
            def __iter__(self) -> Iterator[bytes]:
                yield from parts
                if error is not None:
                    raise error

            async def __aiter__(self) -> Any:
                for part in self:
                    yield part

        return Body()


def wants_usage(request: Any) -> bool:
    """Whether the usage of a stream is asked for."""
    options = json.loads(request.content).get("stream_options") or {}
    return bool(options.get("include_usage"))


@pytest.fixture
def api() -> Script:
    """A scripted API."""
    return Script()


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only the OpenAI provider."""
    with record(plugins=["openai"]) as recording:
        yield recording


@pytest.fixture
def make() -> Any:
    """Builders of API answers."""

    class Make:
        completion = staticmethod(completion)
        chunk = staticmethod(chunk)
        stream_chunks = staticmethod(stream_chunks)
        sse = staticmethod(sse)
        wants_usage = staticmethod(wants_usage)
        messages = MESSAGES
        usage = USAGE

    return Make
