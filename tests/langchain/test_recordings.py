"""Real answers of the APIs, through LangChain's own models: the spans hold what the bytes hold, and count it once."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any, Iterator, List

import pytest
from tests import recordings

from peekr import runs
from peekr.testing import record

NEEDS = {"openai": "langchain_openai", "anthropic": "langchain_anthropic"}


replay: Any = recordings.replay()
RECORDINGS: List[Any] = (
    recordings.chosen(rec for rec in replay.load_all() if "langchain" in replay.modes(rec)) if replay else []
)
pytestmark = [
    pytest.mark.skipif(replay is None, reason="the recorded API traffic is not beside the repository"),
    pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"),  # said by the SDK of old recordings
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One event loop: LangChain keeps connections from call to call, and never closes them."""
    loop = asyncio.new_event_loop()
    yield loop
    for client in [one for one in gc.get_objects() if type(one).__name__.endswith("AsyncHttpxClientWrapper")]:
        loop.run_until_complete(client.aclose())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """One server for all recordings."""
    with replay.Replay() as server:
        yield server


def _call(rec: Any, server: Any, is_async: bool, loop: Any) -> Any:
    server.put(rec)
    lang = replay.Lang(server.url, is_async)
    try:
        if not is_async:
            return replay.drain(replay.call(lang, rec, "langchain"), "langchain")

        async def go() -> Any:
            return await replay.adrain(replay.call(lang, rec, "langchain"), "langchain")

        return loop.run_until_complete(go())
    except Exception as error:
        return error


def _accepted(expected: Any, name: str) -> Any:
    return expected.get("accept", {}).get(name, [expected.get(name)])


def _check(span: Any, spans: Any, rec: Any, result: Any) -> None:
    """Check LangChain's span, and the sum over all."""
    attributes, expected = span.attributes, rec["expected"]
    asked = [text.strip()[:80] for text in expected.get("input_text") or ()]
    shown = attributes["input"]
    unquoted = json.loads(f'"{shown[:-1] if shown.endswith("…") else shown}"') if '"' not in shown else shown
    assert not asked or any(json.dumps(text, ensure_ascii=False)[1:-1] in shown or text in unquoted for text in asked)
    if "error" in expected:
        assert isinstance(result, Exception)
        assert (span.status, attributes["error"]) == ("error", str(result)[: len(attributes["error"])])
        return
    assert not isinstance(result, Exception), result
    assert span.status == "ok"
    assert attributes["model"] in _accepted(expected, "model")
    text = expected.get("output_text") or ""
    assert text[:400] in attributes["output"]
    calls = expected.get("tool_calls") or []
    assert attributes.get("tool_calls", 0) == len(calls)
    if expected.get("finish_reason"):
        assert expected["finish_reason"] in attributes["finish_reason"]
    if "tokens_total" in expected and not (rec["provider"] == "anthropic" and rec["stream"]):
        # LangChain reads the input tokens of an Anthropic stream from its end only, where older ones have none
        assert sum(runs.tokens_of(one) for one in spans) in _accepted(expected, "tokens_total")


@pytest.mark.parametrize("plugins", [["langchain"], ["langchain", "openai", "anthropic"]], ids=["alone", "beside"])
@pytest.mark.parametrize("rec", RECORDINGS, ids=[rec["id"] for rec in RECORDINGS])
def test_the_spans_hold_what_the_bytes_hold(rec: Any, plugins: Any, server: Any, loop: Any) -> None:
    """LC-4, LC-6, LLM-3 to LLM-9: sync and async, with LangChain's plugin alone and beside the providers'."""
    pytest.importorskip(NEEDS[rec["provider"]], reason="LangChain's package for it is not installed")
    with record(plugins=plugins) as recording:
        for is_async in (False, True):
            result = _call(rec, server, is_async, loop)
            if not server.requests:
                pytest.skip(f"this version of LangChain sends no such request: {result}")
            spans = recording.spans
            whole = [span for span in spans if span.name.startswith("langchain.chat.")]
            assert len(whole) == 1
            _check(whole[0], spans, rec, result)
            assert len([span for span in spans if span.attributes.get("tokens_total")]) <= 1
            recording.clear()
