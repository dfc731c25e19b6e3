"""The provider keeps what every provider keeps."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import _base_client, _response

from peekr.testing import record
from peekr.testing.conformance import ProviderConformance
from peekr.testing.streams import StreamConformance
from peekr_anthropic import AnthropicProvider


class TestAnthropicProvider(ProviderConformance):
    entry_point = "anthropic"

    @pytest.fixture(autouse=True)
    def _script(self, api: Any, make: Any) -> None:
        self.api, self.make = api, make

    def make_provider(self) -> Any:
        return AnthropicProvider()

    def call(self) -> Any:
        return self.api.client().messages.create(**self.make.ask).to_dict()

    def call_failing(self) -> Any:
        self.api.answers = [(400, self.make.failure("invalid_request_error"))]
        return self.call()

    def stream(self) -> Any:
        self.api.answers = [self.make.sse(self.make.stream_events())]
        return [event.to_dict() for event in self.api.client().messages.create(**self.make.ask, stream=True)]

    def methods(self) -> Any:
        clients = (_base_client.SyncAPIClient, _base_client.AsyncAPIClient)
        names = ("request", "_process_response", "_sleep_for_retry", "_retry_request", "_copy_and_prepare")
        raw = [(_response.APIResponse, "parse"), (_response.AsyncAPIResponse, "parse")]
        return [*((client, name) for client in clients for name in names), *raw]


class TestStreams(StreamConformance):
    plugin = "anthropic"

    @pytest.fixture(autouse=True)
    def _script(self, api: Any, make: Any) -> None:
        self.api, self.make = api, make
        api.answers = [make.sse(make.stream_events())]

    def start(self) -> Any:
        return self.api.client().messages.create(**self.make.ask, stream=True)

    async def start_async(self) -> Any:
        return await self.api.async_client().messages.create(**self.make.ask, stream=True)


def test_a_client_made_before_instrument_is_traced(api: Any, make: Any) -> None:
    """INST-7."""
    client = api.client()
    with record(plugins=["anthropic"]) as recording:
        client.messages.create(**make.ask)
        assert recording.only.name == "anthropic.messages"


@pytest.mark.parametrize("lost", ["_process_response", "_copy_and_prepare"])
def test_a_patch_that_fails_leaves_the_others(
    lost: str, monkeypatch: pytest.MonkeyPatch, api: Any, make: Any, caplog: Any
) -> None:
    """INST-8: the SDK moved an inner function to the subclass; calls are traced all the same."""
    inner = getattr(_base_client.SyncAPIClient, lost, None)
    if inner is None:
        pytest.skip("this version of the SDK has no such function")
    monkeypatch.delattr(_base_client.SyncAPIClient, lost)
    monkeypatch.setattr(anthropic.Anthropic, lost, inner, raising=False)
    with record(plugins=["anthropic"]) as recording:
        answer = api.client().messages.create(**make.ask)
        span = recording.only
    assert answer.content[0].text == span.attributes["output"] == "Paris."
    assert span.attributes["tokens_total"] == 18
    assert "France" in span.attributes["input"]
    assert all(record.levelname == "WARNING" and lost in record.message for record in caplog.records)
