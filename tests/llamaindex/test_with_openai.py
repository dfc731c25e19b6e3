"""Beside peekr-openai: the real SDK under LlamaIndex' models, against a server on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List

import pytest

import peekr
from peekr.testing import Recording, record

pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")
pytest.importorskip("llama_index.llms.openai", reason="llama-index-llms-openai is not installed", exc_type=ImportError)

from llama_index.llms.openai import OpenAI

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
CHAT, COMPLETE, BELOW = "llamaindex.llm.chat", "llamaindex.llm.complete", "openai.chat.completions"
_TOOL = {"index": 0, "id": "call-1", "type": "function", "function": {"name": "double", "arguments": '{"number": 3}'}}


class Server:
    """Answers chat completions and embeddings. Sends the usage of a stream only to those who ask for it.

    :ivar tool: whether the next answer calls a tool.
    """

    def __init__(self) -> None:
        self.bodies: List[Dict[str, Any]] = []
        self.status = 200
        self.tool = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.bodies.append(body)
                content = outer.answer(self.path, body)
                self.send_response(outer.status)
                self.send_header("content-type", "text/event-stream" if body.get("stream") else "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, path: str, body: Dict[str, Any]) -> bytes:
        if self.status != 200:
            return json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}).encode()
        if path.endswith("/embeddings"):
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [{"object": "embedding", "index": at, "embedding": [0.1, 0.2]} for at in range(len(texts))]
            usage = {"prompt_tokens": 5, "total_tokens": 5}
            return json.dumps({"object": "list", "data": data, "model": body["model"], "usage": usage}).encode()
        whole = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024-08-06", "object": "chat.completion"}
        tool, self.tool = self.tool, False
        delta = {"content": None, "tool_calls": [_TOOL]} if tool else {"content": "Paris."}
        finish = "tool_calls" if tool else "stop"
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **delta}, "finish_reason": finish}
            return json.dumps({**whole, "choices": [choice], "usage": USAGE}).encode()
        choices: List[Any] = [
            [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
            [{"index": 0, "delta": delta, "finish_reason": None}],
            [{"index": 0, "delta": {}, "finish_reason": finish}],
        ]
        events = [{**whole, "object": "chat.completion.chunk", "choices": one} for one in choices]
        if (body.get("stream_options") or {}).get("include_usage"):
            events.append({**whole, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"

    def model(self, **options: Any) -> Any:
        """A model of this server; a new one for each test, as it keeps connections of its event loop."""
        given = {"model": "gpt-4o", "api_base": self.url, "api_key": "test", "max_retries": 0}
        return OpenAI(**{**given, **options})

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *args: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """The server."""
    with Server() as server:
        yield server


@pytest.fixture
def both(kit: Any) -> Iterator[Recording]:
    """Tracing with both plugins."""
    with record(plugins=["llamaindex", "openai"]) as recording:
        yield recording
        assert peekr.get_current_span() is None


def call_in_every_way(kit: Any, model: Any) -> int:
    """Return the number of calls."""
    messages = kit.messages("x")
    model.chat(messages)
    model.complete("x")
    list(model.stream_chat(messages))
    list(model.stream_complete("x"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(model.chat, [messages, messages]))

    async def work() -> None:
        await model.achat(messages)
        await model.acomplete("x")
        assert [chunk async for chunk in await model.astream_chat(messages)]
        assert [chunk async for chunk in await model.astream_complete("x")]
        await asyncio.gather(*(model.achat(messages) for _ in range(3)))

    asyncio.run(work())
    return 13


def test_every_way_of_calling_is_counted_once(kit: Any, server: Server, both: Recording) -> None:
    """LC-6, B 18, STREAM-1: sync, async, streamed and in threads; a stream's usage too, which LlamaIndex never asks."""
    calls = call_in_every_way(kit, server.model())
    outline = kit.outline(both.spans)
    assert [line.strip() in (CHAT, COMPLETE) for line in outline] == [True, False] * calls
    assert outline[1::2] == [f"  {BELOW}"] * calls
    assert kit.billed_tokens(both.spans) == 18 * calls
    for span in both.spans:
        if span.name != BELOW:
            assert span.attributes["billed"] is False and "tokens_total" not in span.attributes
            assert span.attributes["output"] == "Paris." and span.attributes["finish_reason"] == "stop"
            assert (span.attributes["provider"], span.attributes["response_id"]) == ("openai", "chatcmpl-1")


