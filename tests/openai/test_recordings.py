"""Real responses of the API and of compatible servers, through the real SDK: the span holds what the bytes hold."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from typing import Any, Dict, Iterator, List

import openai
import pytest
from tests import recordings

MAJOR, MINOR = map(int, openai.__version__.split(".")[:2])
NEEDS_NUMPY = (MAJOR, MINOR) < (1, 65)
NUMBERS = ("tokens_input", "tokens_output", "tokens_total", "tokens_cached", "tokens_reasoning")


replay: Any = recordings.replay()
RECORDINGS: List[Any] = recordings.chosen(replay.load_all(provider="openai")) if replay else []
pytestmark = pytest.mark.skipif(replay is None, reason="the recorded API traffic is not beside the repository")


class Player:
    """One server and one event loop for all recordings; a client for each base URL, as making one is slow."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._clients: Dict[Any, Any] = {}
        self._loop = asyncio.new_event_loop()

    def call(self, rec: Any, mode: str, is_async: bool) -> Any:
        """Replay a call; return the SDK's exception if it raised one."""
        self._server.put(rec)
        key = (replay.client_key(rec), is_async)
        if key not in self._clients:
            self._clients[key] = replay.client(rec, self._server.url, is_async)
        client = self._clients[key]
        try:
            if not is_async:
                return replay.drain(replay.call(client, rec, mode), mode)

            async def go() -> Any:
                return await replay.adrain(replay.call(client, rec, mode), mode)

            return self._loop.run_until_complete(go())
        except Exception as error:
            return error

    def close(self) -> None:
        """Close the clients and the loop."""
        for (_, is_async), client in self._clients.items():
            if is_async:
                self._loop.run_until_complete(client.close())
            else:
                client.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    """Plays recordings."""
    with replay.Replay() as server:
        player = Player(server)
        yield player
        player.close()


def _check(span: Any, rec: Dict[str, Any], result: Any) -> None:
    attributes, expected = span.attributes, rec["expected"]
    models = expected.get("accept", {}).get("model", [expected.get("model")])
    assert not expected.get("model") or attributes["model"] in models
    _check_input(attributes, expected)
    if "error" in expected:
        assert not isinstance(result, Exception) or (span.status == "error" and attributes["error"] == str(result))
        return
    assert not isinstance(result, Exception), result
    assert (span.status, attributes.get("error")) == ("ok", None)
    for name in NUMBERS:
        unknown = name not in expected and (rec["variant"] == "compat" or name == "tokens_output")
        assert unknown or attributes.get(name) == expected.get(name), name
    if expected.get("finish_reason"):
        assert expected["finish_reason"] in attributes["finish_reason"]
    _check_output(attributes, expected)


def _check_input(attributes: Any, expected: Any) -> None:
    asked = expected.get("input_text")
    shown = attributes["input"]
    assert not asked or any(text.strip()[:80] in form for text in asked for form in (shown, _unquoted(shown)))


def _check_output(attributes: Any, expected: Any) -> None:
    output = attributes.get("output", "")
    for text in expected.get("output_texts") or [expected.get("output_text") or expected.get("refusal") or ""]:
        assert text[:400] in output
        output = output or ""
        if len(output) == 1000:
            break
    calls = expected.get("tool_calls")
    assert attributes.get("tool_calls") == (len(calls) if calls else None)
    if calls and len(output) < 1000:
        shown = json.loads(output[output.rindex('[{"name"') :])
        assert [(call["name"], call["arguments"]) for call in shown] == [(c["name"], c["arguments"]) for c in calls]


def _unquoted(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


def _is_odd(result: Any) -> bool:
    """Whether the SDK itself is at a loss: the recordings were accepted by openai 3.52, older ones lack a helper."""
    return isinstance(result, Exception) and not isinstance(result, openai.OpenAIError)


@pytest.mark.parametrize("rec", RECORDINGS, ids=[rec["id"] for rec in RECORDINGS])
def test_the_span_holds_what_the_bytes_hold(rec: Any, player: Player, recording: Any) -> None:
    """LLM-3 to LLM-9, LLM-13, STREAM-1 to STREAM-3: create, raw and helper, sync and async."""
    if rec["operation"] == "openai.responses" and not hasattr(openai.OpenAI, "responses"):
        pytest.skip("openai before 1.66")
    if rec["operation"] == "openai.embeddings" and importlib.util.find_spec("numpy") is None and NEEDS_NUMPY:
        pytest.skip("this version of the SDK decodes embeddings with numpy, which is not installed")
    modes = [mode for mode in replay.modes(rec) if mode != "langchain"]
    for mode in modes:
        for is_async in (False, True):
            result = player.call(rec, mode, is_async)
            if mode == "helper" and MAJOR < 3 and _is_odd(result):
                recording.clear()
                continue
            _check(recording.only, rec, result)
            recording.clear()
