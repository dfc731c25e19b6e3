"""Real responses of Bedrock through the real SDK: span and caller hold what the bytes hold."""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any, Dict, Iterator, List

import pytest
from botocore.exceptions import ParamValidationError
from botocore.model import OperationNotFoundError
from tests import recordings

from peekr.testing import record

NUMBERS = ("tokens_output", "tokens_cached", "tokens_cache_write", "tokens_reasoning")


replay: Any = recordings.replay()
RECORDINGS: List[Any] = recordings.chosen(replay.load_all(provider="bedrock")) if replay else []
pytestmark = [
    pytest.mark.skipif(replay is None, reason="the recorded API traffic is not beside the repository"),
    pytest.mark.skipif(importlib.util.find_spec("boto3") is None, reason="boto3 is not installed"),
]


class Player:
    """One server and one client for all recordings, as making one is slow."""

    def __init__(self, server: Any) -> None:
        if sys.version_info < (3, 10):
            import boto3.compat

            boto3.compat.filter_python_deprecation_warnings()
        self._server = server
        self.client = replay.client({"provider": "bedrock", "request": {"path": ""}}, server.url)

    def call(self, rec: Any) -> Any:
        """Replay a call; return what came, or the SDK's exception as text."""
        self._server.put(rec)
        try:
            result = replay.drain(replay.call(self.client, rec))
        except Exception as error:
            return error
        result["ResponseMetadata"]["HTTPHeaders"].pop("date", None)
        return result


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    """Plays recordings."""
    with replay.Replay() as server:
        player = Player(server)
        yield player
        player.client.close()


def _check(span: Any, rec: Dict[str, Any], result: Any) -> None:
    attributes, expected = span.attributes, rec["expected"]
    assert attributes["model"] == rec["request"]["model"] == expected["model"]
    asked = expected.get("input_text")
    shown = json.dumps(json.loads(attributes["input"])) if attributes["input"].endswith("]") else attributes["input"]
    forms = [text.strip()[:60] for text in asked or ()]
    assert not asked or any(form in s for form in forms for s in (shown, attributes["input"], _unquoted(shown)))
    if "error" in expected:
        assert (span.status, attributes["error"]) == ("error", str(result))
        assert attributes["error_reason"] == "bad_request"
        return
    assert not isinstance(result, Exception), result
    assert (span.status, attributes.get("error")) == ("ok", None)
    assert "stream_incomplete" not in attributes
    _check_tokens(attributes, expected)
    if expected.get("finish_reason"):
        assert attributes["finish_reason"] == expected["finish_reason"]
    _check_output(attributes, expected)


def _check_tokens(attributes: Any, expected: Any) -> None:
    accepted = expected.get("accept", {})
    for name in NUMBERS:
        if expected.get(name):
            assert attributes[name] in accepted.get(name, [expected[name]]), name
    # cached tokens are part of the input: the largest of the defensible readings
    assert attributes["tokens_input"] == max(accepted.get("tokens_input", [expected["tokens_input"]]))
    assert attributes["tokens_total"] == attributes["tokens_input"] + attributes["tokens_output"]
    assert attributes["tokens_total"] in accepted.get("tokens_total", [expected["tokens_total"]])


def _check_output(attributes: Any, expected: Any) -> None:
    output = attributes.get("output", "")
    assert (expected.get("output_text") or "")[:400] in output
    calls = expected.get("tool_calls")
    assert not calls or attributes["tool_calls"] == len(calls)
    if calls and len(output) < 1000:
        shown = json.loads(output[output.rindex('[{"name"') :])
        assert [(one["name"], json.loads(one["arguments"])) for one in shown] == [
            (one["name"], json.loads(one["arguments"])) for one in calls
        ]


def _unquoted(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Exception):
        return type(one) is type(other) and str(one) == str(other)
    return bool(one == other)


@pytest.mark.parametrize("rec", RECORDINGS, ids=[rec["id"] for rec in RECORDINGS])
def test_the_span_holds_what_the_bytes_hold(rec: Any, player: Player) -> None:
    """LLM-2 to LLM-9, LLM-13, INST-12, STREAM-3, STREAM-7."""
    bare = player.call(rec)
    if isinstance(bare, (AttributeError, ParamValidationError, OperationNotFoundError)):
        pytest.skip(f"this version of botocore does not know what was recorded: {bare}"[:150])
    with record(plugins=["bedrock"]) as recording:
        traced = player.call(rec)
        span = recording.only
    assert _same(traced, bare)
    assert span.name == rec["operation"]
    if rec["operation"] == "bedrock.count_tokens":
        assert not any(name.startswith("tokens_") for name in span.attributes)  # counted, not spent
    else:
        _check(span, rec, traced)