def test_with_one_plugin_alone_it_is_counted_once_too(kit: Any, server: Server) -> None:
    """LC-6: LlamaIndex' own span tells what the API told it, where it was asked."""
    asking = {"stream_options": {"include_usage": True}}
    for plugin in ("llamaindex", "openai"):
        with record(plugins=[plugin]) as recording:
            calls = call_in_every_way(kit, server.model(additional_kwargs=asking))
            assert kit.billed_tokens(recording.spans) == 18 * calls
            assert len(recording.spans) == calls


def test_llamaindex_sees_the_chunks_that_it_sees_without_peekr(kit: Any, server: Server) -> None:
    """STREAM-2: the extra chunk with the usage is peekr's own."""
    messages = kit.messages("x")
    bare = [(one.delta, one.raw.model_dump()) for one in server.model().stream_chat(messages)]
    with record(plugins=["llamaindex", "openai"]):
        traced = [(one.delta, one.raw.model_dump()) for one in server.model().stream_chat(messages)]
    for _, raw in traced:
        raw.pop("usage", None)
    for _, raw in bare:
        raw.pop("usage", None)
    assert traced == bare


@pytest.mark.parametrize("in_background", [True, False])
def test_a_call_that_both_record_is_judged_once(kit: Any, server: Server, in_background: bool) -> None:
    """EVAL-5, LC-6: a judge is paid for each call; alone, LlamaIndex' span is the call."""
    seen: List[str] = []

    class Once(peekr.eval.BaseEvaluator):
        def evaluate(self, span: peekr.Span) -> float:
            seen.append(span.name)
            return 1.0

    for plugins in (["llamaindex", "openai"], ["llamaindex"]):
        with record(plugins=plugins, evaluators=[Once()], async_eval=in_background) as recording:
            server.model().chat(kit.messages("x"))
            assert recording.spans
    assert seen == [BELOW, CHAT]


def test_an_error_of_the_api_has_the_same_reason_on_both(kit: Any, server: Server, both: Recording) -> None:
    """LLM-8."""
    server.status = 429
    for call in ("chat", "stream_chat"):
        with pytest.raises(Exception, match="slow down"):
            list(getattr(server.model(), call)(kit.messages("x")))
    assert [span.attributes["error_reason"] for span in both.spans] == ["rate_limit"] * 4
    assert {span.status for span in both.spans} == {"error"}


def test_an_answer_that_calls_a_tool_shows_the_call(kit: Any, server: Server, both: Recording) -> None:
    """LLM-7: on both spans, at once and streamed."""
    for call in ("chat", "stream_chat"):
        server.tool = True
        answer = getattr(server.model(), call)(kit.messages("x"))
        assert call == "chat" or list(answer)
    for span in both.spans:
        (called,) = json.loads(span.attributes["output"])
        assert called["name"] == "double" and "3" in str(called["arguments"]), span


def test_an_agents_streamed_calls_are_counted(kit: Any, server: Server, both: Recording) -> None:
    """LC-6, STREAM-1: an agent streams by default; with a tool of the user's in between."""
    agents = pytest.importorskip("llama_index.core.agent.workflow", reason="no FunctionAgent yet")

    @peekr.trace(name="helper")
    def double(number: int) -> int:
        """Return twice the number."""
        return 2 * number

    async def work() -> str:
        server.tool = True
        return str(await agents.FunctionAgent(tools=[double], llm=server.model()).run("Double 3"))

    assert asyncio.run(work()) == "Paris."
    assert kit.outline(both.spans) == [
        "llamaindex.agent.FunctionAgent",
        f"  {CHAT}",
        f"    {BELOW}",
        "  llamaindex.tool.double",
        "    helper",
        f"  {CHAT}",
        f"    {BELOW}",
    ]
    assert kit.billed_tokens(both.spans) == 36


def test_embeddings_are_counted_once(kit: Any, server: Server, both: Recording) -> None:
    """LC-6, LLM-6: LlamaIndex tells no tokens of them, OpenAI does."""
    module = pytest.importorskip("llama_index.embeddings.openai", reason="llama-index-embeddings-openai is missing")
    model = module.OpenAIEmbedding(api_base=server.url, api_key="test", max_retries=0)
    model.get_text_embedding_batch(["one", "two"])
    asyncio.run(model.aget_query_embedding("one"))
    assert kit.outline(both.spans) == ["llamaindex.embed", "  openai.embeddings"] * 2
    assert kit.billed_tokens(both.spans) == 10
    for span in both.named("llamaindex.embed"):
        assert span.attributes["billed"] is False and span.attributes["model"] == "text-embedding-ada-002"
