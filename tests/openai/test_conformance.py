"""The provider keeps what every provider keeps."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import _base_client, _legacy_response, _response

from peekr.testing.conformance import ProviderConformance
from peekr.testing.streams import StreamConformance
from peekr_openai import OpenAIProvider


class TestOpenAIProvider(ProviderConformance):
    entry_point = "openai"

    @pytest.fixture(autouse=True)
    def _script(self, api: Any, make: Any) -> None:
        self.api, self.make = api, make

    def make_provider(self) -> Any:
        return OpenAIProvider()

    def call(self) -> Any:
        answer = self.api.client().chat.completions.create(model="gpt-4o", messages=self.make.messages)
        return answer.model_dump(exclude_unset=True)

    def call_failing(self) -> Any:
        self.api.answers = [(400, {"error": {"message": "no such parameter", "type": "invalid_request_error"}})]
        return self.call()

    def stream(self) -> Any:
        self.api.answers = [
            lambda request: self.make.sse(self.make.stream_chunks(usage=self.make.wants_usage(request)))
        ]
        chunks = self.api.client().chat.completions.create(model="gpt-4o", messages=self.make.messages, stream=True)
        return [chunk.model_dump(exclude_unset=True) for chunk in chunks]

    def methods(self) -> Any:
        clients = (_base_client.SyncAPIClient, _base_client.AsyncAPIClient)
        names = ("request", "_process_response", "_sleep_for_retry", "_retry_request")
        return [
            *((client, name) for client in clients for name in names),
            (_legacy_response.LegacyAPIResponse, "parse"),
            (_response.APIResponse, "parse"),
            (_response.AsyncAPIResponse, "parse"),
        ]


class TestStreams(StreamConformance):
    plugin = "openai"

    @pytest.fixture(autouse=True)
    def _script(self, api: Any, make: Any) -> None:
        self.api, self.ask = api, {"model": "gpt-4o", "messages": make.messages, "stream": True}
        api.answers = [lambda request: make.sse(make.stream_chunks(usage=make.wants_usage(request)))]

    def start(self) -> Any:
        return self.api.client().chat.completions.create(**self.ask)

    async def start_async(self) -> Any:
        return await self.api.async_client().chat.completions.create(**self.ask)


def test_a_client_made_before_instrument_is_traced(api: Any, make: Any) -> None:
    """INST-7."""
    from peekr.testing import record

    client = api.client()
    with record(plugins=["openai"]) as recording:
        client.chat.completions.create(model="gpt-4o", messages=make.messages)
        assert recording.only.name == "openai.chat.completions"


def test_the_transport_is_left_alone(api: Any, make: Any) -> None:
    """Design 5, field B 14: an SDK that changes its HTTP library changes nothing for tracing, nor for mocks of it."""
    from peekr.testing import record

    def classes() -> Any:
        httpx = api.httpx
        return [dict(vars(one)) for one in (httpx.Client, httpx.AsyncClient, httpx.HTTPTransport, httpx.Response)]

    before = classes()
    with record(plugins=["openai"]) as recording:
        api.client().chat.completions.create(model="gpt-4o", messages=make.messages)
        assert classes() == before
        assert recording.only.attributes["tokens_total"] == 18


def test_a_patch_that_fails_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, api: Any, make: Any, caplog: Any
) -> None:
    """INST-8: the SDK moved ``_process_response`` away; calls are traced from their results all the same."""
    from peekr.testing import record

    inner = _base_client.SyncAPIClient._process_response
    monkeypatch.setattr(_base_client.SyncAPIClient, "_handle", inner, raising=False)
    monkeypatch.delattr(_base_client.SyncAPIClient, "_process_response")
    client = api.client()
    monkeypatch.setattr(openai.OpenAI, "_process_response", inner, raising=False)
    with record(plugins=["openai"]) as recording:
        answer = client.chat.completions.create(model="gpt-4o", messages=make.messages)
        span = recording.only
    assert answer.choices[0].message.content == span.attributes["output"] == "Paris."
    assert span.attributes["tokens_total"] == 18
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "_process_response" in caplog.text
