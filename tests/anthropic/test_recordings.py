"""Real responses of the API, through the real SDK: the span holds what the bytes hold."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Dict, Iterator, List

import anthropic
import pytest
from tests import recordings

replay: Any = recordings.replay()
RECORDINGS: List[Any] = recordings.chosen(replay.load_all(provider="anthropic")) if replay else []
pytestmark = [
    pytest.mark.skipif(replay is None, reason="the recorded API traffic is not beside the repository"),
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),  # the recorded models
]


class Player:
    """One server, one event loop and two clients for all recordings."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._clients = [replay.client(RECORDINGS[0], server.url, is_async) for is_async in (False, True)]
        self._loop = asyncio.new_event_loop()

    def call(self, rec: Any, mode: str, is_async: bool) -> Any:
        """Replay a call; return the SDK's exception if it raised one."""
        self._server.put(rec)
        client = self._clients[is_async]
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
        self._clients[0].close()
        self._loop.run_until_complete(self._clients[1].close())
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
        assert (span.status, attributes["error"]) == ("error", str(result))
        assert attributes["error_code"] == expected["error"]["type"]
        return
    assert not isinstance(result, Exception), result
    assert (span.status, attributes.get("error")) == ("ok", None)
    if rec["operation"].endswith("count_tokens"):
        assert not [name for name in attributes if name.startswith("tokens_")]
        assert attributes["output"] == json.dumps({"input_tokens": expected["tokens_input"]})
        return
    _check_tokens(attributes, expected, rec["response"]["body"])
    assert attributes["finish_reason"] == expected["finish_reason"]
    _check_output(attributes, expected)


def _check_tokens(attributes: Any, expected: Any, body: str) -> None:
    """The recordings have the API's own numbers, whose input excludes the cache."""
    cached, written = expected["tokens_cached"], expected["tokens_cache_write"]
    assert (attributes["tokens_cached"], attributes["tokens_cache_write"]) == (cached, written)
    assert attributes["tokens_input"] == expected["tokens_input"] + cached + written
    assert attributes["tokens_output"] == expected["tokens_output"]
    assert attributes["tokens_total"] == attributes["tokens_input"] + attributes["tokens_output"]
    thought = re.findall(r'"thinking_tokens":\s*(\d+)', body)
    assert attributes.get("tokens_reasoning") == (int(thought[-1]) if thought else None)


def _check_input(attributes: Any, expected: Any) -> None:
    asked = expected.get("input_text")
    shown = attributes["input"]
    assert not asked or any(json.dumps(text.strip()[:80], ensure_ascii=False)[1:-1] in shown for text in asked)


def _check_output(attributes: Any, expected: Any) -> None:
    output = attributes["output"]
    for text in expected.get("output_texts") or [expected.get("output_text") or ""]:
        assert text[: 1000 - 1] in output or output.endswith("…")
    calls = expected.get("tool_calls")
    assert attributes.get("tool_calls") == (len(calls) if calls else None)
    if calls and len(output) < 1000:
        shown = json.loads(output[output.rindex('[{"name"') :])
        pairs = [(call["name"], json.loads(call["arguments"])) for call in calls]
        assert [(call["name"], json.loads(call["arguments"])) for call in shown] == pairs
    served = [kind for kind in expected["output_items"] if kind in ("server_tool_use", "mcp_tool_use")]
    assert attributes.get("server_tool_calls") == (len(served) or None)


@pytest.mark.parametrize("rec", RECORDINGS, ids=[rec["id"] for rec in RECORDINGS])
def test_the_span_holds_what_the_bytes_hold(rec: Any, player: Player, recording: Any) -> None:
    """LLM-2 to LLM-9, LLM-13, STREAM-3, STREAM-7: create, beta, raw and helper, sync and async."""
    for mode in [mode for mode in replay.modes(rec) if mode != "langchain"]:
        for is_async in (False, True):
            result = player.call(rec, mode, is_async)
            if isinstance(result, Exception) and not isinstance(result, anthropic.AnthropicError):
                raise result
            _check(recording.only, rec, result)
            recording.clear()
