"""CrewAI's own classes before a model server on the loopback interface that answers from a script."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

import peekr
from peekr.spans import Span
from peekr.testing import Recording, record

if importlib.util.find_spec("crewai") is not None:  # which reads them when it is imported
    os.environ.update(
        CREWAI_DISABLE_TELEMETRY="true",
        CREWAI_TESTING="true",
        CREWAI_TRACING_ENABLED="false",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        OTEL_SDK_DISABLED="true",
    )

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def final(text: str = "Paris.") -> Dict[str, Any]:
    """The answer that ends an agent's work."""
    return {"role": "assistant", "content": f"Thought: I now can give a great answer\nFinal Answer: {text}"}


def action(tool: str, **args: Any) -> Dict[str, Any]:
    """The answer that asks for a tool, in words; see :meth:`Server.use`."""
    return {"tool": tool, "args": args}


class Server:
    """Answers chat completions.

    :ivar script: answers in turn, then again and again the last; an int is a status without an answer.
    :ivar bodies: what was asked.
    """

    def __init__(self) -> None:
        self.bodies: List[Dict[str, Any]] = []
        self.script: List[Any] = [final()]
        self.barrier: Optional[threading.Barrier] = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, content = outer.answer(body)
                self.send_response(status)
                self.send_header("content-type", "text/event-stream" if body.get("stream") else "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, body: Dict[str, Any]) -> Any:
        with self._lock:
            self.bodies.append(body)
            said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if self.barrier is not None:
            self.barrier.wait(20)
        if isinstance(said, int):
            code = "rate_limit_exceeded" if said == 429 else "invalid_api_key"
            return said, json.dumps({"error": {"message": "no answer today", "code": code}}).encode()
        message, reason = self.message(said, body), "stop"
        if message.get("tool_calls"):
            reason = "tool_calls"
        whole = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-2024-08-06", "object": "chat.completion"}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            return 200, json.dumps({**whole, "choices": [choice], "usage": USAGE}).encode()
        deltas = [
            {"index": 0, "delta": message, "finish_reason": None},
            {"index": 0, "delta": {}, "finish_reason": reason},
        ]
        events = [{**whole, "choices": [delta]} for delta in deltas] + [{**whole, "choices": [], "usage": USAGE}]
        return 200, b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"

    @staticmethod
    def message(said: Dict[str, Any], body: Dict[str, Any]) -> Dict[str, Any]:
        """A tool is asked for as the request has it: with OpenAI's tool calls, or in the words of ReAct."""
        if "tool" not in said:
            return said
        args = json.dumps(said["args"])
        if not body.get("tools"):
            words = f"Thought: I need it\nAction: {said['tool']}\nAction Input: {args}"
            return {"role": "assistant", "content": words}
        names = [each["function"]["name"] for each in body["tools"]]
        wanted = said["tool"].lower().replace(" ", "_")
        name = next(name for name in names if name.lower() == wanted)
        call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": args}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    def model(self, **options: Any) -> Any:
        """A model of this server, made by CrewAI."""
        from crewai import LLM

        return LLM(**{"model": "gpt-4o", "base_url": self.url, "api_key": "test", **options})

    def agent(self, role: str = "geographer", **options: Any) -> Any:
        """An agent that asks this server."""
        from crewai import Agent

        llm = options.pop("llm", None) or self.model()
        return Agent(**{"role": role, "goal": "answer", "backstory": "old", "llm": llm, **options})

    def task(self, agent: Any, description: str = "Find the capital of France", **options: Any) -> Any:
        """A task."""
        from crewai import Task

        return Task(**{"description": description, "expected_output": "a city", "agent": agent, **options})

    def crew(self, tasks: int = 1, **options: Any) -> Any:
        """A crew of one agent with tasks."""
        from crewai import Crew

        agent = self.agent()
        made = [self.task(agent) for _ in range(tasks)]
        return Crew(**{"agents": [agent], "tasks": made, **options})

    def __enter__(self) -> Server:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *args: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


def outline(spans: List[Span]) -> List[str]:
    """The spans as an indented list of names, in the order they began."""
    lines: List[str] = []
    known = {span.span_id for span in spans}

    def walk(parent: Optional[str], depth: int) -> None:
        for span in sorted(spans, key=lambda span: span._t0):
            above = span.parent_id if span.parent_id in known else None
            if above == parent:
                lines.append("  " * depth + span.name)
                walk(span.span_id, depth + 1)

    walk(None, 0)
    return lines


def billed_tokens(spans: List[Span]) -> int:
    """What readers count."""
    from peekr import runs

    return sum(runs.tokens_of(span) for span in spans)


#: One task's work.
TASK = ["crewai.task.execute", "  crewai.agent.execute_task", "    crewai.llm.call"]


@pytest.fixture
def kit() -> Any:
    """The builders above, as fixtures are the only way to share them."""

    class Kit:
        usage = USAGE
        task = TASK
        final = staticmethod(globals()["final"])
        action = staticmethod(globals()["action"])
        outline = staticmethod(globals()["outline"])
        billed_tokens = staticmethod(globals()["billed_tokens"])

        @staticmethod
        def inside(lines: List[str]) -> List[str]:
            return ["  " + line for line in lines]

    return Kit


@pytest.fixture(scope="session")
def _crewai(tmp_path_factory: Any) -> Any:
    """CrewAI, which keeps what tasks have put out in a folder of its own."""
    os.environ["CREWAI_STORAGE_DIR"] = str(tmp_path_factory.mktemp("crewai"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("crewai")
        except ModuleNotFoundError:
            pytest.skip("crewai is not installed")


@pytest.fixture
def server(_crewai: Any) -> Iterator[Server]:
    """The server."""
    with Server() as server:
        yield server


@pytest.fixture
def recording(_crewai: Any) -> Iterator[Recording]:
    """Tracing with only CrewAI's plugin. Nothing stays current."""
    with record(plugins=["crewai"]) as recording:
        yield recording
        assert peekr.get_current_span() is None
        assert not peekr.stats()["captures"]["failed"]


@pytest.fixture(autouse=True)
def _fresh_failures() -> Iterator[None]:
    from peekr import patching

    patching.failures.clear()
    yield
    patching.failures.clear()


@pytest.fixture
def run() -> Callable[[Any], Any]:
    """asyncio.run."""
    return asyncio.run
