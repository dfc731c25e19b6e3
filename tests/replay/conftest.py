"""Shared by the tests of replay: APIs on the loopback interface, traces recorded from real SDKs, and the command."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, Iterator, List

import pytest

import peekr
from peekr.probes import Reply, Request
from peekr.probes.server import serving

pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("peekr_openai", reason="peekr-openai is not installed")
pytest.importorskip("peekr_jsonl", reason="peekr-jsonl is not installed")
pytest.importorskip("peekr_sqlite", reason="peekr-sqlite is not installed")

LONG = "word " * 1000


class API:
    """What OpenAI and Anthropic would answer.

    :ivar seen: (path, JSON body) of every request.
    :ivar says: makes the answer of a request's body.
    :ivar fail: status codes to answer first, one a request.
    """

    def __init__(self) -> None:
        self.seen: List[Any] = []
        self.says: Callable[[Dict[str, Any]], str] = lambda body: "Paris."
        self.fail: List[int] = []
        self.lock = threading.Lock()
        self.url = ""

    def answer(self, request: Request) -> Reply:
        body = request.json()
        with self.lock:
            self.seen.append((request.path, body))
            if self.fail:
                return Reply.json({"error": {"message": "scripted failure"}}, self.fail.pop(0))
        words = self.says(body)
        if request.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": "AAAAAAAAgD8="}]
            return Reply.json({"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 3}})
        if request.path.endswith("/messages"):
            content = [{"type": "text", "text": words}]
            about = {"id": "m1", "type": "message", "role": "assistant", "stop_reason": "end_turn"}
            usage = {"input_tokens": 11, "output_tokens": 7}
            return Reply.json({**about, "model": body["model"], "content": content, "usage": usage})
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        about = {"id": "c1", "created": 1, "model": body.get("model")}
        if body.get("stream"):
            delta = [{"index": 0, "delta": {"content": words}, "finish_reason": "stop"}]
            chunk = {**about, "object": "chat.completion.chunk"}
            return Reply.events([{**chunk, "choices": delta}, {**chunk, "choices": [], "usage": usage}], end="[DONE]")
        if request.path.endswith("/responses"):
            said = {"type": "message", "id": "o1", "role": "assistant", "status": "completed"}
            said["content"] = [{"type": "output_text", "text": words, "annotations": []}]
            spent = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
            return Reply.json({**about, "object": "response", "status": "completed", "output": [said], "usage": spent})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}
        return Reply.json({**about, "object": "chat.completion", "choices": [choice], "usage": usage})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[API]:
    """The API; the environment leads the SDKs to it, and the test is in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    script = API()
    with serving(script.answer) as url:
        script.url = url
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        yield script


@pytest.fixture
def traced(api: API) -> Callable[..., str]:
    """Runs a function traced, into traces.jsonl and traces.db, and returns the id of its trace; then tracing is off."""

    def run(program: Callable[[], Any], **settings: Any) -> str:
        peekr.instrument(console=False, storage="both", **settings)
        try:
            with peekr.span("agent") as root:
                program()
            trace_id = root.trace_id
        finally:
            peekr.shutdown()
            peekr.uninstrument()
        return trace_id

    return run


@peekr.trace(name="tool.lookup")
def lookup(word: str) -> Dict[str, str]:
    """A tool that counts its calls."""
    lookup_calls.append(word)
    return {"word": word}


lookup_calls: List[str] = []


def two_calls() -> None:
    """A tool and two chat calls, one with a prompt of 5000 characters."""
    import openai

    lookup("Paris")
    with openai.OpenAI() as client:
        client.chat.completions.create(
            model="gpt-4o", temperature=0.5, messages=[{"role": "user", "content": "Capital of France?"}]
        )
        client.chat.completions.create(
            model="gpt-4o",
            max_tokens=9,
            messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": LONG}],
        )


@pytest.fixture
def trace_id(traced: Callable[..., str], api: API) -> str:
    """A recorded trace of :func:`two_calls`; the requests of the recording are forgotten."""
    lookup_calls.clear()
    found = traced(two_calls)
    api.first = list(api.seen)  # type: ignore[attr-defined]
    api.seen.clear()
    return found


@pytest.fixture
def spans() -> Callable[..., List[Any]]:
    """Reads a trace of a store of the test's directory."""

    def read(trace_id: str, store: str = "traces.jsonl") -> List[Any]:
        with peekr.open_store(store) as opened:
            return opened.trace(trace_id)

    return read


@pytest.fixture
def edit() -> Callable[..., None]:
    """Changes each LLM record of traces.jsonl."""

    def change(function: Callable[[Dict[str, Any]], Any]) -> None:
        with open("traces.jsonl", encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        for record in records:
            if record["attributes"]["kind"] == "llm":
                function(record)
        with open("traces.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)

    return change
