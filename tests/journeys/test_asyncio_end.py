"""The end of an event loop: cancellation, Ctrl-C, pending tasks, open generators and streams (QUEUE-3, INST-13)."""

from __future__ import annotations

import importlib.util
import signal
from typing import Any

import pytest

pytestmark = pytest.mark.journey

#: Shows how each span ended; three agents under one root, which take for ever.
LOOP = """
import asyncio

class Showing(Telling):
    def export_batch(self, spans):
        for span in spans:
            say("span", span.name, span.status, span.attributes.get("error_type"), span.parent_id is None)

on(exporter=Showing())

@peekr.trace(name="agent")
async def agent(number):
    work(number)
    await asyncio.sleep(3600)

@peekr.trace(name="root")
async def root():
    await asyncio.gather(*[agent(number) for number in range(3)])
"""
CANCELLED = [("agent", "error", "CancelledError", "False")] * 3
WORK = [("work", "ok", "None", "False")] * 3


def test_cancelled_from_inside(run: Any) -> None:
    """``asyncio.run`` ends with a timeout: each span under way has ended, as cancelled."""
    said = run(
        LOOP
        + """
try: asyncio.run(asyncio.wait_for(root(), 0.2))
except asyncio.TimeoutError: say("timeout")
"""
    )
    assert sorted(said.spans) == [*CANCELLED, ("root", "error", "CancelledError", "True"), *WORK]
    assert said.err == ""


def test_ctrl_c_in_the_middle(start: Any) -> None:
    """SIGINT: Python cancels the main task since 3.11, raises at once before; the agents' spans are there anyhow."""
    program = start(
        LOOP
        + """
async def main():
    asyncio.get_running_loop().call_later(0.1, say, "ready")
    await root()
asyncio.run(main())
"""
    )
    program.says("ready")
    program.process.send_signal(signal.SIGINT)
    program.ends(-signal.SIGINT)
    names = [span[0] for span in program.spans]
    assert sorted(names) == ["agent"] * 3 + ["root"] + ["work"] * 3
    assert {span[1] for span in program.spans if span[0] != "work"} == {"error"}
    assert program.lines[-1].startswith("closed")
    assert "KeyboardInterrupt" in program.err
    assert "Exception ignored" not in program.err


def test_tasks_that_are_still_pending(run: Any) -> None:
    """``asyncio.run`` cancels what nobody waited for."""
    said = run(
        LOOP
        + """
async def main():
    tasks = [asyncio.ensure_future(agent(number)) for number in range(3)]
    await asyncio.sleep(0.05)
asyncio.run(main())
"""
    )
    assert sorted(said.spans) == [("agent", "error", "CancelledError", "True")] * 3 + WORK


def test_a_loop_closed_under_its_tasks(run: Any) -> None:
    """Nobody cancels them: they never end, or when they are collected. What had ended is there; nothing breaks."""
    said = run(
        LOOP
        + """
loop = asyncio.new_event_loop()
tasks = [loop.create_task(agent(number)) for number in range(3)]
loop.run_until_complete(asyncio.sleep(0.05))
loop.close()
"""
    )
    assert sorted(said.spans)[-3:] == WORK
    assert set(said.spans) <= {WORK[0], ("agent", "error", "GeneratorExit", "True"), ("agent", "error", "None", "True")}
    assert "peekr-" not in said.err


def test_generators_left_open(run: Any) -> None:
    """``shutdown_asyncgens`` closes them as the loop ends; one that was begun has a span."""
    said = run(
        LOOP
        + """
@peekr.trace(name="generator")
async def numbers():
    for number in range(100):
        yield number

kept = []
async def main():
    for _ in range(3):
        kept.append(numbers())
        await kept[-1].__anext__()
    kept.append(numbers())
asyncio.run(main())
"""
    )
    assert [span[:2] for span in said.spans] == [("generator", "ok")] * 3
    assert said.err == ""


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="openai is not installed")
@pytest.mark.skipif(importlib.util.find_spec("peekr_openai") is None, reason="peekr-openai is not installed")
def test_streams_left_open(run: Any) -> None:
    """PROV: the span of a stream that was never read to its end is recorded as the program ends, with what came."""
    said = run(
        """
        import asyncio, json, httpx, openai
        class Showing(Telling):
            def export_batch(self, spans):
                for span in spans: say("span", span.kind, span.status, json.dumps(span.attributes["output"]))
        peekr.instrument(console=False, exporter=Showing(), plugins=["openai"])

        def chunk(text):
            choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
            body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}
            return b"data: " + json.dumps(body).encode() + b"\\n\\n"

        class Endless(httpx.AsyncByteStream):
            async def __aiter__(self):
                yield chunk("first")
                yield chunk("second")
                await asyncio.sleep(3600)

        async def answer(request):
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Endless())

        kept = []
        async def main():
            http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
            client = openai.AsyncOpenAI(api_key="k", http_client=http)
            for _ in range(2):
                stream = await client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True
                )
                await stream.__anext__()
                kept.append(stream)
        asyncio.run(main())
        """
    )
    assert [span[0] for span in said.spans] == ["llm", "llm"]
    assert all("first" in span[2] for span in said.spans)
