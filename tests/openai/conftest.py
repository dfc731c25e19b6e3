"""An OpenAI SDK without a network: clients whose transport answers from a script, of whichever httpx the SDK uses."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any, Dict, Iterator, List

import pytest

from peekr.testing import Recording, record, scripted

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
    return scripted.sse(events) + (b"data: [DONE]\n\n" if done else b"")


class Script(scripted.ScriptedAPI):
    """The server."""

    def __init__(self) -> None:
        base = sys.modules["openai._base_client"]
        super().__init__(getattr(base, "httpx2", None) or base.httpx, completion())  # type: ignore[attr-defined]

    def client(self, **options: Any) -> Any:
        """A sync client of this server."""
        return openai.OpenAI(**{**KEYS, "http_client": super().client(), **options})

    def async_client(self, **options: Any) -> Any:
        """An async client of this server."""
        return openai.AsyncOpenAI(**{**KEYS, "http_client": super().async_client(), **options})


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


@pytest.fixture
def closes_dropped_streams() -> None:
    """Skip where the SDK itself leaves the response of a dropped stream open, as 1.x does."""
    if "finally" not in inspect.getsource(openai.Stream.__stream__):
        pytest.skip(f"openai {openai.__version__} leaves the response of a dropped stream open")
