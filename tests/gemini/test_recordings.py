"""Real responses of Gemini and Vertex AI, through the real SDK: the span holds what the bytes hold."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, Iterator, List

import pytest
from google.genai import errors
from tests import recordings

replay: Any = recordings.replay()
RECORDINGS: List[Any] = recordings.chosen(replay.load_all(provider="gemini")) if replay else []
pytestmark = [
    pytest.mark.skipif(replay is None, reason="the recorded API traffic is not beside the repository"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # the SDK, about enum values that are newer than it
]


class Player:
    """One server and one event loop for all recordings; a client for each kind of base URL."""

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

        async def go() -> Any:
            return await replay.adrain(replay.call(client, rec, mode), mode)

        try:
            if is_async:
                return self._loop.run_until_complete(go())
            return replay.drain(replay.call(client, rec, mode), mode)
        except Exception as error:
            return error

    def close(self) -> None:
        """Close the clients and the loop."""
        for (_, is_async), client in self._clients.items():
            if is_async and hasattr(client, "aclose"):
                self._loop.run_until_complete(client.aclose())
            elif is_async:
                self._loop.run_until_complete(client._api_client._async_httpx_client.aclose())
            client._api_client._httpx_client.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    """Plays recordings."""
    with replay.Replay() as server:
        player = Player(server)
        yield player
        player.close()


def _check(span: Any, rec: Any, result: Any) -> None:
    found, expected = span.attributes, rec["expected"]
    models = expected.get("accept", {}).get("model", [expected["model"]])
    assert found["model"] in [model.replace("models/", "") for model in models]
    asked = expected.get("input_text")
    assert not asked or any(text.strip()[:80] in form for text in asked for form in _readings(found["input"]))
    if "error" in expected:
        assert (span.status, found["error"], found["status_code"]) == (
            "error",
            str(result),
            expected["error"]["status"],
        )
        return
    assert not isinstance(result, Exception), result
    assert (span.status, found.get("error")) == ("ok", None)
    if rec["operation"] == "gemini.count_tokens":
        assert found["token_count"] == expected["tokens_total"]
        return
    _check_tokens(found, expected)
    _check_output(found, expected)


def _check_tokens(found: Any, expected: Any) -> None:
    thoughts = expected.get("tokens_reasoning") or 0
    assert found.get("tokens_total") == expected.get("tokens_total")
    assert found.get("tokens_cached", 0) == expected.get("tokens_cached", 0)
    assert found.get("tokens_reasoning", 0) == thoughts
    if "tokens_output" in expected:
        assert found["tokens_output"] == expected["tokens_output"] + thoughts
    if "tokens_total" in expected:  # nothing is counted twice or left out
        assert found["tokens_input"] + found["tokens_output"] == found["tokens_total"]


def _check_output(found: Any, expected: Any) -> None:
    output = found.get("output", "")
    for text in expected.get("output_texts") or [expected.get("output_text") or ""]:
        assert text[:400] in output or len(output) == 1000
    calls = expected.get("tool_calls")
    assert found.get("tool_calls") == (len(calls) if calls else None)
    if calls and len(output) < 1000:
        shown = json.loads(output[output.rindex('[{"name"') :])
        assert [(c["name"], json.loads(c["arguments"])) for c in shown] == [
            (c["name"], json.loads(c["arguments"])) for c in calls
        ]
    if expected.get("finish_reason"):
        assert str(expected["finish_reason"]) in found["finish_reason"]


def _readings(text: str) -> List[str]:
    return [text, text.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")]


@pytest.mark.parametrize("rec", RECORDINGS, ids=[rec["id"] for rec in RECORDINGS])
def test_the_span_holds_what_the_bytes_hold(rec: Any, player: Player, recording: Any) -> None:
    """LLM-2 to LLM-9, STREAM-7: the models' methods and chats, sync and async."""
    for mode in replay.modes(rec):
        for is_async in (False, True):
            result = player.call(rec, mode, is_async)
            if isinstance(result, Exception) and not isinstance(result, errors.APIError):
                pytest.skip(f"this version of the SDK is at a loss itself: {type(result).__name__}")
            if "no_recording" in str(result):
                pytest.skip("this version of the SDK asks another endpoint")
            _check(recording.only, rec, result)
            recording.clear()
