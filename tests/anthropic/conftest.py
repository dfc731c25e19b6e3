"""An Anthropic SDK without a network: clients whose transport answers from a script, of either httpx."""

from __future__ import annotations

import sys
from typing import Any, Dict, Iterator, List, Sequence

import pytest

from peekr.testing import Recording, record, scripted

anthropic = pytest.importorskip("anthropic")

ASK: Dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
USAGE = {"input_tokens": 11, "output_tokens": 7}
KEYS = {"api_key": "test", "base_url": "https://api.anthropic.com"}


def message(*content: Any, **changes: Any) -> Dict[str, Any]:
    """A message as the API sends it; texts stand for text blocks."""
    blocks = [{"type": "text", "text": block} if isinstance(block, str) else block for block in content or ("Paris.",)]
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-20260901"}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    return {**whole, "content": blocks, **stop, "usage": USAGE, **changes}


def tool_use(name: str, given: Any, **changes: Any) -> Dict[str, Any]:
    """A block that asks for a tool."""
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": given, **changes}


def block_events(index: int, block: Dict[str, Any], deltas: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The events of one content block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def stream_events(*blocks: Sequence[Dict[str, Any]], stop: str = "end_turn", **usage: Any) -> List[Dict[str, Any]]:
    """The events of one answer; without blocks, of the text "Paris."."""
    start = message(stop_reason=None, usage={"input_tokens": 11, "output_tokens": 1})
    start["content"] = []
    words = [{"type": "text_delta", "text": word} for word in ("Par", "is", ".")]
    end = {"stop_reason": stop, "stop_sequence": None}
    return [
        {"type": "message_start", "message": start},
        {"type": "ping"},
        *(event for block in blocks or (block_events(0, {"type": "text", "text": ""}, words),) for event in block),
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7, **usage}},
        {"type": "message_stop"},
    ]


def sse(events: Sequence[Dict[str, Any]]) -> bytes:
    """The events as the body of a stream."""
    return scripted.sse(events, named=True)


def failure(kind: str, text: str = "no") -> Dict[str, Any]:
    """The body of an error."""
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}


class Script(scripted.ScriptedAPI):
    """The server."""

    def __init__(self) -> None:
        base = sys.modules["anthropic._base_client"]
        super().__init__(getattr(base, "httpx2", None) or base.httpx, message())  # type: ignore[attr-defined]

    def client(self, kind: Any = anthropic.Anthropic, **options: Any) -> Any:
        """A sync client of this server."""
        return kind(**{**KEYS, "http_client": super().client(), **options})

    def async_client(self, kind: Any = anthropic.AsyncAnthropic, **options: Any) -> Any:
        """An async client of this server."""
        return kind(**{**KEYS, "http_client": super().async_client(), **options})


@pytest.fixture
def api() -> Script:
    """A scripted API."""
    return Script()


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Tracing with only the Anthropic provider."""
    with record(plugins=["anthropic"]) as recording:
        yield recording


@pytest.fixture
def make() -> Any:
    """Builders of API answers."""

    class Make:
        ask = ASK
        block_events = staticmethod(block_events)
        failure = staticmethod(failure)
        message = staticmethod(message)
        sse = staticmethod(sse)
        stream_events = staticmethod(stream_events)
        tool_use = staticmethod(tool_use)

    return Make
