"""Beside peekr-openai: the real SDK under LangChain's model, against a server on this machine."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List

import pytest

import peekr
from peekr.testing import Recording, record
from peekr_langchain import enable_langchain

pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")
pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
langgraph = pytest.importorskip("langgraph.graph", reason="langgraph is not installed")

from langchain_openai import ChatOpenAI  # noqa: E402

#: LangChain itself carries its context into coroutines of Python 3.11 and newer only.
needs_task_contexts = pytest.mark.skipif(sys.version_info < (3, 11), reason="LangChain needs Python 3.11 for it")

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
PAIR = ["langchain.chat.ChatOpenAI", "  openai.chat.completions"]


class Server:
    """Answers chat completions. Sends the usage of a stream only to those who ask for it."""

    def __init__(self) -> None:
        self.bodies: List[Dict[str, Any]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.bodies.append(body)
                content = outer.answer(body)
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

    def answer(self, body: Dict[str, Any]) -> bytes:
        if self.status != 200:
            return json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}).encode()
        whole = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024-08-06", "object": "chat.completion"}
        if not body.get("stream"):
            message = {"role": "assistant", "content": "Paris."}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return json.dumps({**whole, "choices": [choice], "usage": USAGE}).encode()
        deltas = [{"role": "assistant", "content": ""}, {"content": "Par"}, {"content": "is."}]
        events = [{**whole, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        events.append({**whole, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            events.append({**whole, "choices": [], "usage": USAGE})
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"

    def model(self, **options: Any) -> Any:
        """A model of this server; a new one for each test, as it keeps connections of its event loop."""
        given = {"model": "gpt-4o", "base_url": self.url, "api_key": "test", "max_retries": 0, "stream_usage": True}
        return ChatOpenAI(**{**given, **options})

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
def both() -> Iterator[Recording]:
    """Tracing with both plugins."""
    with record(plugins=["langchain", "openai"]) as recording:
        yield recording
        assert peekr.get_current_span() is None


def call_in_every_way(model: Any) -> int:
    """Return the number of calls."""
    model.invoke("x")
    list(model.stream("x"))
    model.batch(["x", "y"])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(model.invoke, ["x", "y"]))

    async def work() -> None:
        await model.ainvoke("x")
        async for _ in model.astream("x"):
            pass
        await asyncio.gather(*(model.ainvoke("x") for _ in range(3)))
        await model.abatch(["x", "y"])

    asyncio.run(work())
    return 13


def test_every_way_of_calling_is_counted_once(kit: Any, server: Server, both: Recording) -> None:
    """LC-6, B 18: sync, async, streamed, in batches and in threads."""
    calls = call_in_every_way(server.model())
    assert kit.outline(both.spans) == PAIR * calls
    assert kit.billed_tokens(both.spans) == 18 * calls
    for span in both.named("langchain.chat.ChatOpenAI"):
        assert span.attributes["billed"] is False and "tokens_total" not in span.attributes
        assert span.attributes["output"] == "Paris."


def test_with_one_plugin_alone_it_is_counted_once_too(kit: Any, server: Server) -> None:
    """LC-6."""
    for plugin in ("langchain", "openai"):
        with record(plugins=[plugin]) as recording:
            calls = call_in_every_way(server.model())
            assert kit.billed_tokens(recording.spans) == 18 * calls
            assert len(recording.spans) == calls


@pytest.mark.parametrize("in_background", [True, False])
def test_a_call_that_both_record_is_judged_once(server: Server, in_background: bool) -> None:
    """EVAL-5, LC-6: a judge is paid for each call; alone, LangChain's span is the call."""
    for plugins, judged in ((["langchain", "openai"], "openai.chat.completions"), (["langchain"], PAIR[0])):
        judge = Once()
        with record(plugins=plugins, evaluators=[judge], async_eval=in_background) as recording:
            server.model().invoke("x")
            scored = [span.name for span in recording.spans if "eval_scores" in span.attributes]
        assert scored == judge.seen == [judged]


class Once(peekr.eval.BaseEvaluator):
    """Notes what it is asked about."""

    def __init__(self) -> None:
        self.seen: List[str] = []

    def evaluate(self, span: peekr.Span) -> float:
        self.seen.append(span.name)
        return 1.0


def test_langchains_request_is_sent_as_it_is(server: Server) -> None:
    """STREAM-1, STREAM-2: LangChain asks for the usage of a stream itself, where it knows that it may."""
    chunks, bodies = [], []
    for traced in (False, True):
        for asks in (True, None):
            model = server.model(stream_usage=asks)
            if traced:
                with record(plugins=["langchain", "openai"]):
                    chunks.append([(one.content, one.usage_metadata) for one in model.stream("x")])
            else:
                chunks.append([(one.content, one.usage_metadata) for one in model.stream("x")])
            bodies.append(server.bodies[-1])
    assert chunks[:2] == chunks[2:]
    assert bodies[:2] == bodies[2:]
    assert "stream_options" in bodies[0] and "stream_options" not in bodies[1]


def test_an_error_of_the_api_has_the_same_reason_on_both(server: Server, both: Recording) -> None:
    """LLM-8."""
    server.status = 429
    for call in (lambda model: model.invoke("x"), lambda model: list(model.stream("x"))):
        with pytest.raises(Exception, match="slow down"):
            call(server.model())
    assert [span.attributes["error_reason"] for span in both.spans] == ["rate_limit"] * 4
    assert {span.status for span in both.spans} == {"error"}


@pytest.mark.parametrize("is_async", [False, pytest.param(True, marks=needs_task_contexts)], ids=["sync", "async"])
def test_an_agent_of_langgraph_is_counted_once(kit: Any, server: Server, both: Recording, is_async: bool) -> None:
    """LC-6: in LangGraph, sync in its threads and async."""
    model = server.model()
    graph = langgraph.StateGraph(langgraph.MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(langgraph.START, "model")
    app = graph.compile()
    with enable_langchain("agent"):
        if is_async:
            asyncio.run(app.ainvoke({"messages": [("user", "x")]}))
        else:
            app.invoke({"messages": [("user", "x")]})
    inside = ["  langchain.chain.LangGraph", "    langchain.chain.model", *("      " + line for line in PAIR)]
    assert kit.outline(both.spans) == ["agent", *inside]
    assert kit.billed_tokens(both.spans) == 18
