"""Every provider's real SDK against a server on this machine that counts requests: sync, async and streams."""

from __future__ import annotations

import asyncio
import binascii
import functools
import json
import struct
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any, Callable, Dict, Iterator, List

import pytest

import peekr
from peekr.testing import record

GuardrailError = peekr.guard.GuardrailError
CLEAN, PROMPT = "The capital is Paris, as it has been for long. ", "Tell me a secret, ALPHA."


class Server:
    """Answers what a model says with ``says``, in the format of the path; counts requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = 0
        self.says: List[str] = [CLEAN]

    def answer(self, path: str) -> bytes:
        self.requests += 1
        whole = "".join(self.says)
        if path.endswith("/converse"):
            message = {"role": "assistant", "content": [{"text": whole}]}
            usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
            return json.dumps({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}).encode()
        if path.endswith("/invoke"):
            return json.dumps({"type": "message", "content": [{"type": "text", "text": whole}]}).encode()
        if path.endswith("/converse-stream"):
            deltas = [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in self.says]
            return b"".join(frame(*event) for event in [*deltas, ("messageStop", {"stopReason": "end_turn"})])
        if ":streamGenerateContent" in path:
            return b"".join(f"data: {json.dumps(self._gemini(piece))}\r\n\r\n".encode() for piece in self.says)
        if ":generateContent" in path:
            return json.dumps(self._gemini(whole)).encode()
        head = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn"}
        usage = {"input_tokens": 1, "output_tokens": 1}
        return json.dumps({**head, "content": [{"type": "text", "text": whole}], "usage": usage}).encode()

    def events(self) -> bytes:
        """The answer as a stream of Anthropic's."""
        self.requests += 1
        usage = {"input_tokens": 1, "output_tokens": 1}
        head = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in self.says
        ]
        end = [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
        events = [{"type": "message_start", "message": head}, block, *deltas, *end]
        return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)

    @staticmethod
    def _gemini(words: str) -> Dict[str, Any]:
        content = {"role": "model", "parts": [{"text": words}]}
        return {"candidates": [{"content": content, "index": 0, "finishReason": "STOP"}]}


