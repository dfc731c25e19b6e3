"""Real answers of OpenAI's and Anthropic's APIs, through LiteLLM: the spans hold what the bytes hold."""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any, Iterator, List

import pytest
from tests import recordings

from peekr.testing import record

litellm = pytest.importorskip("litellm", reason="litellm is not installed")
OLD = tuple(int(part) for part in metadata.version("litellm").split(".")[:2]) < (1, 106)
replay: Any = recordings.replay()
_PATHS = {"openai.chat": "/chat/completions", "anthropic.messages": "/v1/messages"}
_PARAMETERS = ("tools", "tool_choice", "max_tokens", "n", "response_format", "stream_options")


def _fits(rec: Any) -> bool:
    path = _PATHS.get(rec["operation"])
    if "advisor_message" in rec["response"].get("body", ""):  # LiteLLM adds the tokens of another model to these
        return False
    return path is not None and rec["variant"] != "azure" and rec["request"]["path"].endswith(path)


def _chosen() -> List[Any]:
    """A few of those that other folders play too: LiteLLM takes its time."""
    found = recordings.chosen(rec for rec in replay.load_all() if _fits(rec)) if replay else []
    return found if os.environ.get("PEEKR_RECORDINGS") == "all" else found[::4]


RECORDINGS = _chosen()
pytestmark = pytest.mark.skipif(replay is None, reason="the recorded API traffic is not beside the repository")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """One server for all recordings."""
    with replay.Replay() as server:
        yield server


def _arguments(rec: Any, url: str) -> Any:
    """A call that asks for the recorded answer. Anthropic's own request has another shape than LiteLLM's."""
    request, body = rec["request"], rec["request"]["body"]
    given = {"api_key": "x", "stream": bool(body.get("stream")), "max_retries": 0}
    base = url + request["path"][: -len(_PATHS[rec["operation"]])]
    if rec["provider"] == "anthropic":
        asked = (rec["expected"].get("input_text") or ["hi"])[-1]
        messages = [{"role": "user", "content": asked}]
        return {**given, "model": f"anthropic/{body['model']}", "messages": messages, "api_base": base}
    own = {name: body[name] for name in _PARAMETERS if name in body}
    own.update(model=f"openai/{body['model']}", messages=body["messages"], api_base=base)
    return {**given, **own}


def _called(rec: Any, server: Any, run: Any, is_async: bool) -> Any:
    server.put(rec)
    given = _arguments(rec, server.url)
    try:
        if not is_async:
            result = litellm.completion(**given)
            return list(result) if given["stream"] else result

        async def go() -> Any:
            result = await litellm.acompletion(**given)
            return [chunk async for chunk in result] if given["stream"] else result

        return run(go())
    except Exception as error:
        return error


def _accepted(expected: Any, name: str) -> Any:
    return expected.get("accept", {}).get(name, [expected.get(name)])


def _is_estimate(rec: Any) -> bool:
    """LiteLLM 1.83 counts the tokens of several answers in one stream by itself, and reports that."""
    return OLD and rec["operation"] == "openai.chat" and rec["request"]["body"].get("n", 1) > 1


def _check(span: Any, rec: Any, result: Any) -> None:
    attributes, expected = span.attributes, rec["expected"]
    assert span.name == "litellm.completion" and attributes["provider"] == rec["provider"]
    if isinstance(result, Exception):
        assert span.status == "error" and attributes["error_type"] == type(result).__name__
        assert "error" in expected or "litellm" in type(result).__module__
        return
    assert span.status == "ok"
    assert attributes["model"] in _accepted(expected, "model")
    assert (expected.get("output_text") or "")[:400] in attributes["output"]
    assert attributes.get("tool_calls", 0) == len(expected.get("tool_calls") or ())
    if expected.get("finish_reason"):
        assert attributes["finish_reason"]
    for name in ("tokens_input", "tokens_output", "tokens_total"):
        if name in expected:
            assert attributes[name] in _accepted(expected, name) or _is_estimate(rec), name
    for name in ("tokens_cached", "tokens_cache_write", "tokens_reasoning"):
        if expected.get(name):
            assert attributes[name] in _accepted(expected, name), name


@pytest.mark.parametrize("rec", RECORDINGS, ids=[rec["id"] for rec in RECORDINGS])
def test_the_spans_hold_what_the_bytes_hold(rec: Any, server: Any, run: Any) -> None:
    """LLM-2 to LLM-9, STREAM-1 to STREAM-7: sync and async."""
    with record(plugins=["litellm"]) as recording:
        for is_async in (False, True):
            result = _called(rec, server, run, is_async)
            if not server.requests:
                pytest.skip(f"this version of LiteLLM sends no such request: {result}")
            _check(recording.only, rec, result)
            recording.clear()