def frame(name: str, data: Any) -> bytes:
    """One message of an AWS event stream."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        struct.pack("!B", len(key)) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for key, value in headers.items()
    )
    payload = json.dumps(data).encode()
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    start = prelude + struct.pack("!I", binascii.crc32(prelude)) + head + payload
    return start + struct.pack("!I", binascii.crc32(start))


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            streams = b'"stream":true' in body.replace(b" ", b"")
            answer = api.events() if streams else api.answer(self.path)
            kind = "text/event-stream" if streams or "alt=sse" in self.path else "application/json"
            kind = "application/vnd.amazon.eventstream" if self.path.endswith("/converse-stream") else kind
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    api = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield api
    http.shutdown()
    http.server_close()
    thread.join()


# -- one call of each kind; returns the text that the caller got --------------------------------------------------


def anthropic_call(server: Server, prompt: str) -> str:
    anthropic = pytest.importorskip("anthropic")
    with anthropic.Anthropic(api_key="k", base_url=server.url) as client:
        message = client.messages.create(model="claude", max_tokens=9, messages=[{"role": "user", "content": prompt}])
    return str(message.content[0].text)


def anthropic_async(server: Server, prompt: str) -> str:
    anthropic = pytest.importorskip("anthropic")

    async def call() -> str:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=server.url) as client:
            messages = [{"role": "user", "content": prompt}]
            answer = await client.messages.create(model="claude", max_tokens=9, messages=messages)
        return str(answer.content[0].text)

    return asyncio.run(call())


def anthropic_stream(server: Server, prompt: str) -> str:
    anthropic = pytest.importorskip("anthropic")
    messages = [{"role": "user", "content": prompt}]
    with anthropic.Anthropic(api_key="k", base_url=server.url) as client:
        with client.messages.stream(model="claude", max_tokens=9, messages=messages) as stream:
            return "".join(_keep(stream.text_stream))


def anthropic_async_stream(server: Server, prompt: str) -> str:
    anthropic = pytest.importorskip("anthropic")

    async def call() -> str:
        messages = [{"role": "user", "content": prompt}]
        async with anthropic.AsyncAnthropic(api_key="k", base_url=server.url) as client:
            async with client.messages.stream(model="claude", max_tokens=9, messages=messages) as stream:
                return "".join([OUT.append(text) or text async for text in stream.text_stream])  # type: ignore[func-returns-value]

    return asyncio.run(call())


OUT: List[str] = []


def _keep(texts: Any) -> Iterator[str]:
    for text in texts:
        OUT.append(text)
        yield text


@functools.cache
def _session() -> Any:
    """One for all tests: it reads large files once."""
    return pytest.importorskip("botocore.session").get_session()


def _bedrock(server: Server) -> Any:
    session = _session()
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    return session.create_client("bedrock-runtime", endpoint_url=server.url, **keys)


def bedrock_call(server: Server, prompt: str) -> str:
    messages = [{"role": "user", "content": [{"text": prompt}]}]
    answer = _bedrock(server).converse(modelId="anthropic.claude", messages=messages)
    return str(answer["output"]["message"]["content"][0]["text"])


def bedrock_body(server: Server, prompt: str) -> str:
    body = json.dumps({"messages": [{"role": "user", "content": prompt}]})
    answer = _bedrock(server).invoke_model(modelId="anthropic.claude", body=body)
    return str(json.loads(answer["body"].read())["content"][0]["text"])


def bedrock_stream(server: Server, prompt: str) -> str:
    messages = [{"role": "user", "content": [{"text": prompt}]}]
    answer = _bedrock(server).converse_stream(modelId="anthropic.claude", messages=messages)
    deltas = (event["contentBlockDelta"] for event in answer["stream"] if "contentBlockDelta" in event)
    return "".join(_keep(delta["delta"]["text"] for delta in deltas))


def _gemini(server: Server) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        genai = pytest.importorskip("google.genai")
    return genai.Client(api_key="k", http_options={"base_url": server.url})


def gemini_call(server: Server, prompt: str) -> str:
    client = _gemini(server)
    return str(client.models.generate_content(model="gemini", contents=prompt).text)


def gemini_async(server: Server, prompt: str) -> str:
    async def call() -> str:
        client = _gemini(server)
        answer = await client.aio.models.generate_content(model="gemini", contents=prompt)
        if hasattr(client.aio, "aclose"):
            await client.aio.aclose()
        return str(answer.text)

    return asyncio.run(call())


def gemini_stream(server: Server, prompt: str) -> str:
    client = _gemini(server)
    stream = client.models.generate_content_stream(model="gemini", contents=prompt)
    return "".join(_keep(chunk.text or "" for chunk in stream))


def gemini_chat(server: Server, prompt: str) -> str:
    client = _gemini(server)
    return str(client.chats.create(model="gemini").send_message(prompt).text)


CALLS: List[Callable[[Server, str], str]] = [
    anthropic_call,
    anthropic_async,
    anthropic_stream,
    anthropic_async_stream,
    bedrock_call,
    bedrock_body,
    bedrock_stream,
    gemini_call,
    gemini_async,
    gemini_stream,
    gemini_chat,
]
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def provider(call: Callable[[Server, str], str]) -> None:
    """The plugin of the SDK that is called."""
    name = call.__name__.partition("_")[0]
    pytest.importorskip(f"peekr_{name}", reason=f"peekr-{name} is not installed")


@pytest.fixture
def recording() -> Iterator[Any]:
    """Tracing with a blocklist for both sides."""
    OUT.clear()
    guard = peekr.guard.Blocklist(terms=["alpha", "omega"])
    installed = [name for name in ("anthropic", "bedrock", "gemini") if find_spec(f"peekr_{name}") is not None]
    with record(plugins=installed, guardrails=[guard]) as recording:
        yield recording


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.usefixtures("provider")
def test_a_clean_call_passes(call: Any, server: Server, recording: Any) -> None:
    """GUARD-1."""
    server.says = [CLEAN, CLEAN]
    assert call(server, "What is the capital?") == CLEAN * 2
    assert [span.status for span in recording.spans] == ["ok"]
    assert (server.requests, recording.only.attributes["output"]) == (1, CLEAN * 2)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.usefixtures("provider")
def test_a_blocked_prompt_does_not_leave_the_machine(call: Any, server: Server, recording: Any) -> None:
    """GUARD-5, GUARD-7."""
    with pytest.raises(GuardrailError):
        call(server, PROMPT)
    assert server.requests == 0
    span = recording.only
    assert (span.status, span.attributes["blocked"], span.attributes["error_reason"]) == ("error", True, "guardrail")
    assert "ALPHA" in span.attributes["input"]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.usefixtures("provider")
def test_a_blocked_answer_does_not_reach_the_caller(call: Any, server: Server, recording: Any) -> None:
    """GUARD-6, GUARD-7."""
    server.says = ["It ends with ", "ome", "ga. ", "More text."]
    with pytest.raises(GuardrailError) as caught:
        call(server, "How does it end?")
    assert "ome" not in "".join(OUT)
    span = recording.only
    assert (span.status, span.attributes["blocked"], span.attributes["error_reason"]) == ("error", True, "guardrail")
    assert caught.value.span.span_id == span.span_id
    assert "omega" in span.attributes["output"]
    assert (server.requests, len(span.attributes["guardrail_violations"])) == (1, 1)
